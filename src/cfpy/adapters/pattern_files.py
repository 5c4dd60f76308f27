"""Reads a pattern's directory with suspicion: it may be anybody's."""

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
# Windows opens a device, whatever the extension: learn.microsoft.com/windows/win32/fileio
_DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))}


def pattern_files(root: Path, *, directories: bool = False) -> Iterator[Path]:
    """The files below ``root``, sorted; with ``directories`` those too, each before what it holds.

    Raises:
        PatternError: One is a link, a device, too much, or has a name that is none everywhere.
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
                raise _refused(path, root, "is no regular file")
            count += 1
            total += path.stat().st_size
            if count > MOST_FILES or total > MOST_BYTES:
                raise PatternError(
                    f"{root} holds more than {MOST_FILES} files or {MOST_BYTES // 10**6} MB",
                    hint="A pattern is smaller than that. Is it the right directory?",
                )
            yield path


def check_name(name: PurePosixPath, pattern: str) -> None:
    """Refuse a rendered file's name that some system takes for something else.

    Raises:
        PatternError: It does not stay in the project, or names a device.
    """
    parts = name.parts
    if name.is_absolute() or ".." in parts or ".git" in {part.lower() for part in parts}:
        raise PatternError(f"pattern {pattern!r} writes {name}, which is not the project's")
    if any(part.partition(".")[0].rstrip(" ").lower() in _DEVICES for part in parts):
        raise PatternError(f"pattern {pattern!r} writes {name}, which is a device on Windows")


def digest(root: Path) -> str:
    """A hash of all files below ``root``: another one, if any of them changes."""
    total = hashlib.sha256()
    for path in pattern_files(root):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(root).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def _refused(path: Path, root: Path, why: str) -> PatternError:
    return PatternError(
        f"{path.relative_to(root)} in the pattern {root.name!r} {why}",
        hint="Patterns hold directories and regular files only.",
    )
