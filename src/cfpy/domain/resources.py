"""What a Worker needs in an account: the desired state, read from the project's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cfpy.domain.environments import effective
from cfpy.domain.project import Project, R2Settings, Secret, VectorizeIndex
from cfpy.errors import ProjectError, UsageError


@dataclass(frozen=True)
class D1Database:
    """``id`` is empty until wrangler.toml holds it. ``migrations`` are file names, in order."""

    name: str
    binding: str
    id: str
    migrations: tuple[str, ...]
    migrations_table: str


@dataclass(frozen=True)
class KVNamespace:
    """wrangler.toml knows no title: it is ``<worker>-<binding>``, as `wrangler deploy` has it."""

    title: str
    binding: str
    id: str


@dataclass(frozen=True)
class DesiredState:
    """Everything that one environment of a project needs.

    ``environment`` is empty for the top level of wrangler.toml. ``consumed`` are the queues that
    the Worker gets messages from, ``workers_dev`` says whether it is reached at the account's
    workers.dev subdomain.
    """

    worker: str
    environment: str
    databases: tuple[D1Database, ...]
    namespaces: tuple[KVNamespace, ...]
    buckets: tuple[str, ...]
    bucket_settings: tuple[R2Settings, ...]
    queues: tuple[str, ...]
    consumed: tuple[str, ...]
    indexes: tuple[VectorizeIndex, ...]
    datasets: tuple[str, ...]
    secrets: tuple[Secret, ...]
    workers_dev: bool

    def binding(self, kind: str, name: str) -> str:
        """What binds the database (``d1``) or the namespace (``kv``) of this name."""
        if kind == "d1":
            return next(item.binding for item in self.databases if item.name == name)
        return next(item.binding for item in self.namespaces if item.title == name)


def desired_state(project: Project, environment: str = "") -> DesiredState:
    """What ``environment`` of the project needs.

    Bindings are not inherited by environments (developers.cloudflare.com/workers/wrangler/
    environments), so an environment has what its own tables say and nothing else.

    Raises:
        UsageError: wrangler.toml has no such environment.
        ProjectError: A table lacks a name.
    """
    scope = scope_of(project, environment)
    worker = _worker_name(project, environment, scope)
    queues = scope.get("queues") or {}
    consumers = _tables(queues, "consumers")
    named = [
        *(
            _text(project, item, "queue", "queues.producers")
            for item in _tables(queues, "producers")
        ),
        *(_text(project, item, "queue", "queues.consumers") for item in consumers),
        *(str(item["dead_letter_queue"]) for item in consumers if item.get("dead_letter_queue")),
    ]
    indexes = {
        _text(project, item, "index_name", "vectorize") for item in _tables(scope, "vectorize")
    }
    buckets = [
        _text(project, item, "bucket_name", "r2_buckets") for item in _tables(scope, "r2_buckets")
    ]
    datasets = [
        str(item.get("dataset") or item.get("binding"))
        for item in _tables(scope, "analytics_engine_datasets")
    ]
    return DesiredState(
        worker=worker,
        environment=environment,
        databases=tuple(_database(project, item) for item in _tables(scope, "d1_databases")),
        namespaces=tuple(_namespace(project, worker, i) for i in _tables(scope, "kv_namespaces")),
        buckets=tuple(sorted(set(buckets))),
        bucket_settings=tuple(item for item in project.r2 if item.bucket_name in buckets),
        queues=tuple(sorted(set(named))),
        consumed=tuple(sorted({str(item["queue"]) for item in consumers})),
        indexes=tuple(project.vectorize_index(name) for name in sorted(indexes)),
        datasets=tuple(sorted(set(datasets))),
        secrets=_secrets(project, scope),
        workers_dev=_on_workers_dev(project, scope),
    )


def scope_of(project: Project, environment: str) -> Mapping[str, Any]:
    """The tables of an environment.

    Raises:
        UsageError: wrangler.toml has no such environment.
    """
    if not environment:
        return project.wrangler
    environments = project.wrangler.get("env") or {}
    if environment not in environments:
        known = ", ".join(environments) or "none"
        raise UsageError(
            f"{project.config_path} has no environment {environment!r}",
            hint=f"Its environments: {known}. cfpy env add {environment} makes it.",
        )
    scope: Mapping[str, Any] = environments[environment]
    return scope


def in_environment(project: Project, environment: str) -> Project:
    """The project as if ``environment`` were all that its wrangler.toml holds.

    Raises:
        UsageError: wrangler.toml has no such environment.
    """
    scope_of(project, environment)
    return replace(project, wrangler=effective(project.wrangler, environment))


def _worker_name(project: Project, environment: str, scope: Mapping[str, Any]) -> str:
    name = project.wrangler.get("name")
    if not isinstance(name, str) or not name:
        raise ProjectError("`name` is missing", path=project.config_path)
    if not environment:
        return name
    return str(scope.get("name") or f"{name}-{environment}")


def _on_workers_dev(project: Project, scope: Mapping[str, Any]) -> bool:
    """As wrangler has it: unless it is said otherwise, where there is no route."""
    routes = [_inherited(project, scope, key) for key in ("route", "routes")]
    said = _inherited(project, scope, "workers_dev")
    return not any(routes) if said is None else bool(said)


def _inherited(project: Project, scope: Mapping[str, Any], key: str) -> Any:
    return scope[key] if key in scope else project.wrangler.get(key)


def _database(project: Project, table: Mapping[str, Any]) -> D1Database:
    directory = project.root / Path(str(table.get("migrations_dir") or "migrations"))
    return D1Database(
        name=_text(project, table, "database_name", "d1_databases"),
        binding=_text(project, table, "binding", "d1_databases"),
        id=str(table.get("database_id") or ""),
        migrations=tuple(sorted(path.name for path in directory.glob("*.sql"))),
        migrations_table=str(table.get("migrations_table") or "d1_migrations"),
    )


def _namespace(project: Project, worker: str, table: Mapping[str, Any]) -> KVNamespace:
    binding = _text(project, table, "binding", "kv_namespaces")
    title = f"{worker}-{binding.lower().replace('_', '-')}"
    return KVNamespace(title, binding, str(table.get("id") or ""))


def _secrets(project: Project, scope: Mapping[str, Any]) -> tuple[Secret, ...]:
    """Those that wrangler.toml requires, with what cfpy.toml says of them."""
    described = {secret.name: secret for secret in project.secrets}
    required = (scope.get("secrets") or {}).get("required") or []
    names = [*required, *(name for name in described if name not in required)]
    return tuple(described.get(name, Secret(name, "", generate=False)) for name in names)


def _tables(scope: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return [item for item in scope.get(key) or [] if isinstance(item, Mapping)]


def _text(project: Project, table: Mapping[str, Any], key: str, of: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise ProjectError(f"a [[{of}]] table lacks `{key}`", path=project.config_path)
    return value
