"""Edits of a project's text: of the configuration, the same for TOML and JSONC, and of the Worker.

A path is the keys from the top of the document to a value, with the index of an item after the name
of an array: ``("env", "staging", "d1_databases", 1, "database_id")``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KeyPath = tuple[str | int, ...]


class NoPlaceError(Exception):
    """The edit is not possible without changing something else. Nothing was changed. ``at`` is the
    path of the value that is in the way, if one is."""

    def __init__(self, message: str, at: KeyPath = ()) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True)
class Append:
    """A new item at the end of the array at ``path``, which may not exist yet. ``written`` is its
    text, if it has one: in TOML, the lines of a table with its header."""

    path: KeyPath
    value: Any
    written: str = ""


@dataclass(frozen=True)
class Put:
    """A value for the key at ``path``, whether or not it exists; so do the tables around it.

    ``after`` is the key below which a new one goes; by default, it goes after the last.
    ``comment`` has lines to write above a new key; marks of comments are added. ``written`` is the
    text of the value, if it has one.
    """

    path: KeyPath
    value: Any
    after: str = ""
    comment: str = ""
    written: str = ""


@dataclass(frozen=True)
class Remove:
    """Without the key or item at ``path`` and the comment right above it. A table or array around
    it that is empty then is removed, too, unless there are comments in it."""

    path: KeyPath


Edit = Append | Put | Remove


@dataclass(frozen=True)
class NewHandler:
    """A method for the Worker: ``name`` takes ``parameter`` of the type ``type``. ``python`` and
    ``javascript`` are the lines of its body."""

    name: str
    parameter: str
    type: str
    python: tuple[str, ...]
    javascript: tuple[str, ...]


@dataclass(frozen=True)
class Handled:
    """A Worker's main module, and its handler: in ``line`` of ``source``, from 1. ``new`` if it was
    added. ``line`` is 0 if cfpy is not sure that it has one, nor that it has none: ``why`` is the
    reason, without a full stop."""

    source: str
    line: int = 0
    new: bool = False
    why: str = ""


@dataclass(frozen=True)
class ExistingClass:
    """What a Worker has under the name of a class, in ``line`` of ``path``, from 1. ``why`` is the
    reason that a binding can't use it, without a full stop; empty if it can."""

    path: Path
    line: int
    why: str = ""


def change(data: Any, edit: Edit) -> None:
    """Make an edit in the values of a document.

    Raises:
        AttributeError, TypeError, KeyError, IndexError: Something else has that name, or there is
            nothing to remove.
    """
    *above, name = edit.path
    parent = _at(data, above)
    match edit:
        case Append():
            parent.setdefault(name, []).append(copy.deepcopy(edit.value))
        case Put():
            parent[name] = copy.deepcopy(edit.value)
        case Remove():
            del parent[name]
            while above and not parent:
                *above, name = above
                parent = _at(data, above)
                del parent[name]


def in_the_way(data: Any, path: KeyPath) -> KeyPath:
    """The path of the first value on the way to ``path``, or there, that is neither a table nor an
    array; empty if there is none."""
    for length, part in enumerate(path, 1):
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return ()
        if not isinstance(data, dict | list):
            return path[:length]
    return ()


def names(path: Iterable[str | int]) -> tuple[str, ...]:
    """A path without indexes: ``("env", "staging", "d1_databases")``."""
    return tuple(part for part in path if isinstance(part, str))


def dotted(path: Iterable[str | int | None]) -> str:
    """The name of a table, without indexes: ``env.staging.d1_databases``."""
    return ".".join(part for part in path if isinstance(part, str))


def _at(data: Any, path: Iterable[str | int]) -> Any:
    """The value at ``path``; missing tables on the way are created."""
    for part in path:
        data = data[part] if isinstance(part, int) else data.setdefault(part, {})
    return data
