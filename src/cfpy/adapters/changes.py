"""Changes several files of a project: all of them, or none."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cfpy.errors import FilesystemError


@dataclass(frozen=True)
class NewContent:
    """What a file shall hold; ``executable`` is ``None`` where its mode stays as it is."""

    data: bytes
    executable: bool | None = None


Changes = Mapping[str, NewContent | None]


def apply(root: Path, changes: Changes) -> None:
    """Write files below ``root``; ``None`` removes one.

    Everything is written to a scratch directory first. What then goes wrong, Ctrl-C too, is taken
    back.

    Raises:
        FilesystemError: The disk refused. The files are as they were.
    """
    undo = contextlib.ExitStack()
    try:
        with tempfile.TemporaryDirectory(prefix=".cfpy-changes-", dir=root) as scratch, undo:
            staged = _stage(Path(scratch), changes)
            for number, name in enumerate(changes):
                target = root / name
                if name in staged and target.is_symlink():
                    # The file changes, and the link to it stays.
                    target = target.resolve()
                if target.exists():
                    backup = Path(scratch) / f"old-{number}"
                    undo.callback(_put_back, backup, target)
                    _keep(target, backup)
                else:
                    undo.callback(_take_away, root, target)
                if name in staged:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    staged[name].replace(target)
                else:
                    _take_away(root, target)
            undo.pop_all()
    except OSError as error:
        raise FilesystemError(
            f"can't write {error.filename or root}: {error.strerror or error}",
            hint="Nothing was changed.",
        ) from error


def make_directories(root: Path, names: Iterable[str]) -> None:
    """Make directories below ``root`` where nothing of their name is.

    Raises:
        FilesystemError: The disk refused.
    """
    for name in names:
        path = root / name
        if any(parent.is_symlink() for parent in path.parents if parent.is_relative_to(root)):
            continue
        try:
            if not path.exists():
                path.mkdir(parents=True)
        except OSError as error:
            raise FilesystemError(f"can't make {path}: {error.strerror or error}") from error


def _stage(scratch: Path, changes: Changes) -> dict[str, Path]:
    staged = {}
    for number, (name, content) in enumerate(changes.items()):
        if content is None:
            continue
        path = scratch / f"new-{number}"
        path.write_bytes(content.data)
        path.chmod(_mode(scratch.parent / name, content.executable))
        staged[name] = path
    return staged


def _mode(target: Path, executable: bool | None) -> int:
    """What the file has, or would have if somebody made it now."""
    if target.exists():
        mode = target.stat().st_mode & 0o777
    else:
        mask = os.umask(0)
        os.umask(mask)
        mode = 0o666 & ~mask
    if executable is None:
        return mode
    # Whoever may read it may run it.
    return mode | (mode & 0o444) >> 2 if executable else mode & ~0o111


def _keep(target: Path, backup: Path) -> None:
    try:
        os.link(target, backup)
    except OSError:
        # Not every file system has links. The copy gets its name when it is whole.
        shutil.copy2(target, backup.with_suffix(".part"))
        backup.with_suffix(".part").replace(backup)


def _put_back(backup: Path, target: Path) -> None:
    if backup.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        backup.replace(target)


def _take_away(root: Path, target: Path) -> None:
    """Remove a file, and the directories that are empty without it."""
    target.unlink(missing_ok=True)
    for directory in target.parents:
        if directory == root:
            break
        try:
            directory.rmdir()
        except OSError:
            break
