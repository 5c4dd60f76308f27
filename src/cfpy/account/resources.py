"""What a Worker needs in an account: the desired state, read from the project's files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cfpy.bindings.environments import effective
from cfpy.errors import ProjectError, UsageError
from cfpy.project.migrations import DEFAULT, Migrations, migrations_of
from cfpy.project.project import Project, R2Settings, VectorizeIndex
from cfpy.project.secret import Secret
from cfpy.tools.invocation import command

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True)
class D1Database:
    """One binding of a database.

    ``name`` is the name in the file (``named``), or else the one that wrangler would use. ``id`` is
    empty until it is in the file. ``migrations`` are file names, in order, from ``source``.
    """

    name: str
    binding: str
    id: str
    migrations: tuple[str, ...] = ()
    migrations_table: str = "d1_migrations"
    source: Migrations = DEFAULT
    named: bool = True
    jurisdiction: str = ""
    location: str = ""


@dataclass(frozen=True)
class KVNamespace:
    """One binding of a namespace. The file has no title: ``name`` is ``<worker>-<binding>``, the
    name that `wrangler deploy` would use."""

    name: str
    binding: str
    id: str
    named: bool = False
    jurisdiction: str = ""
    location: str = ""


@dataclass(frozen=True)
class R2Bucket:
    """A bucket; ``unnamed`` are the bindings whose tables have no bucket name yet."""

    name: str
    unnamed: tuple[str, ...] = ()
    jurisdiction: str = ""
    location: str = ""


@dataclass(frozen=True)
class Queue:
    """A queue to which the Worker sends, from which it gets messages, or that takes its dead
    letters."""

    name: str
    jurisdiction: str = ""


@dataclass(frozen=True)
class DesiredState:
    """Everything that one environment of a project needs.

    ``environment`` is empty for the top level of the configuration. ``consumed`` are the queues
    from which the Worker gets messages, ``workers_dev`` is whether it is available at the account's
    workers.dev subdomain. ``deleted_classes`` are the tags of all migrations of Durable Objects, in
    order, with the classes that each deletes; empty if none deletes any.
    """

    worker: str
    environment: str
    databases: tuple[D1Database, ...]
    namespaces: tuple[KVNamespace, ...]
    buckets: tuple[R2Bucket, ...]
    bucket_settings: tuple[R2Settings, ...]
    queues: tuple[Queue, ...]
    consumed: tuple[str, ...]
    indexes: tuple[VectorizeIndex, ...]
    datasets: tuple[str, ...]
    secrets: tuple[Secret, ...]
    workers_dev: bool
    custom_domains: tuple[str, ...] = ()
    deleted_classes: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def migrations_directory(self, binding: str) -> str:
        """The directory of the migrations for the database of ``binding``, relative to the
        project."""
        return next(item.source.directory for item in self.databases if item.binding == binding)


def desired_state(project: Project, environment: str = "") -> DesiredState:
    """What ``environment`` of the project needs.

    Bindings are not inherited by environments (developers.cloudflare.com/workers/wrangler/
    environments), so an environment has only what is in its own tables.

    Raises:
        UsageError: The configuration has no such environment.
        ProjectError: A table names no resource, or an invalid one.
    """
    scope = scope_of(project, environment)
    worker = _worker_name(project, environment, scope)
    consumers = _tables(scope.get("queues") or {}, "consumers")
    indexes = {
        _text(project, item, "index_name", "vectorize") for item in _tables(scope, "vectorize")
    }
    buckets = _buckets(project, worker, _tables(scope, "r2_buckets"))
    datasets = [
        str(item.get("dataset") or item.get("binding"))
        for item in _tables(scope, "analytics_engine_datasets")
    ]
    names = {bucket.name for bucket in buckets}
    return DesiredState(
        worker=worker,
        environment=environment,
        databases=tuple(_database(project, worker, i) for i in _tables(scope, "d1_databases")),
        namespaces=_namespaces(project, worker, _tables(scope, "kv_namespaces")),
        buckets=buckets,
        bucket_settings=tuple(item for item in project.r2 if item.bucket_name in names),
        queues=_queues(project, scope, consumers),
        consumed=tuple(sorted({str(item["queue"]) for item in consumers})),
        indexes=tuple(project.vectorize_index(name) for name in sorted(indexes)),
        datasets=tuple(sorted(set(datasets))),
        secrets=_secrets(project, scope),
        workers_dev=_on_workers_dev(project, scope),
        custom_domains=_custom_domains(project, scope),
        deleted_classes=_deleted_classes(project, scope),
    )


def scope_of(project: Project, environment: str) -> Mapping[str, Any]:
    """The tables of an environment.

    Raises:
        UsageError: The configuration has no such environment.
    """
    if not environment:
        return project.wrangler
    environments = project.wrangler.get("env") or {}
    if environment not in environments:
        known = ", ".join(environments) or "none"
        raise UsageError(
            f"{project.config_path} has no environment {environment!r}",
            hint=f"Its environments: {known}. Create it: {command('env', 'add', environment)}",
        )
    scope: Mapping[str, Any] = environments[environment]
    return scope


def in_environment(project: Project, environment: str) -> Project:
    """The project as if ``environment`` were the whole content of its configuration.

    Raises:
        UsageError: The configuration has no such environment.
    """
    scope_of(project, environment)
    return replace(project, wrangler=effective(project.wrangler, environment))


def default_name(worker: str, binding: str) -> str:
    """The name that wrangler gives a resource without a configured one (4.164.0,
    ``autoProvisionedResourceName``)."""
    return f"{worker}-{binding.lower().replace('_', '-')}"


def _worker_name(project: Project, environment: str, scope: Mapping[str, Any]) -> str:
    name = project.wrangler.get("name")
    if not isinstance(name, str) or not name:
        raise ProjectError("`name` is missing", path=project.config_path)
    if not environment:
        return name
    return str(scope.get("name") or f"{name}-{environment}")


def _on_workers_dev(project: Project, scope: Mapping[str, Any]) -> bool:
    """As in wrangler: if there is no route, unless the configuration says otherwise."""
    routes = [_inherited(project, scope, key) for key in ("route", "routes")]
    said = _inherited(project, scope, "workers_dev")
    return not any(routes) if said is None else bool(said)


def _custom_domains(project: Project, scope: Mapping[str, Any]) -> tuple[str, ...]:
    several = _inherited(project, scope, "routes")
    routes = [_inherited(project, scope, "route"), *(several if isinstance(several, list) else ())]
    hosts = {
        str(item.get("pattern"))
        for item in routes
        if isinstance(item, Mapping) and item.get("custom_domain")
    }
    return tuple(sorted(hosts))


def _deleted_classes(
    project: Project, scope: Mapping[str, Any]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    migrations = _inherited(project, scope, "migrations") or ()
    found = tuple((str(i.get("tag")), tuple(i.get("deleted_classes") or ())) for i in migrations)
    return found if any(classes for _, classes in found) else ()


def _inherited(project: Project, scope: Mapping[str, Any], key: str) -> Any:
    return scope[key] if key in scope else project.wrangler.get(key)


def _database(project: Project, worker: str, table: Mapping[str, Any]) -> D1Database:
    binding = _text(project, table, "binding", "d1_databases")
    named = str(table.get("database_name") or "")
    if _UUID.fullmatch(named):
        raise ProjectError(
            f"database_name {named!r} of {binding} is an id, not a name",
            path=project.config_path,
            hint=f'Move it to database_id = "{named}", and set database_name to a name.',
        )
    try:
        source = migrations_of(table)
    except ValueError as error:
        raise ProjectError(str(error), path=project.config_path) from None
    name = named or default_name(worker, binding)
    return D1Database(
        name=name,
        binding=binding,
        id=str(table.get("database_id") or ""),
        migrations=source.names(project.root),
        migrations_table=str(table.get("migrations_table") or "d1_migrations"),
        source=source,
        named=bool(named),
        jurisdiction=str(table.get("jurisdiction") or ""),
        location=project.data_location("d1", name).location,
    )


def _namespaces(
    project: Project, worker: str, tables: Sequence[Mapping[str, Any]]
) -> tuple[KVNamespace, ...]:
    found = []
    for table in tables:
        binding = _text(project, table, "binding", "kv_namespaces")
        placed = project.data_location("kv", binding)
        name = default_name(worker, binding)
        given = str(table.get("id") or "")
        found.append(KVNamespace(name, binding, given, jurisdiction=placed.jurisdiction))
    for item in found:
        others = [i.binding for i in found if i.name == item.name and i.binding != item.binding]
        if others and not item.id:
            raise ProjectError(
                f"the namespaces of {item.binding} and {others[0]} would both be {item.name}",
                path=project.config_path,
                hint="Rename one of the bindings, or set an id for both.",
            )
    return tuple(found)


def _buckets(
    project: Project, worker: str, tables: Sequence[Mapping[str, Any]]
) -> tuple[R2Bucket, ...]:
    """Each bucket once, even if it has several bindings."""
    found: dict[str, R2Bucket] = {}
    for table in tables:
        binding = _text(project, table, "binding", "r2_buckets")
        name = str(table.get("bucket_name") or "") or default_name(worker, binding)
        where = str(table.get("jurisdiction") or "")
        before = found.get(name)
        if before and before.jurisdiction != where:
            raise ProjectError(
                f"the bucket {name} is bound in the jurisdictions "
                f"{before.jurisdiction or 'default'} and {where or 'default'}",
                path=project.config_path,
                hint="A bucket has one jurisdiction: use the same one in both tables.",
            )
        unnamed = () if table.get("bucket_name") else (binding,)
        unnamed = (*(before.unnamed if before else ()), *unnamed)
        found[name] = R2Bucket(name, unnamed, where, project.data_location("r2", name).location)
    return tuple(found[name] for name in sorted(found))


def _queues(
    project: Project, scope: Mapping[str, Any], consumers: Sequence[Mapping[str, Any]]
) -> tuple[Queue, ...]:
    producers = _tables(scope.get("queues") or {}, "producers")
    named = {
        *(_text(project, item, "queue", "queues.producers") for item in producers),
        *(_text(project, item, "queue", "queues.consumers") for item in consumers),
        *(str(item["dead_letter_queue"]) for item in consumers if item.get("dead_letter_queue")),
    }
    return tuple(
        Queue(name, project.data_location("queues", name).jurisdiction) for name in sorted(named)
    )


def _secrets(project: Project, scope: Mapping[str, Any]) -> tuple[Secret, ...]:
    """The secrets that the configuration requires, as described in cfpy.toml."""
    described = {secret.name: secret for secret in project.secrets}
    required = (scope.get("secrets") or {}).get("required") or []
    names = [*required, *(name for name in described if name not in required)]
    return tuple(described.get(name, Secret(name)) for name in names)


def _tables(scope: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return [item for item in scope.get(key) or [] if isinstance(item, Mapping)]


def _text(project: Project, table: Mapping[str, Any], key: str, of: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise ProjectError(f"a [[{of}]] table has no `{key}`", path=project.config_path)
    return value
