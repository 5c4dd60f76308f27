"""``cfpy doctor``: checks that everything exists that the other commands need."""

from __future__ import annotations

import contextlib
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cfpy.account.login import account_of, can_tell_login
from cfpy.account.resources import desired_state
from cfpy.account.session import Session, open_session
from cfpy.account.token_checks import token_findings
from cfpy.bindings.checks import check, check_models
from cfpy.bindings.environments import effective
from cfpy.bindings.finding import Finding
from cfpy.bindings.mask_checks import unknown_databases
from cfpy.bindings.migration_files import lost_migrations
from cfpy.bindings.unknown_keys import unknown_keys
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import CfpyError, NotLoggedInError, ProjectError
from cfpy.project.cf_project import NAME as CF_NAME
from cfpy.project.cf_project import cf_configuration, guide, is_both
from cfpy.project.config_file import find, projects_below
from cfpy.project.config_text import read, repeated
from cfpy.project.entry_class import FIX, no_entry_class
from cfpy.project.import_names import RENAME, shadowed_modules
from cfpy.project.project import Project
from cfpy.project.required_python import FIX as FIX_OF_PYTHON
from cfpy.project.required_python import excluded_python
from cfpy.tools.context import Context
from cfpy.tools.invocation import command
from cfpy.tools.toolchain import SIZE, cache_directory

_SOURCES = (".py", ".toml", ".js", ".ts", ".vars")
_LARGEST_SOURCE = 1_000_000
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Check:
    """``state`` is ``ok``, ``warning`` or ``error``; ``fix`` is what to do, empty if nothing."""

    name: str
    state: str
    message: str
    fix: str = ""


def run(
    ctx: Context,
    root: Path,
    environment: str,
    config: Path | None = None,
    *,
    account: bool = False,
) -> tuple[Check, ...]:
    """Check the machine, the login and the project; change nothing, and install nothing.

    With ``account`` a missing login is an error; otherwise it is a warning, because a project is
    created, run and tested without one."""
    project = tuple(_project(root, environment, config))
    sessions: list[Session] = []
    try:
        login = _login(ctx, root, environment, config, sessions)
        if account and login.state == "warning":
            login = replace(login, state="error")
    except ProjectError as error:
        project, login = _not_accepted(project, error)
    token = tuple(check for session in sessions for check in _token(session))
    return (*_machine(ctx), _cache(cache_directory()), *project, login, *token)


def _token(session: Session) -> Iterator[Check]:
    try:
        for item in token_findings(session):
            yield Check("token", "warning" if item.fix else "ok", item.message, item.fix)
    except CfpyError as error:
        yield Check("token", "warning", error.message, error.hint)


def _not_accepted(
    project: tuple[Check, ...], error: ProjectError
) -> tuple[tuple[Check, ...], Check]:
    """The checks of the project and the login if the login can't be read because of the
    configuration. The cause is an error once."""
    told = any(item.state == "error" for item in project)
    said = "unknown: wrangler does not accept the configuration"
    if not told:
        fault = Check("configuration", "error", error.message, error.hint)
        others = [item for item in project if (item.name, item.state) != (fault.name, "ok")]
        # After what is known about the project.
        at = next((n for n, item in enumerate(others) if item.name == "models"), len(others))
        project = (*others[:at], fault, *others[at:])
    return project, Check("login", "warning", said, "Fix the configuration first.")


def _machine(ctx: Context) -> Iterator[Check]:
    yield Check("python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield _guarded("node", lambda: _version(ctx, [str(ctx.toolchain.node.binary), "--version"]))
    npm = ctx.toolchain.node.npm
    yield _guarded("npm", lambda: _version(ctx, [*npm, "--version"], npm[-1]))
    installed = ctx.toolchain.installed()
    if installed:
        said = ", ".join(f"{name} {version}" for name, version in sorted(installed.items()))
        yield Check("wrangler", "ok", said)
    else:
        said = f"not installed yet ({SIZE}): the first command that needs it installs it"
        yield Check("wrangler", "warning", said, command("wrangler", "--version"))
    yield _guarded("pip", lambda: _version(ctx, [sys.executable, "-m", "pip", "--version"], ""))
    if shutil.which("git"):
        yield _guarded("git", lambda: _version(ctx, ["git", "--version"]))
    else:
        yield Check(
            "git", "warning", "not installed: cfpy new can't create a repository", "Install git."
        )
    if shutil.which("uv"):
        yield _guarded("uv", lambda: _version(ctx, ["uv", "--version"]))
    else:
        # A project's CI and its README use it; cfpy itself does not.
        yield Check("uv", "ok", "not installed; cfpy does not need it")


def _cache(directory: Path) -> Check:
    """The size of the cache: nothing deletes what is no longer used."""
    sizes = {path.name: _size(path) for path in _entries(directory)}
    total = sum(sizes.values())
    if not total:
        return Check("cache", "ok", f"empty ({directory})")
    largest = sorted(sizes, key=lambda name: -sizes[name])
    parts = ", ".join(
        f"{name} {_shown(sizes[name])}" for name in largest if sizes[name] >= _MEGABYTE
    )
    said = f"{_shown(total)} in {directory}{f': {parts}' if parts else ''}"
    return Check("cache", "ok", f"{said}\nYou can delete it: cfpy downloads again what it needs")


def _entries(directory: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(directory.iterdir())
    return []


def _size(path: Path) -> int:
    """The bytes of a file, or of all files in a directory. What can't be read has none."""
    total = 0
    for place in [path, *path.rglob("*")] if path.is_dir() else [path]:
        with contextlib.suppress(OSError):
            total += place.lstat().st_size if not place.is_dir() else 0
    return total


def _shown(size: int) -> str:
    return f"{size / _MEGABYTE:.0f} MB" if size >= _MEGABYTE else "less than 1 MB"


def _version(ctx: Context, argv: list[str], path: str | None = None) -> str:
    """What a tool prints, and where it is: ``path``, or the program; empty if it prints that."""
    # npm and Node would write logs and compiled code, but this command writes nothing.
    quiet = {"npm_config_logs_max": "0", "npm_config_update_notifier": "false"}
    environment = ctx.toolchain.environment() | quiet | {"NODE_DISABLE_COMPILE_CACHE": "1"}
    environment.pop("NODE_COMPILE_CACHE", None)
    done = ctx.runner.run(argv, env=environment, timeout=60)
    text = done.stdout.strip().splitlines()
    if path is None:
        path = shutil.which(argv[0]) or argv[0]
    return f"{text[0] if text else done.tail(1)}{f' ({path})' if path else ''}"


def _project(root: Path, environment: str, config: Path | None) -> Iterator[Check]:
    cf = config if config and config.name == CF_NAME else cf_configuration(root)
    if cf is not None and (cf == config or not _is_project(root, config)):
        fix = "Use `cf` here. For cfpy, write a wrangler.toml with the same name, bindings and ids."
        yield Check("project", "warning", guide(cf), fix)
        return
    if not _is_project(root, config):
        fix = projects_below(root) or "Create one: cfpy new rag myapp"
        yield Check("project", "warning", f"none in {root.resolve()}", fix)
        return
    try:
        project = load_project(root, config)
        desired = desired_state(project, environment)
    except CfpyError as error:
        yield Check("project", "error", error.message, error.hint)
        return
    yield Check("config", "ok", str(project.config_path))
    if is_both(project.config_path):
        said = f"`cf` uses {CF_NAME}; cfpy and wrangler use {project.config_name}"
        fix = "Delete the one that you do not need: a change of one is not in the other."
        yield Check("cf", "warning", said, fix)
    yield Check("project", "ok", f"{desired.worker} in {project.root}")
    scope = effective(project.wrangler, environment)
    findings = check(scope, desired.worker, datetime.now(UTC).date())
    unknown = unknown_keys(project, environment)
    python, masks = tuple(_excluded_python(project)), unknown_databases(project)
    lost = tuple(lost_migrations(project, environment))
    found = (*findings, *unknown, *_repeated(project), *masks, *lost, *python)
    yield from _found("configuration", found)
    yield from _found("models", check_models(source_texts(project)))
    yield from _found("imports", tuple(_unreachable(project)))


def _repeated(project: Project) -> Iterator[Finding]:
    text, _ = read(project.config_path)
    for key, line in repeated(project.config_path, text):
        message = f"`{key}` is in {project.config_name} more than once: line {line} is used"
        yield Finding(broken=False, message=message, fix="Remove the others.")


def _excluded_python(project: Project) -> Iterator[Finding]:
    try:
        said = excluded_python(project)
    except ProjectError as error:
        yield Finding(broken=True, message=error.message, fix=error.hint or "Fix it.")
        return
    if said:
        yield Finding(broken=False, message=said, fix=FIX_OF_PYTHON)


def _is_project(root: Path, config: Path | None) -> bool:
    return config is not None or find(root).used is not None


def _found(name: str, findings: tuple[Finding, ...]) -> Iterator[Check]:
    for item in findings:
        yield Check(name, "error" if item.broken else "warning", item.message, item.fix)
    if not findings:
        yield Check(name, "ok", "nothing to fix")


def _unreachable(project: Project) -> Iterator[Finding]:
    if missing := no_entry_class(project):
        yield Finding(broken=False, message=missing, fix=FIX)
    for module in shadowed_modules(project):
        yield Finding(broken=False, message=module.message, fix=RENAME)


def source_texts(project: Project) -> dict[str, str]:
    """The project's own sources, where it may name models."""
    found = [*project.root.glob("*.toml"), *(project.root / "src").rglob("*")]
    return {
        str(path.relative_to(project.root)): path.read_text("utf-8", errors="replace")
        for path in found
        if path.suffix in _SOURCES and path.is_file() and path.stat().st_size < _LARGEST_SOURCE
    }


def _login(
    ctx: Context, root: Path, environment: str, config: Path | None, sessions: list[Session]
) -> Check:
    """The check of the login; ``sessions`` gets that of the project, if there is one."""
    if not can_tell_login(ctx, root):
        said = "unknown: the login is kept by wrangler, which is not installed yet"
        fix = f"Run {command('wrangler', 'login')}, or set CLOUDFLARE_API_TOKEN."
        return Check("login", "warning", said, fix)

    def account() -> str:
        if _is_project(root, config):
            session = open_session(ctx, root, environment, config)
            # A configured account has not been checked yet: this shows that the token has access.
            live = session.account.live_version(session.desired.worker)
            sessions.append(session)
            deployed = f"{session.desired.worker} is {'' if live else 'not '}deployed"
            return f"the account {session.account.id}, where {deployed}"
        return f"the account {account_of(ctx, root)}"

    try:
        return _guarded("login", account)
    except NotLoggedInError as error:
        said = "nobody is logged in; only plan, provision, deploy and the like need it"
        return Check("login", "warning", said, error.hint)


def _guarded(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, "ok", look())
    except (NotLoggedInError, ProjectError):
        raise
    except CfpyError as error:
        return Check(name, "error", error.message, error.hint)
