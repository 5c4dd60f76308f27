"""What ``cfpy add`` adds: a binding and the files that it needs. Pure: reads and writes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from cfpy.bindings.checks import check
from cfpy.bindings.environments import effective
from cfpy.bindings.scaffold import class_source, first_migration, page_source
from cfpy.errors import UsageError
from cfpy.project.names import did_you_mean
from cfpy.tools.invocation import command

KINDS = (
    *("kv", "d1", "r2", "queue", "vectorize", "ai", "analytics"),
    *("cron", "assets", "durable-object", "workflow", "hyperdrive"),
)
#: Schedules that have a name, in UTC.
SCHEDULES = {
    "hourly": "0 * * * *",
    "daily": "0 3 * * *",
    "weekly": "0 3 * * 1",
    "monthly": "0 3 1 * *",
}
_LONGEST_NAME = 63
# workerd's compatibility-date.capnp: from this date on, python_workers implies it.
_PYTHON_WORKFLOWS_SINCE = "2025-09-20"


@dataclass(frozen=True)
class Options:
    """Options that some kinds take besides a name: ``hyperdrive_id`` of an existing configuration,
    ``consumer`` for a queue that this Worker also reads, ``dimensions`` (floats) and ``metric`` of
    a Vectorize index, ``directory`` of static assets."""

    hyperdrive_id: str = ""
    consumer: bool = False
    dimensions: int = 768
    metric: str = "cosine"
    directory: str = "public"


@dataclass(frozen=True)
class Edit:
    """One addition to a TOML file: an ``entry`` of an array of tables, a whole ``table``, a
    ``value`` at the end of the array ``key``, or a ``key`` of a table."""

    kind: Literal["entry", "table", "value", "key"]
    table: str
    value: Any
    key: str = ""


@dataclass(frozen=True)
class Export:
    """A class that the Worker's main module must export, and the module that defines it."""

    module: str
    name: str


@dataclass(frozen=True)
class Addition:
    """The changes for one binding. ``files`` are new files by their path in the project; ``type``
    is the binding's type in `typings/bindings.pyi`."""

    kind: str
    binding: str
    environment: str
    config: tuple[Edit, ...]
    settings: tuple[Edit, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    export: Export | None = None
    type: str = ""
    resource: str = ""


@dataclass(frozen=True)
class _Asked:
    """The request, with what every kind needs to know about the project."""

    config: Mapping[str, Any]
    scope: Mapping[str, Any]
    environment: str
    name: str
    options: Options

    @property
    def binding(self) -> str:
        return re.sub(r"[^A-Za-z0-9]+", "_", self.name).strip("_").upper()

    @property
    def kebab(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")

    @property
    def snake(self) -> str:
        return self.kebab.replace("-", "_")

    @property
    def class_name(self) -> str:
        return "".join(part.capitalize() for part in self.kebab.split("-"))

    @property
    def resource(self) -> str:
        name = f"{self.scope['name']}-{self.kebab}"
        if len(name) > _LONGEST_NAME:
            raise UsageError(
                f"{name} has {len(name)} characters; a name may have at most {_LONGEST_NAME}",
                hint="Choose a shorter NAME.",
            )
        return name

    @property
    def main(self) -> str:
        main = self.scope.get("main")
        if not isinstance(main, str):
            raise UsageError(
                "wrangler.toml has no `main`, so there is no module that could export a class",
                hint='First add main = "src/entry.py", and create that module.',
            )
        return main

    def table(self, name: str) -> str:
        return f"env.{self.environment}.{name}" if self.environment else name


def plan_addition(
    config: Mapping[str, Any], kind: str, name: str, environment: str, options: Options
) -> Addition:
    """The changes that add a binding of ``kind`` called ``name``.

    Args:
        config: The parsed wrangler.toml, with a ``name``.
        kind: One of :data:`KINDS`.
        name: Its name: ``sessions`` is bound as ``SESSIONS``. For a cron, the schedule.
        environment: The environment to add it to; empty for the top level.
        options: Options that some kinds take.

    Raises:
        UsageError: It already exists, or the request can't be fulfilled.
    """
    if kind not in KINDS:
        raise UsageError(
            f"cfpy can't add {kind!r}",
            hint=did_you_mean(kind, KINDS) or f"Use one of: {', '.join(KINDS)}.",
        )
    if environment and environment not in (config.get("env") or {}):
        raise UsageError(
            f"wrangler.toml has no environment {environment!r}",
            hint=f"Create it: {command('env', 'add', environment)}",
        )
    asked = _Asked(config, effective(config, environment), environment, name, options)
    if kind == "cron":
        return _cron(asked)
    if not re.match(r"[A-Za-z]", asked.binding):
        raise UsageError(
            f"{name!r} can't be the name of a binding", hint=command("add", kind, "SESSIONS")
        )
    held = dict(bound_names(asked.scope))
    if asked.binding in held and kind != "assets":
        raise UsageError(
            f"wrangler.toml already has {asked.binding} ({held[asked.binding]})",
            hint="Choose another NAME. Nothing was changed.",
        )
    return replace(_MAKERS[kind](asked), kind=kind, environment=environment)


def bound_names(scope: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every name in the Worker's ``env``, with the table that defines it."""
    for name in scope.get("vars") or {}:
        yield str(name), "vars"
    for name in (scope.get("secrets") or {}).get("required") or []:
        yield str(name), "secrets"
    queues = scope.get("queues") or {}
    objects = scope.get("durable_objects") or {}
    nested = {
        "queues.producers": queues.get("producers"),
        "durable_objects": objects.get("bindings"),
    }
    for table, value in [*scope.items(), *nested.items()]:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                key = "name" if table in ("durable_objects", "ratelimits", "send_email") else ""
                name = item.get(key or "binding")
                if isinstance(name, str):
                    yield name, table


def _addition(asked: _Asked, *config: Edit, **more: Any) -> Addition:
    return Addition("", asked.binding, "", config, **more)


def _entry(asked: _Asked, table: str, **entry: Any) -> Edit:
    return Edit("entry", asked.table(table), entry)


def _kv(asked: _Asked) -> Addition:
    edit = _entry(asked, "kv_namespaces", binding=asked.binding)
    return _addition(asked, edit, type="KVNamespace", resource=asked.resource)


def _d1(asked: _Asked) -> Addition:
    used = {
        str(item.get("migrations_dir", "migrations"))
        for item in asked.scope.get("d1_databases") or []
    }
    directory = "migrations" if not used else f"migrations-{asked.kebab}"
    if asked.environment:
        # It is the same database as at the top level, so it has the same tables.
        for item in asked.config.get("d1_databases") or []:
            if item.get("binding") == asked.binding:
                directory = str(item.get("migrations_dir", "migrations"))
    if directory in used:
        raise UsageError(f"another database already has its migrations in {directory}")
    edit = _entry(
        asked,
        "d1_databases",
        binding=asked.binding,
        database_name=asked.resource,
        migrations_dir=directory,
    )
    return _addition(
        asked,
        edit,
        files={f"{directory}/0001_{asked.snake}.sql": first_migration()},
        type="D1Database",
        resource=asked.resource,
    )


def _r2(asked: _Asked) -> Addition:
    edit = _entry(asked, "r2_buckets", binding=asked.binding, bucket_name=asked.resource)
    return _addition(asked, edit, type="R2Bucket", resource=asked.resource)


def _queue(asked: _Asked) -> Addition:
    queue = asked.resource
    edits = [_entry(asked, "queues.producers", binding=asked.binding, queue=queue)]
    if asked.options.consumer:
        dead = f"{queue}-dead-letters"
        if len(dead) > _LONGEST_NAME:
            raise UsageError(
                f"{dead} has {len(dead)} characters; the name of a queue may have at most "
                f"{_LONGEST_NAME}",
                hint="Choose a shorter NAME.",
            )
        # Without a dead-letter queue, messages that keep failing are deleted.
        edits.append(_entry(asked, "queues.consumers", queue=queue, dead_letter_queue=dead))
    return _addition(asked, *edits, type="Queue", resource=queue)


def _vectorize(asked: _Asked) -> Addition:
    options = asked.options
    # developers.cloudflare.com/vectorize/platform/limits
    if not 1 <= options.dimensions <= 1536:
        raise UsageError(f"--dimensions must be 1 to 1536, not {options.dimensions}")
    if options.metric not in ("cosine", "euclidean", "dot-product"):
        raise UsageError(
            f"unknown --metric {options.metric!r}", hint="Use cosine, euclidean or dot-product."
        )
    index = asked.resource
    settings = {"index_name": index, "dimensions": options.dimensions, "metric": options.metric}
    return _addition(
        asked,
        _entry(asked, "vectorize", binding=asked.binding, index_name=index),
        settings=(Edit("entry", "vectorize", settings),),
        type="Vectorize",
        resource=index,
    )


def _ai(asked: _Asked) -> Addition:
    _refuse_second(asked, "ai")
    edit = Edit("table", asked.table("ai"), {"binding": asked.binding})
    return _addition(asked, edit, type="AI")


def _analytics(asked: _Asked) -> Addition:
    # A dataset's name follows the rules for SQL tables:
    # developers.cloudflare.com/analytics/analytics-engine
    dataset = asked.resource.replace("-", "_")
    edit = _entry(asked, "analytics_engine_datasets", binding=asked.binding, dataset=dataset)
    return _addition(asked, edit, type="AnalyticsEngine", resource=dataset)


def _assets(asked: _Asked) -> Addition:
    own = asked.scope.get("assets")
    if "site" in asked.scope:
        raise UsageError(
            "the Worker uses Workers Sites, and wrangler allows either those or static assets",
            hint="Replace [site] first: developers.cloudflare.com/workers/static-assets",
        )
    if own is None:
        directory = f"./{asked.options.directory.strip('/').removeprefix('./')}"
        edit = Edit(
            "table", asked.table("assets"), {"directory": directory, "binding": asked.binding}
        )
        page = f"{directory.removeprefix('./')}/index.html"
        return _addition(
            asked, edit, files={page: page_source(str(asked.scope["name"]))}, type="Fetcher"
        )
    if not isinstance(own, Mapping) or own.get("binding"):
        bound = own.get("binding") if isinstance(own, Mapping) else own
        raise UsageError(f"the static assets are already bound, as {bound}")
    if asked.environment and "assets" not in asked.config["env"][asked.environment]:
        raise UsageError(
            "the environment inherits its static assets from the top level",
            hint=command("add", "assets", asked.name, "--env", ""),
        )
    edit = Edit("key", asked.table("assets"), asked.binding, "binding")
    return _addition(asked, edit, type="Fetcher")


def _cron(asked: _Asked) -> Addition:
    schedule = " ".join(SCHEDULES.get(asked.name, asked.name).split())
    if broken := [f for f in check(_with_cron(schedule), "x", date.max) if "schedule" in f.message]:
        named = ", ".join(SCHEDULES)
        raise UsageError(broken[0].message, hint=f"{broken[0].mend}; or {named}.")
    if schedule in ((asked.scope.get("triggers") or {}).get("crons") or []):
        raise UsageError(f"the Worker already runs at {schedule!r}")
    edit = Edit("value", asked.table("triggers"), schedule, "crons")
    return Addition("cron", schedule, asked.environment, (edit,))


def _with_cron(schedule: str) -> dict[str, Any]:
    return {"compatibility_date": str(date.max), "triggers": {"crons": [schedule]}}


def _durable_object(asked: _Asked) -> Addition:
    binding = _entry(
        asked, "durable_objects.bindings", name=asked.binding, class_name=asked.class_name
    )
    own = asked.environment and "migrations" in asked.config["env"][asked.environment]
    table = asked.table("migrations") if own else "migrations"
    migration = {
        "tag": _next_tag(asked.scope.get("migrations") or [], asked.kebab),
        "new_sqlite_classes": [asked.class_name],
    }
    made = [name for m in asked.scope.get("migrations") or [] for name in _classes_of(m)]
    edits = [binding] if asked.class_name in made else [binding, Edit("entry", table, migration)]
    return _addition(
        asked, *edits, **_class(asked, "durable-object"), type="DurableObjectNamespace"
    )


def _classes_of(migration: Mapping[str, Any]) -> list[str]:
    return [*(migration.get("new_sqlite_classes") or []), *(migration.get("new_classes") or [])]


def _next_tag(migrations: list[Mapping[str, Any]], name: str) -> str:
    tags = [str(item.get("tag")) for item in migrations]
    if all(re.fullmatch(r"v\d+", tag) for tag in tags):
        return f"v{max([int(tag[1:]) for tag in tags], default=0) + 1}"
    return f"add-{name}"


def _workflow(asked: _Asked) -> Addition:
    name = asked.resource
    edits = [
        _entry(asked, "workflows", name=name, binding=asked.binding, class_name=asked.class_name)
    ]
    flags = asked.scope.get("compatibility_flags") or []
    old = str(asked.scope.get("compatibility_date", "")) < _PYTHON_WORKFLOWS_SINCE
    if asked.main.endswith(".py") and old and "python_workflows" not in flags:
        own = asked.environment and "compatibility_flags" in asked.config["env"][asked.environment]
        table = f"env.{asked.environment}" if own else ""
        edits.append(Edit("value", table, "python_workflows", "compatibility_flags"))
    return _addition(asked, *edits, **_class(asked, "workflow"), type="Workflow", resource=name)


def _class(asked: _Asked, kind: str) -> dict[str, Any]:
    """Create the module of a class that the main module exports."""
    folder, _, file = asked.main.rpartition("/")
    suffix = file.rpartition(".")[2]
    module = asked.snake if suffix == "py" else asked.kebab
    path = f"{folder}/{module}.{suffix}" if folder else f"{module}.{suffix}"
    return {
        "files": {path: class_source(kind, asked.class_name, suffix)},
        "export": Export(module, asked.class_name),
    }


def _hyperdrive(asked: _Asked) -> Addition:
    given = asked.options.hyperdrive_id
    create = ("hyperdrive", "create", asked.resource, "--connection-string=...")
    if not re.fullmatch(r"[0-9a-f]{32}", given):
        raise UsageError(
            "a Hyperdrive binding needs --id, the id of a Hyperdrive configuration"
            + (f", not {given!r}" if given else ""),
            hint=f"Create one with: {command('wrangler', *create)}; list them with: "
            f"{command('wrangler', 'hyperdrive', 'list')}",
        )
    edit = _entry(asked, "hyperdrive", binding=asked.binding, id=given)
    return _addition(asked, edit, type="Hyperdrive", resource=asked.resource)


def _refuse_second(asked: _Asked, table: str) -> None:
    own = asked.scope.get(table)
    if own is not None:
        name = own.get("binding") if isinstance(own, Mapping) else own
        raise UsageError(f"a Worker can bind {table} only once; it is already bound, as {name}")


_MAKERS: Mapping[str, Callable[[_Asked], Addition]] = {
    "kv": _kv,
    "d1": _d1,
    "r2": _r2,
    "queue": _queue,
    "vectorize": _vectorize,
    "ai": _ai,
    "analytics": _analytics,
    "assets": _assets,
    "durable-object": _durable_object,
    "workflow": _workflow,
    "hyperdrive": _hyperdrive,
}
