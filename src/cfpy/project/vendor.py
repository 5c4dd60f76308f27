"""Installs a project's Python packages into ``python_modules/``, where a Worker finds them.

pywrangler does the same for a deployment, with an interpreter that it downloads from outside the
package registries. This module only needs pip and PyPI, and keeps pywrangler's result if it is up
to date. The wheels in ``pylock.toml`` are installed, checked by their hashes. They are resolved
again only when the dependencies change, and keep their versions if those still fit.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cfpy.errors import ProjectError, ToolNotFoundError
from cfpy.project.project import Project
from cfpy.project.pylock import (
    NAME,
    Lock,
    Pin,
    constraint_lines,
    pins_of_report,
    read_lock,
    requirement_lines,
    write_lock,
)
from cfpy.project.wheels import Wheels, are_wheels, downloaded, unpack
from cfpy.tools.child_environment import pip_environment
from cfpy.tools.process import Completed, Runner

#: The Workers SDK is not built into workerd at a current compatibility date; pywrangler adds it to
#: every project (workers-py's MANAGED_SDK_PACKAGE).
SDK = "workers-runtime-sdk>=1.9.5,<2"

# The platform tags of wheels that Python 3.14 in workerd can load (Pyodide 314's platform tag).
_TARGET = (
    *("--platform", "pyemscripten_2026_0_wasm32", "--python-version", "3.14"),
    *("--implementation", "cp", "--abi", "cp314", "--abi", "abi3", "--abi", "none"),
    "--only-binary=:all:",
)
_PIP = (sys.executable, "-m", "pip")
_QUIET = ("--quiet", "--no-input", "--disable-pip-version-check")
_INSTALL_SECONDS = 600.0
_INDEX_SECONDS = 30.0
_SHOWN_VERSIONS = 5


def vendor(project: Project, runner: Runner, progress: Callable[[str], None]) -> Path:
    """Install the requirements of ``pyproject.toml`` into ``python_modules/``; return its path.

    Does nothing if neither the requirements nor the lock have changed since the last time.

    Raises:
        ProjectError: ``pyproject.toml`` or ``pylock.toml`` does not parse.
        ToolNotFoundError: A package has no wheel for Workers, or could not be downloaded.
        ToolTimeoutError: pip took too long.
        UsageError: A configuration file of pip can't be read.
    """
    root, target = project.root, project.root / "python_modules"
    requirements = (SDK, *_dependencies(root / "pyproject.toml"))
    if _synced_by_pywrangler(root, target):
        return target
    lock = read_lock(root)
    stamp = root / ".wrangler" / "cfpy" / "python_modules.json"
    if target.is_dir() and stamp.is_file() and stamp.read_text("utf-8") == _digest(root, lock):
        return target
    pip = _Pip(runner, root)
    if lock is None or (lock.requirements is not None and lock.requirements != requirements):
        progress("Resolving the Worker's Python packages and installing them into python_modules/")
        pins = pip.install_chosen(requirements, lock.pins if lock else (), target)
        lock = Lock(pins, requirements)
        write_lock(root, lock)
    else:
        progress("Installing the Worker's Python packages into python_modules/")
        pip.install(requirements, lock, target)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(_digest(root, lock), "utf-8")
    return target


class _Pip:
    """pip, for packages that run in a Worker."""

    def __init__(self, runner: Runner, root: Path) -> None:
        self._runner = runner
        self._root = root

    def install_chosen(
        self, requirements: Sequence[str], pins: Sequence[Pin], target: Path
    ) -> tuple[Pin, ...]:
        """Install ``requirements`` into ``target``, or leave it as it was.

        Returns:
            The resolved wheels; those of ``pins`` if they still fit.
        """
        with self._scratch() as scratch:
            report, kept = scratch / "report.json", scratch / "constraints.txt"
            kept.write_text(constraint_lines(pins), "utf-8")
            argv = ["--report", str(report), *requirements]
            done = self._into(scratch, "-c", str(kept), *argv, choosing=True)
            if done.returncode != 0 and pins:
                shutil.rmtree(scratch / "modules", ignore_errors=True)
                done = self._into(scratch, *argv, choosing=True)
            self._replace(target, scratch, done)
            return pins_of_report(json.loads(report.read_text("utf-8")))

    def install(self, requirements: Sequence[str], lock: Lock, target: Path) -> None:
        """Install the locked wheels into ``target``, or leave it as it was."""
        with self._scratch() as scratch:
            if lock.requirements is not None and self._unpack(lock.pins, scratch):
                self._replace(target, scratch)
                return
            wanted = scratch / "wanted.txt"
            if lock.requirements is not None:
                wanted.write_text(requirement_lines(lock.pins), "utf-8")
                argv = ["--no-deps", "--require-hashes", "-r", str(wanted)]
            else:
                # Another tool's lock may name wheels from an index that pip does not use.
                wanted.write_text(constraint_lines(lock.pins), "utf-8")
                argv = ["-c", str(wanted), *requirements]
            self._replace(target, scratch, self._into(scratch, *argv))

    def _unpack(self, pins: Sequence[Pin], scratch: Path) -> bool:
        """Install kept wheels, after downloading the others; ``False`` if pip has to install."""
        environment = pip_environment(os.environ, "install", choosing=False)
        if not are_wheels(pins) or "PIP_NO_CACHE_DIR" in environment:
            return False
        kept, folder = Wheels(), scratch / "wheels"
        found = kept.found(pins)
        if missing := [pin for pin in pins if pin.sha256 not in found]:
            wanted = scratch / "wanted.txt"
            wanted.write_text(requirement_lines(missing), "utf-8")
            argv = [*_PIP, "download", *_QUIET, "--dest", str(folder), *_TARGET, "--no-deps"]
            done = self._runner.run(
                [*argv, "--require-hashes", "-r", str(wanted)],
                env=environment,
                timeout=_INSTALL_SECONDS,
            )
            if done.returncode != 0:
                raise self._failure(done.stderr)
            fresh = downloaded(folder)
            kept.keep(fresh)
            found |= fresh
        if any(pin.sha256 not in found for pin in pins):
            return False
        if unpack([found[pin.sha256] for pin in pins], scratch / "modules"):
            return True
        shutil.rmtree(scratch / "modules", ignore_errors=True)
        return False

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        # In the project, because a folder can only be renamed within one file system.
        with tempfile.TemporaryDirectory(prefix=".python_modules-", dir=self._root) as scratch:
            yield Path(scratch)

    def _into(self, scratch: Path, *arguments: str, choosing: bool = False) -> Completed:
        argv = [*_PIP, "install", *_QUIET, "--no-compile", "--target", str(scratch / "modules")]
        return self._runner.run(
            [*argv, *_TARGET, *arguments],
            env=pip_environment(os.environ, "install", choosing=choosing),
            timeout=_INSTALL_SECONDS,
        )

    def _replace(self, target: Path, scratch: Path, done: Completed | None = None) -> None:
        if done is not None and done.returncode != 0:
            raise self._failure(done.stderr)
        if target.exists():
            shutil.rmtree(target)
        (scratch / "modules").rename(target)

    def _failure(self, stderr: str) -> ToolNotFoundError:
        missing = re.search(r"No matching distribution found for ([A-Za-z0-9._-]+)(.*)", stderr)
        if not missing:
            if "DO NOT MATCH THE HASHES" in stderr:
                return ToolNotFoundError(
                    f"a package does not match its hash in {NAME}:\n{_errors(stderr)}",
                    hint=f"The package or {NAME} was changed. Restore the file from git; "
                    "delete it only if you trust the index.",
                )
            return ToolNotFoundError(
                f"pip could not install the Worker's packages:\n{_errors(stderr)}",
                hint="Check the network and the dependencies in pyproject.toml.",
            )
        name = missing[1]
        usable, all_versions = self._versions(name, _TARGET), self._versions(name, ())
        # Every index has pip itself; if it is not found, no index can be reached.
        if not all_versions and not self._versions("pip", ()):
            message = "pip could not reach a package index"
            hint = "Check the network; `pip config list` shows which index pip asks."
        elif not all_versions:
            message, hint = f"there is no package {name!r}", "Check its name in pyproject.toml."
        elif usable:
            message = f"no wheel of {name}{missing[2]} runs in a Worker"
            hint = f"Use one of these versions: {', '.join(usable[:_SHOWN_VERSIONS])}."
        else:
            message = f"{name} has no wheel that runs in a Worker (Pyodide, Python 3.14)"
            hint = (
                f"PyPI has {', '.join(all_versions[:_SHOWN_VERSIONS])}, but only for other "
                "platforms. Use another package, or remove the dependency."
            )
        return ToolNotFoundError(message, hint=hint)

    def _versions(self, name: str, target: Sequence[str]) -> list[str]:
        """The versions of a package for a platform, the newest first."""
        argv = [*_PIP, "index", "versions", "--disable-pip-version-check", *target, name]
        done = self._runner.run(
            argv, env=pip_environment(os.environ, "index"), timeout=_INDEX_SECONDS
        )
        found = re.search(r"^Available versions: (.*)$", done.stdout, re.MULTILINE)
        return found[1].split(", ") if found else []


def _errors(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR")]
    return "\n".join(lines or stderr.splitlines()[-5:])


def _digest(root: Path, lock: Lock | None) -> str:
    """A hash that changes when the packages to install change."""
    requirements = [SDK, *_dependencies(root / "pyproject.toml")]
    pins = [[pin.name, pin.version, pin.sha256] for pin in lock.pins] if lock else None
    wanted = json.dumps({"requirements": requirements, "target": _TARGET, "pins": pins})
    return hashlib.sha256(wanted.encode()).hexdigest()


def _dependencies(path: Path) -> list[str]:
    """``[project].dependencies``, the list that pywrangler reads, too."""
    if not path.is_file():
        return []
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(str(error), path=path) from error
    dependencies = data.get("project", {}).get("dependencies", [])
    if not isinstance(dependencies, list) or not all(isinstance(d, str) for d in dependencies):
        raise ProjectError("`project.dependencies` is not a list of strings", path=path)
    return dependencies


def _synced_by_pywrangler(root: Path, target: Path) -> bool:
    """Whether ``pywrangler sync`` installed the packages after the last change of its inputs."""
    token = target / ".synced"
    if not token.is_file():
        return False
    inputs = [path for path in (root / "pyproject.toml", root / NAME) if path.is_file()]
    return all(path.stat().st_mtime <= token.stat().st_mtime for path in inputs)
