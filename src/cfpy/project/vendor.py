"""Installs a project's Python packages into ``python_modules/``, where a Worker finds them.

pywrangler does the same for a deployment, with an interpreter that it downloads from outside the
package registries. This module only needs pip, PyPI and Pyodide's package index, and keeps
pywrangler's result if it is up to date. The packages in ``pylock.toml`` are installed, checked by
their hashes. They are resolved again only when the dependencies or the Python change, and keep
their versions if those still fit.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from cfpy.errors import FilesystemError, ToolNotFoundError
from cfpy.project.foreign_lock import install_foreign
from cfpy.project.git_ignored import ignore_in_git
from cfpy.project.package_indexes import find_pyodide_index
from cfpy.project.project import Project
from cfpy.project.pylock import NAME, Lock, Pin, read_lock, write_lock
from cfpy.project.python_requirements import Requirements, local_folders, read_requirements
from cfpy.project.python_target import TARGETS, PythonTarget
from cfpy.project.uv_sources import package_files
from cfpy.project.worker_pip import WorkerPip
from cfpy.tools.process import Runner

#: Where the packages are, in the project.
MODULES = "python_modules"
_INSTALLING = "Installing the Worker's Python packages into python_modules/"


def vendor(
    project: Project,
    runner: Runner,
    progress: Callable[[str], None],
    say: Callable[[str], None] | None = None,
) -> Path:
    """Install the requirements of ``pyproject.toml`` into ``python_modules/``; return its path.

    Does nothing if neither the requirements nor the lock have changed since the last time.

    Args:
        project: The project.
        runner: Runs pip.
        progress: Called with the current step.
        say: Called with each sentence about what was chosen that a person should know, such as a
            version that its authors withdrew; as a step by default.

    Raises:
        ProjectError: ``pyproject.toml`` or ``pylock.toml`` does not parse.
        ToolNotFoundError: A package has no wheel for Workers, or could not be downloaded.
        ToolTimeoutError: pip took too long.
        UsageError: A configuration file of pip, or a variable about the network, can't be used.
        FilesystemError: The project can't be written.
    """
    import filelock

    place = project.root / ".wrangler" / "cfpy"
    try:
        place.mkdir(parents=True, exist_ok=True)
        ignore_in_git(place.parent, project.root)
        # Two runs would delete each other's files.
        with filelock.FileLock(place / "python_modules.lock"):
            return _vendor(project, runner, progress, say or progress)
    except OSError as error:
        raise FilesystemError(
            f"can't write {error.filename or place}: {error.strerror or error}",
            hint="The Worker's packages are installed into the project.",
        ) from error


def local_packages(project: Project) -> tuple[Path, ...]:
    """The folders of the local packages of a Python Worker, as far as its files can be read."""
    return local_folders(project.root, _target(project)) if project.is_python else ()


def _vendor(
    project: Project,
    runner: Runner,
    progress: Callable[[str], None],
    say: Callable[[str], None],
) -> Path:
    root, modules = project.root, project.root / MODULES
    target = _target(project)
    wanted = read_requirements(root, target)
    if _synced_by_pywrangler(root, modules):
        return modules
    lock = read_lock(root, target)
    stamp = root / ".wrangler" / "cfpy" / "python_modules.json"
    if (
        modules.is_dir()
        and stamp.is_file()
        and stamp.read_text("utf-8") == _digest(target, wanted, lock)
    ):
        return modules
    pip = WorkerPip(runner, root, target, wanted)
    if lock is None or not _current(lock, wanted, target):
        lock = _resolve(pip, root, target, wanted, lock, modules, progress, say)
    elif lock.requirements is None:
        progress(_INSTALLING)
        install_foreign(pip, target, wanted, lock, modules, progress)
    else:
        progress(_INSTALLING)
        _install_locked(pip, target, lock.pins, modules)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(_digest(target, wanted, lock), "utf-8")
    return modules


def _target(project: Project) -> PythonTarget:
    # Without a date, wrangler takes today's.
    has_date = project.wrangler.get("compatibility_date") is not None
    return TARGETS[project.python_version if has_date else "3.14"]


def _current(lock: Lock, wanted: Requirements, target: PythonTarget) -> bool:
    """Whether the lock is another tool's, or the one that cfpy would write."""
    if lock.requirements is None:
        return True
    return lock.requirements == wanted.declared and lock.python == target.python


def _resolve(
    pip: WorkerPip,
    root: Path,
    target: PythonTarget,
    wanted: Requirements,
    lock: Lock | None,
    modules: Path,
    progress: Callable[[str], None],
    say: Callable[[str], None],
) -> Lock:
    progress("Resolving the Worker's Python packages and installing them into python_modules/")
    index = find_pyodide_index(target, pip.environment())
    same_python = lock is not None and lock.python == target.python
    pins, log = pip.install_chosen(index, lock.pins if lock and same_python else (), modules)
    for warning in log.warnings:
        say(warning)
    failed = log.failures_of(index.address) if index.usable else {}
    # The SDK alone is always from PyPI.
    if index.address and index.problem and len(wanted.declared) > 1:
        progress(f"{index.unasked}; all packages are from PyPI")
    elif failed:
        progress(
            f"Pyodide's package index {index.shown} did not answer for "
            f"{', '.join(sorted(failed))}; PyPI did"
        )
    fresh = Lock(pins, wanted.declared, target.python)
    write_lock(root, fresh)
    return fresh


def _install_locked(
    pip: WorkerPip, target: PythonTarget, pins: tuple[Pin, ...], modules: Path
) -> None:
    """Install cfpy's own lock. Packages from Pyodide's index come from the URL in the lock: the
    index itself need not answer. If that URL can't be reached, a mirror may have them."""
    by_url = [dataclasses.replace(pin, direct=True) if pin.index else pin for pin in pins]
    try:
        pip.install_pins(by_url, modules)
    except ToolNotFoundError as error:
        if not any(pin.index for pin in pins) or "does not match its hash" in error.message:
            raise
        index = find_pyodide_index(target, pip.environment())
        if not index.usable:
            raise ToolNotFoundError(f"{error.message}\n{index.unasked}", hint=error.hint) from error
        pip.install_pins(pins, modules, index=index)


def _digest(target: PythonTarget, wanted: Requirements, lock: Lock | None) -> str:
    """A hash that changes when the packages to install change."""
    pins = [dataclasses.asdict(pin) for pin in lock.pins] if lock else None
    found = {
        "requirements": [*wanted.declared, *wanted.arguments],
        "from": [*wanted.indexes, *wanted.find_links, *wanted.constraints, wanted.build],
        "target": target.pip_options,
        "pins": pins,
        "folders": [list(_files(folder)) for folder in wanted.folders],
    }
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    """The files of a local package, each with its time and size."""
    for path in package_files(folder):
        status = path.lstat()
        yield str(path), status.st_mtime_ns, status.st_size


def _synced_by_pywrangler(root: Path, modules: Path) -> bool:
    """Whether ``pywrangler sync`` installed the packages after the last change of its inputs."""
    token = modules / ".synced"
    if not token.is_file():
        return False
    inputs = [path for path in (root / "pyproject.toml", root / NAME) if path.is_file()]
    return all(path.stat().st_mtime <= token.stat().st_mtime for path in inputs)
