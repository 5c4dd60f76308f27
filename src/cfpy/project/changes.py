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
from cfpy.tools.files import refuse_read_only


@dataclass(frozen=True)
class NewContent:
    """The new content of a file; ``executable`` is ``None`` if its mode stays as it is."""

    data: bytes
    executable: bool | None = None


Changes = Mapping[str, NewContent | None]


def apply(root: Path, changes: Changes) -> None:
    """Write files below ``root``; ``None`` deletes one.

    Everything is written to a scratch directory first. If something fails after that, or Ctrl-C is
    pressed, all changes are undone.

    Raises:
        FilesystemError: One of them is read-only, or writing failed. The files are as they were.
    """
    for name in changes:
        refuse_read_only(root / name)
    undo = contextlib.ExitStack()
    try:
        with tempfile.TemporaryDirectory(prefix=".cfpy-changes-", dir=root) as scratch, undo:
            staged = _stage(Path(scratch), changes)
            for number, name in enumerate(changes):
                target = root / name
                if name in staged and target.is_symlink():
                    # The file changes; the link to it stays.
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
    """Create directories below ``root`` unless their names are taken.

    Raises:
        FilesystemError: Writing failed.
    """
    for name in names:
        path = root / name
        if any(parent.is_symlink() for parent in path.parents if parent.is_relative_to(root)):
            continue
        try:
            if not path.exists():
                path.mkdir(parents=True)
        except OSError as error:
            raise FilesystemError(f"can't create {path}: {error.strerror or error}") from error


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
    """The mode of the file, or the one that a new file would get."""
    if target.exists():
        mode = target.stat().st_mode & 0o777
    else:
        mask = os.umask(0)
        os.umask(mask)
        mode = 0o666 & ~mask
    if executable is None:
        return mode
    # Everybody who may read it may run it.
    return mode | (mode & 0o444) >> 2 if executable else mode & ~0o111


def _keep(target: Path, backup: Path) -> None:
    try:
        os.link(target, backup)
    except OSError:
        # Not every file system has links. The copy is renamed when it is complete.
        shutil.copy2(target, backup.with_suffix(".part"))
        backup.with_suffix(".part").replace(backup)


def _put_back(backup: Path, target: Path) -> None:
    if backup.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        backup.replace(target)


def _take_away(root: Path, target: Path) -> None:
    """Delete a file, and the directories that are empty after that."""
    target.unlink(missing_ok=True)
    for directory in target.parents:
        if directory == root:
            break
        try:
            directory.rmdir()
        except OSError:
            break
