"""Merges a pattern's changes into a configuration by its values, where its text can't be merged.

A project's configuration can be written in another way than its pattern's, for instance after it
was converted by hand. Then the lines differ, and the values still show what the pattern changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cfpy.errors import ProjectError
from cfpy.project.config_text import SUFFIXES, edited, loads
from cfpy.project.edits import Append, Edit, KeyPath, Put, Remove

_ABSENT = object()
#: What tells the entries of an array apart.
_NAMES = ("binding", "name", "tag", "queue", "index_name", "pattern")


class _ConflictError(Exception):
    """Both sides changed a value, each to another one."""


def merge_values(name: str, mine: bytes, before: bytes, theirs: bytes) -> bytes | None:
    """The project's configuration with the pattern's changes; ``None`` if both changed a value, or
    one does not parse.

    Args:
        name: The file's name, which has the format of all three.
        mine: The project's text.
        before: What the pattern rendered earlier.
        theirs: What it renders now.
    """
    path = Path(name)
    if path.suffix not in SUFFIXES:
        return None
    try:
        texts = [data.decode("utf-8-sig") for data in (mine, before, theirs)]
        here, old, new = (loads(path, text) for text in texts)
        edits = list(_edits((), here, old, new))
        merged = edited(path, mine.decode(), edits).encode()
    except (ValueError, RecursionError, ProjectError, _ConflictError):
        return None
    return merged


def _edits(path: KeyPath, mine: Any, old: Any, new: Any) -> Iterator[Edit]:
    """The edits of ``mine`` that do to it what turned ``old`` into ``new``."""
    if old == new or mine == new:
        return
    if all(isinstance(value, dict) for value in (mine, old, new)):
        for key in {**old, **new}:
            values = (value.get(key, _ABSENT) for value in (mine, old, new))
            yield from _edits((*path, key), *values)
    elif isinstance(mine, list) and isinstance(new, list) and old is _ABSENT:
        yield from _entries(path, mine, [], new)
    elif all(isinstance(value, list) for value in (mine, old, new)) and _is_named(old + new):
        yield from _entries(path, mine, old, new)
    elif mine != old:
        raise _ConflictError
    elif new is _ABSENT:
        yield Remove(path)
    else:
        yield Put(path, new)


def _entries(path: KeyPath, mine: list[Any], old: list[Any], new: list[Any]) -> Iterator[Edit]:
    """The edits of an array of tables, whose entries have names."""
    if not _is_named(mine + new):
        raise _ConflictError
    was, now, here = ({_name(item): item for item in items} for items in (old, new, mine))
    if any(len(found) != len(items) for found, items in ((was, old), (now, new), (here, mine))):
        raise _ConflictError
    removed = []
    for number, (key, item) in enumerate(here.items()):
        if key in was and key not in now:
            if item != was[key]:
                raise _ConflictError
            removed.append(number)
        elif key in now:
            yield from _edits((*path, number), item, was.get(key, {}), now[key])
    for key, item in now.items():
        if key not in here and was.get(key) != item:
            if key in was:
                raise _ConflictError  # Deleted here, changed there.
            yield Append(path, item)
    yield from (Remove((*path, number)) for number in reversed(removed))


def _is_named(items: list[Any]) -> bool:
    return all(isinstance(item, dict) and _name(item) for item in items)


def _name(item: dict[str, Any]) -> tuple[str, str] | None:
    found = ((key, item[key]) for key in _NAMES if isinstance(item.get(key), str))
    return next(found, None)
