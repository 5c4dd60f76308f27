"""The files of a new project, as a tree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import RenderableType
from rich.markup import escape
from rich.text import Text
from rich.tree import Tree

# A project with at most this many files is shown completely.
_FEW = 12
# The directory whose content is shown: the code.
_CODE = "src"


def draw_files(name: str, files: Sequence[str], *, whole: bool) -> list[RenderableType]:
    """The tree of a project: all of it, or its top level and its code.

    Args:
        name: The project's directory.
        files: Relative paths in POSIX form.
        whole: Whether every file is listed.
    """
    if whole or len(files) <= _FEW:
        return [_tree(name, dict.fromkeys(files, ""))]
    visible = [file for file in files if not file.startswith(".")]
    hidden = sorted(set(files) - set(visible))
    drawn = _tree(name, _summary(visible))
    if hidden:
        names = ", ".join(dict.fromkeys(_entry(file, 1) for file in hidden))
        drawn.add(Text(f"and {names}", style="dim"))
    return [drawn, Text(f"{len(files)} files; --tree lists them all", style="dim")]


def _summary(files: Sequence[str]) -> dict[str, str]:
    """The entries of the top level and of the code, each with a note; the README comes first."""
    entries = Counter(_entry(file, 2 if file.startswith(f"{_CODE}/") else 1) for file in files)
    return {
        entry: _files(entries[entry]) if entry.endswith("/") else ""
        for entry in sorted(entries, key=_rank)
    }


def _rank(entry: str) -> int:
    """The README, the files of the top level, the code, and other directories."""
    if entry == "README.md":
        return 0
    if "/" not in entry:
        return 1
    return 2 if entry.startswith(f"{_CODE}/") else 3


def _entry(file: str, depth: int) -> str:
    """The entry for ``file`` in a tree with ``depth`` levels; a directory ends with a slash."""
    parts = file.split("/")
    return file if len(parts) <= depth else "/".join(parts[:depth]) + "/"


def _files(number: int) -> str:
    return f"{number} file{'' if number == 1 else 's'}"


def _tree(name: str, entries: dict[str, str]) -> Tree:
    tree = Tree(f"{escape(name)}/", guide_style="dim")
    nodes = {"": tree}
    for entry, note in entries.items():
        parent = ""
        *directories, leaf = entry.removesuffix("/").split("/")
        for directory in directories:
            path = f"{parent}{directory}/"
            if path not in nodes:
                nodes[path] = nodes[parent].add(f"{escape(directory)}/")
            parent = path
        slash = "/" if entry.endswith("/") else ""
        nodes[parent].add(Text.assemble(f"{leaf}{slash}", (f"  {note}" if note else "", "dim")))
    return tree
