"""Ways to edit a TOML text and keep every other byte, the one with the fewest changes first.

tomlkit keeps comments, but inserts new lines after comments and empty lines that belong to the next
table, and splits one-line arrays. So the text is edited where a person would do it, in the existing
style. Some of the ways may be wrong: the caller uses the first one whose result parses to exactly
the wanted document. The texts have ``\\n`` at the end of each line.
"""

from __future__ import annotations

import contextlib
import math
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit

from cfpy.project.edits import Append, Edit, KeyPath, Put, Remove, change, names
from cfpy.project.toml_entry import with_key, without_key
from cfpy.project.toml_format import assignments, inline, key_text, table_text, value_text
from cfpy.project.toml_places import into_array, into_table, placed
from cfpy.project.toml_removal import without


def loads(text: str) -> dict[str, Any]:
    """The plain values of a document. Two that are not a number are equal.

    Raises:
        tomllib.TOMLDecodeError: It does not parse.
    """
    return tomllib.loads(text, parse_float=_number)


def candidates(body: str, edit: Edit) -> Iterator[str]:
    """Texts that may be ``body`` after an edit."""
    match edit:
        case Append(path, Mapping() as entry, written):
            table = names(path)
            yield from into_array(body, table, inline(entry))
            new = f"[[{key_text(table)}]]\n{assignments(entry)}"
            yield from placed(body, table, written or new)
        case Append(path, value):
            yield from into_array(body, names(path), value_text(value))
            yield from _new_key(body, path, f"{key_text(path[-1:])} = [{value_text(value)}]\n")
        case Put(path, Mapping() as table, _, comment, written):
            text = written or _comment(comment) + table_text(names(path), table)
            yield from placed(body, names(path), text)
        case Put(path, value, after, comment, written):
            text, above = written or value_text(value), _comment(comment)
            yield from with_key(body, path, text, after, above)
            yield from _new_key(body, path, f"{above}{key_text(path[-1:])} = {text}\n")
        case Remove(path):
            if any(isinstance(part, int) for part in path[:-1]):
                yield from without_key(body, path)
            # A table that is empty then goes with the last one in it.
            for length in range(len(path), 0, -1):
                yield from without(body, path[:length])
    yield from _by_tomlkit(body, edit)


def _new_key(body: str, path: KeyPath, line: str) -> Iterator[str]:
    """``line`` in a table that has a header, or with a new header."""
    table = names(path[:-1])
    yield from into_table(body, table, line)
    if table:
        yield from placed(body, table, f"[{key_text(table)}]\n{line}")


def _comment(text: str) -> str:
    return "".join(
        f"{'' if line.lstrip().startswith('#') else '# '}{line}\n" for line in text.splitlines()
    )


def _number(text: str) -> float:
    # One object for all, so that documents with it are equal, although it is not equal to itself.
    return math.nan if "nan" in text else float(text)


def _by_tomlkit(text: str, edit: Edit) -> Iterator[str]:
    """The last resort: it supports every way to write a table, but may move others."""
    document = tomlkit.parse(text)
    with contextlib.suppress(Exception):
        change(document, edit)
        changed = tomlkit.dumps(document)
        if _is_in_one_place(text, changed, edit):
            yield changed


def _is_in_one_place(before: str, after: str, edit: Edit) -> bool:
    """Whether an edit only inserts, only removes, or replaces within one line."""
    start = _same(before, after)
    end = _same(before[start:][::-1], after[start:][::-1])
    gone, new = before[start : len(before) - end], after[start : len(after) - end]
    return not gone or not new or (isinstance(edit, Put) and "\n" not in gone)


def _same(one: str, other: str) -> int:
    """How many characters two texts have in common at their start."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
