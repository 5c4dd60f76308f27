"""Notices changes of a project's files, for both runtimes.

It polls the files instead of using file system events: those get lost when an editor saves by
renaming, and come twice for one save. A change is reported when the files have not changed between
two polls, so that no half-written file is read.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cfpy.project.uv_sources import package_files

_EVERY_SECONDS = 0.15
# Files that affect the whole session. An environment has its own secrets: .dev.vars.staging.
_CONFIGURATION = re.compile(
    r"wrangler\.(toml|json|jsonc)|cfpy\.toml|pyproject\.toml|\.dev\.vars(\..+)?|\.env(\..+)?"
)
_NEVER = {".git", ".venv", ".wrangler", "__pycache__", "node_modules", "python_modules"}

#: The state of the files: by path, a value that changes with the content of the file.
State = dict[str, tuple[int, int, int, int]]


@dataclass(frozen=True)
class Change:
    """The changed files, with paths relative to the project, and whether any is configuration."""

    paths: tuple[str, ...]
    configuration: bool


@dataclass(frozen=True)
class Watched:
    """The files to watch.

    ``sources`` are directories whose files with one of ``suffixes`` are watched, ``everything``
    directories (or files) in which all are, ``migrations`` directories whose ``.sql`` files count
    as configuration, like ``settings``, which are files in any place. ``config`` is the name of the
    configuration file, in ``root``; ``beside`` are the folders of other Workers of the run, whose
    configuration counts, too. ``packages`` are the folders of local Python packages, which are
    installed again after a change. ``ignored`` are directories below ``everything``.
    """

    root: Path
    config: str = "wrangler.toml"
    sources: tuple[Path, ...] = ()
    suffixes: tuple[str, ...] = (".py",)
    everything: tuple[Path, ...] = ()
    migrations: tuple[Path, ...] = ()
    settings: tuple[Path, ...] = ()
    ignored: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()
    packages: tuple[Path, ...] = ()


class Watcher:
    """Calls ``on_change`` for each change, in its own thread.

    Reports changes since it was created, or ``since`` an earlier state.
    """

    def __init__(
        self,
        watched: Watched,
        on_change: Callable[[Change], None],
        *,
        since: State | None = None,
    ) -> None:
        self._watched = watched
        self._on_change = on_change
        self._stopped = threading.Event()
        self._told = look(watched) if since is None else since
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """Stop reporting changes."""
        self._stopped.set()

    def _run(self) -> None:
        last: State = {}
        while not self._stopped.wait(_EVERY_SECONDS):
            now = look(self._watched)
            if now == last != self._told:
                self._on_change(_change(self._watched, self._told, now))
                self._told = now
            last = now


def look(watched: Watched) -> State:
    """Every watched file, with a value that changes with its content."""
    state: State = {}
    own = _own_output()
    for path in _files(watched):
        try:
            found = path.stat()
        except OSError:
            continue
        if (found.st_dev, found.st_ino) in own:
            continue
        # Most edits set both times to the same moment.
        times = (found.st_mtime_ns, found.st_ctime_ns)
        state[str(path)] = (*times, found.st_size, found.st_ino)
    return state


def difference(before: State, now: State) -> list[str]:
    """The paths of the files that differ, in order."""
    return sorted(path for path in {*before, *now} if before.get(path) != now.get(path))


def _own_output() -> set[tuple[int, int]]:
    """The files that cfpy itself writes to: ``cfpy dev > dev.log 2>&1`` is not an edit."""
    own = set()
    for number in (1, 2):
        with contextlib.suppress(OSError):
            found = os.fstat(number)
            own.add((found.st_dev, found.st_ino))
    return own


def _files(watched: Watched) -> Iterator[Path]:
    for name in _listed(watched.root):
        if _configures(watched, name):
            yield watched.root / name
    for folder in watched.beside:
        yield from (folder / name for name in _listed(folder) if _CONFIGURATION.fullmatch(name))
    yield from watched.settings
    for folder in watched.packages:
        yield from (path for path in package_files(folder) if _packaged(watched, path))
    for directory in watched.migrations:
        yield from (directory / name for name in _listed(directory) if name.endswith(".sql"))
    for directory in watched.sources:
        yield from (path for path in _below([directory]) if path.suffix in watched.suffixes)
    yield from _below(watched.everything, watched.ignored)


def _below(places: Iterable[Path], ignored: Collection[Path] = ()) -> Iterator[Path]:
    for place in places:
        if place.is_file():
            yield place
        for directory, below, names in os.walk(place):
            below[:] = [
                name
                for name in below
                if name not in _NEVER and Path(directory, name) not in ignored
            ]
            yield from (Path(directory, name) for name in names)


def _listed(directory: Path) -> list[str]:
    try:
        return [path.name for path in directory.iterdir()]
    except OSError:
        return []


def _change(watched: Watched, before: State, now: State) -> Change:
    """The difference between two states. If configuration changed, changes of code do not
    matter."""
    paths = difference(before, now)
    configuration = [path for path in paths if _is_configuration(watched, Path(path))]
    told = configuration or paths
    names = tuple(os.path.relpath(path, watched.root) for path in told)
    return Change(names, bool(configuration))


def _is_configuration(watched: Watched, path: Path) -> bool:
    if path in watched.settings or _packaged(watched, path):
        return True
    if path.parent in watched.migrations:
        return path.suffix == ".sql"
    if path.parent in watched.beside:
        return bool(_CONFIGURATION.fullmatch(path.name))
    return path.parent == watched.root and _configures(watched, path.name)


def _packaged(watched: Watched, path: Path) -> bool:
    """Whether a file is part of a local package. One that the project is in has it as code."""
    root = watched.root.resolve()
    return any(
        path.is_relative_to(folder)
        and not (root.is_relative_to(folder) and path.is_relative_to(root))
        for folder in watched.packages
    )


def _configures(watched: Watched, name: str) -> bool:
    return name == watched.config or bool(_CONFIGURATION.fullmatch(name))
