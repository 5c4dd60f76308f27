"""Prepares everything that a project needs to run on this machine."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from cfpy.errors import FilesystemError
from cfpy.local import configuration
from cfpy.local.access import LocalAccess, with_local_issuer
from cfpy.local.custom_build import build_settings
from cfpy.local.env_files import ENV_SLOTS, EnvFiles, find_env_files
from cfpy.local.front import front_config
from cfpy.local.kept_data import keep_data
from cfpy.local.local_data import local_data
from cfpy.local.local_migrations import migrate, migration_directories
from cfpy.local.local_runtime import RUNTIME_FILES, LocalSession
from cfpy.local.module_root import below_link, link_modules, module_root
from cfpy.local.only_workerd import used_classes
from cfpy.local.own_names import OwnNames
from cfpy.local.secret_names import secret_names, with_process_secrets
from cfpy.local.unstartable import refuse_own_files
from cfpy.project.git_ignored import ignore_in_git
from cfpy.project.project import Project
from cfpy.project.toml_values import as_json
from cfpy.project.vendor import local_packages, vendor
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
    folders, or the configurations, of other Workers that run in the same run.
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
class Shared:
    """What all Workers of a run share: what stands in for Workers AI and for Cloudflare Access, the
    names of the Workers that bindings find, the names of those that cfpy adds, and what is called
    with each sentence that a person should know."""

    ai: configuration.LocalAI
    access: LocalAccess
    workers: frozenset[str]
    own: OwnNames
    say: Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    """What to run, the names of the files with its secrets, and the bindings that do not work, with
    what you can do about it."""

    session: LocalSession
    secrets_file: str
    left_out: Mapping[str, str]


def derived_directory(project: Project) -> Path:
    """The directory of the derived configurations, which is in the project.

    Raises:
        FilesystemError: It can't be written.
    """
    derived = project.root / configuration.DERIVED
    try:
        derived.mkdir(parents=True, exist_ok=True)
        ignore_in_git(derived.parent, project.root)
        if not os.access(derived, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise FilesystemError(
            f"can't write to {derived}: {error.strerror or error}",
            hint="A run keeps more there than its data, so --persist-to is not enough. Correct the "
            f"permissions of {project.root}, or use a copy of it.",
        ) from error
    return derived


def prepare(
    ctx: Context, project: Project, request: DevRequest, shared: Shared, *, on_node: bool
) -> Prepared:
    """Write the derived configurations, install packages and apply migrations.

    Raises:
        ProjectError: The project's files are missing or not valid.
        ToolNotFoundError: The Worker's packages can't be installed.
        WranglerError: A migration failed.
    """
    build = build_settings(project)
    # The main module may be created by the build.
    entry = project.root / str(project.wrangler.get("main")) if build else project.entry
    env_files = find_env_files(project.root, request.environment, os.environ, request.env_files)
    missing = _missing(project, entry, env_files, on_node=on_node, names=shared.workers)
    worker = configuration.worker_config(
        project,
        _SHIM if on_node else entry,
        python=not on_node,
        without=missing,
        environment=request.environment,
        stand_in=shared.own.services,
    )
    worker = _with_local_values(ctx, worker, env_files, shared)
    derived = derived_directory(project)
    modules_root, front = None, None
    if not on_node:
        refuse_own_files(project, request.environment)
        front = _write_front(project, derived, worker, env_files, request, shared)
        worker, modules_root = _for_workerd(project, worker, entry, derived, shared, front)
    _keep_data(project, request, shared.say)
    session = LocalSession(
        project=project.root,
        config=project.config_name,
        entry=entry,
        module_root=modules_root,
        worker=_write_json(derived / "worker.json", worker),
        front=front,
        local_services=_write_services(project, derived, shared, request.vectorize_delay),
        python_modules=_packages(ctx, project, shared.say),
        kinds=configuration.binding_kinds(project),
        failing=configuration.failing_bindings(project, missing),
        build=build,
        env_files=env_files,
        migrations=migration_directories(worker),
        neurons=request.neurons,
        host=request.host,
        state=request.state,
        cache=cache_directory() / "pyodide",
        watch=request.watch,
        packages=local_packages(project),
        service_secrets={**shared.ai.secrets, **shared.access.secrets_for(worker)},
        python=project.python_version if project.is_python else NEWEST_PYTHON,
    )
    migrate(ctx, project, session)
    return Prepared(session, env_files.shown, missing)


def _packages(ctx: Context, project: Project, say: Callable[[str], None]) -> Path:
    """The directory of the Worker's packages, which are installed; it may not exist."""
    vendored = vendor(project, ctx.runner, ctx.progress, say) if project.is_python else None
    return vendored or project.root / "python_modules"


def _with_local_values(
    ctx: Context, worker: dict[str, Any], env_files: EnvFiles, shared: Shared
) -> dict[str, Any]:
    """``worker`` with the secrets that this process gives it, and the local issuer of Access."""
    # The variables of this process that wrangler gets, too.
    passed = ctx.toolchain.environment()
    variables = {name: value for name, value in os.environ.items() if name in passed}
    return with_local_issuer(with_process_secrets(worker, env_files, variables), shared.access)


def _missing(
    project: Project, entry: Path, env_files: EnvFiles, *, on_node: bool, names: frozenset[str]
) -> dict[str, str]:
    """What does not work in the run, each with what you can do about it."""
    known = {**os.environ, **dict.fromkeys(env_files.names, "")}
    missing = configuration.left_out(project, known, on_node=on_node, names=names)
    return missing | used_classes(entry) if on_node else missing


def _keep_data(project: Project, request: DevRequest, say: Callable[[str], None]) -> None:
    """Move local data whose id was changed."""
    owner = f"{project.wrangler.get('name')}:{request.environment}"
    keep_data(request.state, owner, local_data(project, request.environment), say)


def _for_workerd(
    project: Project,
    worker: dict[str, Any],
    entry: Path,
    derived: Path,
    shared: Shared,
    front: Path | None,
) -> tuple[dict[str, Any], Path | None]:
    """``worker`` as ``wrangler dev`` runs it, behind the Worker in front if there is one, and the
    directory of the modules that wrangler reads only when told."""
    if front:
        worker = {**worker, "tail_consumers": [{"service": shared.own.front}]}
    root = module_root(project, entry)
    if root is None:
        return worker, None
    return below_link(worker, root, entry, link_modules(root, derived)), root


def _write_front(
    project: Project,
    derived: Path,
    worker: Mapping[str, Any],
    env_files: EnvFiles,
    request: DevRequest,
    shared: Shared,
) -> Path | None:
    """The configuration of the Worker in front, in its own directory, too; ``None`` if there are
    more files of secrets than wrangler reads for a Worker that is not the first."""
    if len(env_files.env_files) > len(ENV_SLOTS):
        shared.say(
            f"There is no page at {configuration.PAGE} in this run: with --runtime workerd, it "
            f"works with up to {len(ENV_SLOTS)} files of secrets, and this run has "
            f"{len(env_files.env_files)}. The Worker itself gets all of them."
        )
        return None
    config = front_config(
        project,
        worker,
        RUNTIME_FILES / "workerd" / "front.mjs",
        names=shared.own,
        secrets=secret_names(worker, env_files, os.environ),
        neurons=request.neurons,
        host=request.host,
        more=shared.access.secrets_for(worker),
    )
    directory = derived / "front"
    directory.mkdir(exist_ok=True)
    return _write_json(directory / "front.json", config)


def _write_services(project: Project, derived: Path, shared: Shared, delay: float) -> Path | None:
    """The configuration of the stand-ins, in its own directory: the secrets next to the other one
    are not for them."""
    if not configuration.needs_local_services(project):
        return None
    stand_ins = RUNTIME_FILES / "local_services" / "main.js"
    date = str(project.wrangler.get("compatibility_date"))
    config = configuration.local_services_config(
        stand_ins, date, shared.ai, delay, name=shared.own.services
    )
    directory = derived / "local-services"
    directory.mkdir(exist_ok=True)
    return _write_json(directory / "local-services.json", config)


def _write_json(path: Path, data: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(as_json(data), indent=2) + "\n", "utf-8")
    return path
