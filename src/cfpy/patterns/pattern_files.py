"""Reads a pattern's directory, which may be untrusted."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cfpy.errors import PatternError

MOST_FILES = 10_000
MOST_BYTES = 200_000_000
_SKIPPED = {".git", "__pycache__", ".venv", "node_modules"}
# Windows opens a device with these names, whatever the extension:
# learn.microsoft.com/windows/win32/fileio
_DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))}


def pattern_files(root: Path, *, directories: bool = False) -> Iterator[Path]:
    """The files below ``root``, sorted; with ``directories`` also the directories, each before its
    content.

    Raises:
        PatternError: A file is a link or a device, too large, or has a name that is not valid on
            every system.
    """
    total = count = 0
    for directory, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name not in _SKIPPED)
        for name in sorted([*names, *files]):
            path = Path(directory, name)
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                raise _refused(path, root, "is a link")
            if stat.S_ISDIR(mode):
                if directories:
                    yield path
                continue
            if not stat.S_ISREG(mode):
                raise _refused(path, root, "is not a regular file")
            count += 1
            total += path.stat().st_size
            if count > MOST_FILES or total > MOST_BYTES:
                raise PatternError(
                    f"{root} has more than {MOST_FILES} files or {MOST_BYTES // 10**6} MB",
                    hint="Patterns are smaller than that. Check that this is the right directory.",
                )
            yield path


def check_name(name: PurePosixPath, pattern: str) -> None:
    """Refuse a rendered file's name that has a special meaning on some system.

    Raises:
        PatternError: It is outside the project, or names a device.
    """
    parts = name.parts
    if name.is_absolute() or ".." in parts or ".git" in {part.lower() for part in parts}:
        raise PatternError(f"pattern {pattern!r} writes {name}, which is outside the project")
    if any(part.partition(".")[0].rstrip(" ").lower() in _DEVICES for part in parts):
        raise PatternError(f"pattern {pattern!r} writes {name}, which is a device on Windows")


def digest(root: Path) -> str:
    """A hash of all files below ``root``; it changes if any of them changes."""
    total = hashlib.sha256()
    for path in pattern_files(root):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(root).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def _refused(path: Path, root: Path, why: str) -> PatternError:
    return PatternError(
        f"{path.relative_to(root)} in the pattern {root.name!r} {why}",
        hint="Patterns may only contain directories and regular files.",
    )
