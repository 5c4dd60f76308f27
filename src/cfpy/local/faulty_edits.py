"""An edit with which the Worker can't run does not end ``cfpy dev``: it reports the fault, answers
requests with it, and waits for the next edit."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import CfpyError
from cfpy.local.beside import load_beside
from cfpy.local.defaults import load_for_run
from cfpy.local.env_files import EnvFiles, find_env_files
from cfpy.local.file_warnings import file_warnings, missing_secrets
from cfpy.local.gate import Gate
from cfpy.local.local_runtime import Event, StartFailedError
from cfpy.local.preparation import DevRequest
from cfpy.local.unavailable import answering
from cfpy.local.watching import State, Watched, Watcher
from cfpy.project.project import Project
from cfpy.project.uv_sources import read_pyproject
from cfpy.project.vendor import local_packages
from cfpy.tools.context import Context

_WAITS = "Waiting for a fix."


def read_files(request: DevRequest) -> EnvFiles:
    """Read the configuration and the files of secrets; return the latter.

    Raises:
        ProjectError: One of them is missing or not valid.
        UsageError: There is no such environment.
    """
    return _read(request)[1]


def _read(request: DevRequest) -> tuple[Project, EnvFiles]:
    project = load_for_run(request.root, request.config, request.environment)
    files = find_env_files(request.root, request.environment, os.environ, request.env_files)
    return project, files


def fault_of_edit(request: DevRequest, path: str) -> Event | None:
    """What is wrong with the files of a run after an edit of ``path``, while its Workers still run
    with what was there before; ``None`` if they can be read."""
    runs = "The Worker runs on as it was."
    if request.config is not None and not (request.root / request.config).is_file():
        gone = f"{request.config.name} is gone.\n{runs} Waiting for it."
        return Event("reload_failed", {"text": gone})
    try:
        project, _ = _read(request)
        for each in (project, *load_beside(project, request.beside)):
            for folder in (each.root, *local_packages(each)) if each.is_python else ():
                read_pyproject(folder)
    except CfpyError as error:
        hint = "" if "again" in error.hint else error.hint
        told = [f"{path} changed, and can't be used: {error.message}", hint, f"{runs} {_WAITS}"]
        return Event("reload_failed", {"text": "\n".join(filter(None, told))})
    return None


def watched_files(request: DevRequest, settings: tuple[Path, ...]) -> Watched:
    """What may be wrong when it can't start: the configuration, a migration, a local package, or a
    main module that is not there."""
    config = request.config.name if request.config else "wrangler.toml"
    others = [place.resolve() for place in request.beside]
    files = tuple(place for place in others if not place.is_dir())
    return Watched(
        request.root,
        config,
        sources=(request.root,),
        suffixes=(".py", ".sql"),
        settings=(*settings, *files),
        beside=tuple(place.parent if place in files else place for place in others),
        packages=_packages(request),
    )


def _packages(request: DevRequest) -> tuple[Path, ...]:
    found: list[Path] = []
    # What is wrong with the rest is reported by who needs it.
    with contextlib.suppress(CfpyError):
        project = load_for_run(request.root, request.config, request.environment)
        found += local_packages(project)
        for each in load_beside(project, request.beside):
            found += local_packages(each)
    return tuple(found)


def wait_for_fix(
    ctx: Context,
    error: CfpyError,
    watched: Watched,
    before: State,
    gate: Gate,
    on_event: Callable[[Event], None],
) -> None:
    """Report ``error``, and answer requests with it until ``watched`` differs from ``before``."""
    failed = error if isinstance(error, StartFailedError) else None
    text = _report(error)
    if failed:
        watched, before = failed.watched, failed.since
    # With what the terminal shows for it: the output of the runtime has the traceback.
    reason = ctx.secrets.redact(f"{error.message}\n{_WAITS}" if failed else f"{text}\n{_WAITS}")
    with answering(reason) as port:
        gate.open(port)
        # Once it answers: who reads this may ask at once.
        on_event(Event("reload_failed", {"text": f"{text}\n{_WAITS}"}))
        _wait_for_change(watched, before)
        gate.hold()


def _report(error: CfpyError) -> str:
    # It starts again by itself.
    hint = "" if "again" in error.hint else error.hint
    message = error.message
    if isinstance(error, StartFailedError):
        # The rest was shown already, as the output of the runtime.
        message = message.splitlines()[0].rstrip(":")
    return "\n".join(filter(None, [f"reload failed: {message}", hint]))


def _wait_for_change(watched: Watched, before: State) -> None:
    """Return when the files differ from ``before``."""
    changed = threading.Event()
    watcher = Watcher(watched, lambda _: changed.set(), since=before)
    try:
        changed.wait()
    finally:
        watcher.stop()


class FileWarnings:
    """Reports what is suspicious in the files, each thing once."""

    def __init__(self, request: DevRequest, on_event: Callable[[Event], None]) -> None:
        self._request = request
        self._on_event = on_event
        self._told: frozenset[str] = frozenset()

    def __call__(self) -> None:
        found: tuple[str, ...] = ()
        # What can't be read is reported by who needs it.
        with contextlib.suppress(CfpyError):
            project = load_project(self._request.root, self._request.config)
            files = read_files(self._request)
            found = file_warnings(project, self._request.environment, files)
            for other in load_beside(project, self._request.beside):
                lacking = missing_secrets(other, "", find_env_files(other.root, "", os.environ))
                found += tuple(f"{other.wrangler['name']}: {text}" for text in lacking)
        for text in found:
            if text not in self._told:
                self._on_event(Event("log", {"level": "warning", "text": text}))
        # What was corrected and comes back is reported again.
        self._told = frozenset(found)
