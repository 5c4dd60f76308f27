"""Prepares everything that a project needs to run on this machine."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from cfpy.account.migrating import naming_the_file
from cfpy.account.wrangler import Wrangler
from cfpy.local import configuration
from cfpy.local.custom_build import build_settings
from cfpy.local.env_files import ENV_SLOTS, EnvFiles, find_env_files
from cfpy.local.front import FRONT, front_config
from cfpy.local.kept_data import keep_data
from cfpy.local.local_data import local_data
from cfpy.local.local_runtime import RUNTIME_FILES, LocalSession
from cfpy.local.module_root import below_link, link_modules, module_root
from cfpy.local.only_workerd import used_classes
from cfpy.project.git_ignored import ignore_in_git
from cfpy.project.migrations import migrations_of
from cfpy.project.project import Project
from cfpy.project.toml_values import as_json
from cfpy.project.vendor import vendor
from cfpy.tools.context import Context
from cfpy.tools.toolchain import NEWEST_PYTHON, cache_directory

_SHIM = RUNTIME_FILES / "node" / "shim_worker.js"


class Runtime(StrEnum):
    """Where the project's Python runs."""

    AUTO = "auto"
    NODE = "node"
    WORKERD = "workerd"


@dataclass(frozen=True)
class DevRequest:
    """What to run. ``persist_to`` defaults to ``.wrangler/state`` in the project.

    ``port`` 0 selects a free port. ``environment`` is empty for the top level of the configuration.
    ``env_files`` have the secrets, instead of the files that wrangler finds. ``beside`` are the
    folders of other Workers that run in the same run.
    ``vectorize_delay`` is how long a mutation of a Vectorize index stays invisible, in seconds.
    ``neurons`` is what a million tokens of a model cost, ``input`` and ``output``, for the page.
    """

    root: Path
    host: str
    port: int
    runtime: Runtime
    persist_to: Path | None
    watch: bool
    environment: str = ""
    config: Path | None = None
    env_files: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()
    vectorize_delay: float = 0.0
    neurons: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """The absolute path of the local data."""
        return (self.persist_to or self.root / ".wrangler" / "state").resolve()


@dataclass(frozen=True)
class Prepared:
    """What to run, the names of the files with its secrets, and the bindings that do not work, with
    what you can do about it."""

    session: LocalSession
    secrets_file: str
    left_out: Mapping[str, str]


def prepare(
    ctx: Context,
    project: Project,
    request: DevRequest,
    ai: configuration.LocalAI,
    *,
    on_node: bool,
    names: frozenset[str] = frozenset(),
) -> Prepared:
    """Write the derived configurations, install packages and apply migrations.

    ``names`` are those of all Workers of the run.

    Raises:
        ProjectError: The project's files are missing or not valid.
        ToolNotFoundError: The Worker's packages can't be installed.
        WranglerError: A migration failed.
    """
    build = build_settings(project)
    # The main module may be created by the build.
    entry = project.root / str(project.wrangler.get("main")) if build else project.entry
    vendored = vendor(project, ctx.runner, ctx.progress) if project.is_python else None
    modules = vendored or project.root / "python_modules"
    env_files = find_env_files(project.root, request.environment, os.environ, request.env_files)
    missing = _missing(project, entry, env_files, on_node=on_node, names=names)
    main = _SHIM if on_node else entry
    worker = configuration.worker_config(
        project, main, python=not on_node, without=missing, environment=request.environment
    )
    derived = _derived(project)
    modules_root, front = None, None
    if not on_node:
        worker, modules_root = _for_workerd(project, worker, entry, derived)
        front = _write_front(project, derived, worker, env_files=env_files, request=request)
    session = LocalSession(
        project=project.root,
        config=project.config_name,
        entry=entry,
        module_root=modules_root,
        worker=_write_json(derived / "worker.json", worker),
        front=front,
        local_services=_write_services(project, derived, ai, request.vectorize_delay),
        python_modules=modules,
        kinds=configuration.binding_kinds(project),
        failing=configuration.failing_bindings(project, missing),
        build=build,
        env_files=env_files,
        migrations=_migration_directories(worker),
        neurons=request.neurons,
        host=request.host,
        port=request.port,
        state=request.state,
        cache=cache_directory() / "pyodide",
        watch=request.watch,
        service_secrets=ai.secrets,
        python=project.python_version if project.is_python else NEWEST_PYTHON,
    )
    _keep_data(ctx, project, session, request.environment)
    _migrate(ctx, project, session)
    return Prepared(session, env_files.shown, missing)


def _migration_directories(worker: Mapping[str, Any]) -> tuple[Path, ...]:
    """The directories of migrations in a derived configuration."""
    databases = worker.get("d1_databases", [])
    directories = {Path(item["migrations_dir"]) for item in databases}
    return tuple(
        sorted({*directories, *(file.parent for d in databases for file in _migrations(d))})
    )


def _missing(
    project: Project, entry: Path, env_files: EnvFiles, *, on_node: bool, names: frozenset[str]
) -> dict[str, str]:
    """What does not work in the run, each with what you can do about it."""
    known = {**os.environ, **dict.fromkeys(env_files.names, "")}
    missing = configuration.left_out(project, known, on_node=on_node, names=names)
    return missing | used_classes(entry) if on_node else missing


def _derived(project: Project) -> Path:
    """The directory of the derived configurations."""
    derived = project.root / configuration.DERIVED
    derived.mkdir(parents=True, exist_ok=True)
    ignore_in_git(derived.parent, project.root)
    return derived


def _keep_data(ctx: Context, project: Project, session: LocalSession, environment: str) -> None:
    """Move local data whose id was changed."""
    owner = f"{project.wrangler.get('name')}:{environment}"
    keep_data(session.state, owner, local_data(project, environment), ctx.progress)


def _for_workerd(
    project: Project, worker: dict[str, Any], entry: Path, derived: Path
) -> tuple[dict[str, Any], Path | None]:
    """``worker`` as ``wrangler dev`` runs it behind the Worker in front, and the directory of the
    modules that wrangler reads only when told."""
    worker = {**worker, "tail_consumers": [{"service": FRONT}]}
    root = module_root(project, entry)
    if root is None:
        return worker, None
    return below_link(worker, root, entry, link_modules(root, derived)), root


def _write_front(
    project: Project,
    derived: Path,
    worker: Mapping[str, Any],
    *,
    env_files: EnvFiles,
    request: DevRequest,
) -> Path | None:
    """The configuration of the Worker in front, in its own directory, too; ``None`` if there are
    more files of secrets than wrangler reads for a Worker that is not the first."""
    if len(env_files.env_files) > len(ENV_SLOTS):
        return None
    config = front_config(
        project,
        worker,
        RUNTIME_FILES / "workerd" / "front.mjs",
        env_files=env_files,
        neurons=request.neurons,
        host=request.host,
    )
    directory = derived / "front"
    directory.mkdir(exist_ok=True)
    return _write_json(directory / "front.json", config)


def _write_services(
    project: Project, derived: Path, ai: configuration.LocalAI, delay: float
) -> Path | None:
    """The configuration of the stand-ins, in its own directory: the secrets next to the other one
    are not for them."""
    if not configuration.needs_local_services(project):
        return None
    stand_ins = RUNTIME_FILES / "local_services" / "main.js"
    date = str(project.wrangler.get("compatibility_date"))
    config = configuration.local_services_config(stand_ins, date, ai, delay)
    directory = derived / "local-services"
    directory.mkdir(exist_ok=True)
    return _write_json(directory / "local-services.json", config)


def _migrate(ctx: Context, project: Project, session: LocalSession) -> None:
    """Apply pending migrations to local D1, unless their files are unchanged since the last
    time."""
    databases = json.loads(session.worker.read_text("utf-8")).get("d1_databases", [])
    found = {item["binding"]: _migrations(item) for item in databases}
    files = [path for paths in found.values() for path in paths]
    if not files:
        return
    # Another environment or another name is another database.
    parts = [item["database_id"].encode() for item in databases]
    parts += [str(path).encode() + path.read_bytes() for path in files]
    digest = hashlib.sha256(b"\0".join(parts))
    stamp = session.state / "cfpy-migrations"
    if stamp.is_file() and stamp.read_text("utf-8") == digest.hexdigest():
        return
    ctx.progress("Applying migrations to the local database")
    wrangler = Wrangler(ctx.runner, ctx.toolchain, project.root, config=session.worker)
    for item in databases:
        if found[item["binding"]]:
            name = item.get("database_name") or item["binding"]
            with naming_the_file(name, project.root, migrations_of(item).directory):
                wrangler.apply_local_migrations(name, persist_to=session.state)
    stamp.write_text(digest.hexdigest(), "utf-8")


def _migrations(database: Mapping[str, Any]) -> list[Path]:
    """The migrations of a table in the derived configuration, with absolute paths."""
    source = migrations_of(database)
    return [Path(source.directory, name) for name in source.names(Path())]


def _write_json(path: Path, data: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(as_json(data), indent=2) + "\n", "utf-8")
    return path
