"""pip, for packages that run in a Worker: resolves them into pins, and installs pins.

Which indexes and which Python is decided before: see ``package_indexes.py`` and
``python_target.py``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from cfpy.project.built_wheels import refuse_foreign
from cfpy.project.git_ignored import ignore_in_git
from cfpy.project.package_failures import (
    Search,
    install_failure,
    limited,
    resolve_failure,
    wrong_index,
)
from cfpy.project.package_indexes import PyodideIndex
from cfpy.project.pip_lines import (
    arguments_next_to,
    built_lines,
    constraint_lines,
    requirement_lines,
)
from cfpy.project.pip_log import PipLog, read_log, with_index
from cfpy.project.pylock import Pin, pins_of_report
from cfpy.project.python_requirements import Requirements
from cfpy.project.python_target import PythonTarget
from cfpy.project.wheels import Wheels, are_wheels, downloaded, unpack
from cfpy.tools.child_environment import pip_environment
from cfpy.tools.process import Completed, Runner

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PIP = (sys.executable, str(Path(__file__).with_name("pip_for_workers.py")))
_QUIET = ("--quiet", "--no-input", "--disable-pip-version-check")
_INSTALL_SECONDS = 600.0
_INDEX_SECONDS = 30.0


class WorkerPip:
    """pip for one project and one Python."""

    def __init__(
        self, runner: Runner, root: Path, target: PythonTarget, wanted: Requirements
    ) -> None:
        self._runner = runner
        self._root = root
        self._target = target
        self._wanted = wanted

    def environment(self, command: str = "install", *, choosing: bool = True) -> dict[str, str]:
        """The environment of pip.

        Raises:
            UsageError: A configuration file of pip can't be read.
        """
        return pip_environment(os.environ, command, choosing=choosing)

    def install_chosen(
        self, index: PyodideIndex, pins: Sequence[Pin], modules: Path
    ) -> tuple[tuple[Pin, ...], PipLog]:
        """Resolve the requirements and install them into ``modules``, or leave that as it was.

        Args:
            index: Pyodide's index.
            pins: Versions to keep if they still fit.
            modules: The folder to replace.

        Returns:
            The resolved packages, and what pip wrote about the indexes.

        Raises:
            ToolNotFoundError: A package can't be found, built or installed.
        """
        with self._scratch() as scratch:
            report, log = scratch / "report.json", scratch / "pip.log"
            kept = _write(scratch / "constraints.txt", constraint_lines(pins))
            limits = _write(scratch / "limits.txt", "\n".join(self._wanted.constraints))
            argv = ["--log", str(log), "--report", str(report), "-c", str(limits)]
            argv += self._wanted.arguments
            done = self._into(scratch, "-c", str(kept), *argv, index=index)
            if done.returncode != 0 and pins:
                shutil.rmtree(scratch / "modules", ignore_errors=True)
                log.unlink(missing_ok=True)
                done = self._into(scratch, *argv, index=index)
            said = read_log(log)
            if done.returncode != 0:
                raise resolve_failure(done.stderr, self._search(index, said))
            found = pins_of_report(json.loads(report.read_text("utf-8")), self._root)
            self._refuse_other_indexes(found, said)
            refuse_foreign(scratch / "modules", found, self._target)
            if index.usable:
                found = with_index(found, said, index.address)
            found = tuple(self._hashed(scratch, pin, index) for pin in found)
            _replace(modules, scratch, self._root)
            return found, said

    def install_pins(
        self, pins: Sequence[Pin], modules: Path, *, index: PyodideIndex | None = None
    ) -> None:
        """Install locked packages into ``modules``, or leave that as it was.

        Those with a hash are checked by it. Those from a local folder or a commit are built.

        Raises:
            ToolNotFoundError: One can't be downloaded or built, or is not the locked one.
        """
        with self._scratch() as scratch:
            hashed = [pin for pin in pins if not pin.built]
            if not self._unpack(hashed, scratch, index):
                locked = _write(scratch / "wanted.txt", requirement_lines(hashed))
                argv = ["--no-deps", "--require-hashes", "-r", str(locked)]
                self._checked(self._into(scratch, *argv, index=index, choosing=False), pins)
            if any(pin.built for pin in pins):
                built = _write(scratch / "built.txt", built_lines(pins, self._root))
                argv = ["--no-deps", "-r", str(built)]
                self._checked(self._into(scratch, *argv, index=index, choosing=False), pins)
                refuse_foreign(scratch / "modules", pins, self._target)
            _replace(modules, scratch, self._root)

    def resolve_more(
        self, index: PyodideIndex, kept: Sequence[Pin], limits: Sequence[Pin]
    ) -> tuple[Pin, ...]:
        """Resolve the requirements next to another tool's lock, and install nothing.

        Args:
            index: Pyodide's index.
            kept: What the lock has. Of these, only wheels are read without a check of their hash,
                and nothing in a wheel runs.
            limits: The versions of the lock.

        Returns:
            All packages, each with a hash of the file that was found.

        Raises:
            ToolNotFoundError: A package can't be found, or does not fit those of the lock.
        """
        with self._scratch() as scratch:
            report, log = scratch / "report.json", scratch / "pip.log"
            versions = _write(scratch / "limits.txt", constraint_lines(limits))
            more = _write(scratch / "more.txt", "\n".join(self._wanted.constraints))
            argv = ["--dry-run", "--log", str(log), "--report", str(report)]
            argv += ["-c", str(versions), "-c", str(more)]
            argv += arguments_next_to(kept, self._wanted.arguments, self._root)
            done = self._into(scratch, *argv, index=index)
            said = read_log(log)
            if done.returncode != 0:
                raise limited(resolve_failure(done.stderr, self._search(index, said)), limits)
            found = pins_of_report(json.loads(report.read_text("utf-8")), self._root)
            names = {pin.name for pin in kept}
            found = tuple(pin for pin in found if pin.name not in names)
            self._refuse_other_indexes(found, said)
            return tuple(self._hashed(scratch, pin, index) for pin in found)

    def _unpack(self, pins: Sequence[Pin], scratch: Path, index: PyodideIndex | None) -> bool:
        """Install kept wheels, after downloading the others; ``False`` if pip has to install."""
        environ = self.environment(choosing=False)
        if not are_wheels(pins) or "PIP_NO_CACHE_DIR" in environ:
            return False
        kept, folder = Wheels(), scratch / "wheels"
        found = kept.found(pins)
        if missing := [pin for pin in pins if pin.sha256 not in found]:
            wanted = _write(scratch / "wanted.txt", requirement_lines(missing))
            argv = [*_PIP, "download", *_QUIET, "--dest", str(folder), *self._selecting()]
            done = self._runner.run(
                [*argv, "--no-deps", "--require-hashes", "-r", str(wanted)],
                env=environ | self._settings(index),
                timeout=_INSTALL_SECONDS,
            )
            self._checked(done, pins)
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

    def _into(
        self, scratch: Path, *arguments: str, index: PyodideIndex | None, choosing: bool = True
    ) -> Completed:
        argv = [*_PIP, "install", *_QUIET, "--no-compile", "--target", str(scratch / "modules")]
        return self._runner.run(
            [*argv, *self._selecting(), *arguments],
            env=self.environment(choosing=choosing) | self._settings(index),
            timeout=_INSTALL_SECONDS,
        )

    def _selecting(self) -> tuple[str, ...]:
        links = (word for link in self._wanted.find_links for word in ("--find-links", link))
        binary = () if self._wanted.build else ("--only-binary=:all:",)
        return (*self._target.pip_options, *binary, *links)

    def _settings(self, index: PyodideIndex | None) -> dict[str, str]:
        """What ``pip_for_workers.py`` reads. In the environment, because an address may contain a
        password."""
        settings = {
            "markers": self._target.markers,
            "second": index.address if index and index.usable else "",
            "more": self._wanted.indexes,
            "build": self._wanted.build,
        }
        return {"CFPY_PIP": json.dumps(settings)}

    def _search(self, index: PyodideIndex, log: PipLog) -> Search:
        names = (_NAME.match(text) for text in self._wanted.declared)
        named = frozenset(canonicalize_name(name[0]) for name in names if name)
        return Search(self._target, index, log, self._versions, self._newer, named)

    def _newer(self, name: str, target: PythonTarget) -> list[str]:
        """The versions of a package on PyPI for another Python."""
        return WorkerPip(self._runner, self._root, target, self._wanted)._versions(
            name, here=False, index=None
        )

    def _versions(self, name: str, *, here: bool, index: PyodideIndex | None) -> list[str]:
        """The versions of a package, the newest first: for a Worker, or (``here``) for this
        machine."""
        argv = [*_PIP, "index", "versions", "--disable-pip-version-check"]
        argv += [] if here else [*self._target.pip_options, "--only-binary=:all:"]
        environ = self.environment("index") | self._settings(index)
        done = self._runner.run([*argv, name], env=environ, timeout=_INDEX_SECONDS)
        lines = (line.partition(": ") for line in done.stdout.splitlines())
        return next((rest.split(", ") for key, _, rest in lines if key == "Available versions"), [])

    def _checked(self, done: Completed, pins: Sequence[Pin]) -> None:
        if done.returncode != 0:
            raise install_failure(done.stderr, pins, self._root)

    def _refuse_other_indexes(self, pins: Sequence[Pin], log: PipLog) -> None:
        """pip asks all indexes for a package, even if one is named for it."""
        for pin in pins:
            address = self._wanted.named.get(pin.name)
            page = log.pages.get(pin.url, "")
            if address and not page.startswith(address.rstrip("/") + "/"):
                raise wrong_index(pin, address)

    def _hashed(self, scratch: Path, pin: Pin, index: PyodideIndex) -> Pin:
        """The pin with a hash: not every index has one, or one that is strong enough."""
        if pin.hash or pin.built:
            return pin
        place = scratch / "hashed" / pin.name
        url = pin.url if "://" in pin.url else (self._root / pin.url).resolve().as_uri()
        argv = [*_PIP, "download", *_QUIET, "--no-deps", "--dest", str(place)]
        environ = self.environment("download") | self._settings(index)
        done = self._runner.run([*argv, *self._selecting(), url], env=environ, timeout=300)
        self._checked(done, (pin,))
        [file] = place.iterdir()
        return dataclasses.replace(pin, sha256=hashlib.sha256(file.read_bytes()).hexdigest())


def _replace(modules: Path, scratch: Path, root: Path) -> None:
    # Packages that are there already, and not ignored, may be in git on purpose.
    committed = modules.exists() and not (modules / ".gitignore").is_file()
    if modules.exists():
        shutil.rmtree(modules)
    fresh = scratch / "modules"
    # pip creates no folder if there was nothing to install.
    fresh.mkdir(exist_ok=True)
    if not committed:
        ignore_in_git(fresh, root, modules.name)
    fresh.rename(modules)


def _write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path
