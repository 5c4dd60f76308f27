"""Keeps what cfpy generates in a project out of git, where the project does not do so itself."""

from __future__ import annotations

import contextlib
from pathlib import Path

_NAME = ".gitignore"
_ALL = "*\n"


def ignore_in_git(directory: Path, root: Path, name: str = "") -> None:
    """Write a ``.gitignore`` into a generated directory, as uv does in ``.venv``: for all in it.

    Not if the one in ``root`` names it. If it can't be written, that does not matter.

    Args:
        directory: The directory.
        root: The project.
        name: The name that the directory will get; empty if it has it.
    """
    with contextlib.suppress(OSError):
        path = directory / _NAME
        if not path.exists() and not _names(root / _NAME, name or directory.name):
            path.write_text(_ALL, "utf-8")


def _names(file: Path, name: str) -> bool:
    try:
        lines = file.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return False
    # With `!name/`, the project decided as well.
    return any(line.strip().strip("!*/") == name for line in lines)
