"""Adds to a TOML text and keeps every other byte unchanged.

tomlkit keeps comments, but inserts new lines after comments and empty lines that belong to the next
table, and splits one-line arrays. So the text is edited where a person would do it, in the existing
style. Several ways are tried; the first one whose result parses to exactly the wanted document is
used.
"""

from __future__ import annotations

import contextlib
import copy
import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tomlkit

from cfpy.project.line_ends import lines_of, plain, with_ends_of
from cfpy.project.toml_layout import array_end, blocks, content_end, value_span


class NoPlaceError(Exception):
    """It can't be added without changing something else."""


def add_entry(text: str, table: str, entry: Mapping[str, Any], comment: str = "") -> str:
    """Add an entry to an array of tables, which may not exist yet.

    Args:
        text: A TOML document.
        table: Its dotted name: ``kv_namespaces``, ``env.staging.queues.producers``.
        entry: The content of the new table.
        comment: Lines to write above it, each with its ``#``.

    Raises:
        NoPlaceError: It can't be added.
    """
    written = f"{comment}[[{table}]]\n{_assignments(entry)}"
    return _first_right(
        text,
        lambda data: _array(data, table).append(dict(entry)),
        lambda body: (*_into_array(body, table, _inline(entry)), *_placed(body, table, written)),
    )


def add_table(text: str, table: str, entry: Mapping[str, Any], comment: str = "") -> str:
    """Add a table that does not exist yet: ``ai``, ``env.staging.assets``.

    Raises:
        NoPlaceError: It can't be added.
    """
    written = f"{comment}[{table}]\n{_assignments(entry)}"
    *above, name = table.split(".")
    return _first_right(
        text,
        lambda data: _table(data, above).update({name: dict(entry)}),
        lambda body: _placed(body, table, written),
    )


def add_value(text: str, table: str, key: str, value: Any) -> str:
    """Append ``value`` to the array ``key`` of a table; both may not exist yet.

    Raises:
        NoPlaceError: It can't be added.
    """

    def change(data: dict[str, Any]) -> None:
        _table(data, _parts(table)).setdefault(key, []).append(value)

    name = f"{table}.{key}" if table else key
    line = f"{key} = [{_value(value)}]\n"

    def candidates(body: str) -> Iterator[str]:
        yield from _into_array(body, name, _value(value))
        yield from _into_table(body, table, line)
        if table:
            yield from _placed(body, table, f"[{table}]\n{line}")

    return _first_right(text, change, candidates)


def add_key(text: str, table: str, key: str, value: Any, comment: str = "") -> str:
    """Add a new key to a table, which may not exist yet.

    Raises:
        NoPlaceError: It can't be added.
    """
    line = f"{comment}{key} = {_value(value)}\n"

    def candidates(body: str) -> Iterator[str]:
        yield from _into_table(body, table, line)
        if table:
            yield from _placed(body, table, f"[{table}]\n{line}")

    return _first_right(
        text, lambda data: _table(data, _parts(table)).update({key: value}), candidates
    )


def add_block(
    text: str, path: tuple[str | int | None, ...], entry: Mapping[str, Any], written: str
) -> str:
    """Add a table with its original text.

    Args:
        text: A TOML document.
        path: Its name; ``None`` at the end for a new one in an array, an index for an array around
            it.
        entry: Its content.
        written: Its lines; empty if there are none to copy.

    Raises:
        NoPlaceError: It can't be added.
    """
    table = ".".join(part for part in path if isinstance(part, str))
    is_entry = path[-1] is None

    def change(data: dict[str, Any]) -> None:
        *above, name = path[:-1] if is_entry else path
        parent = _at(data, tuple(above))
        if is_entry:
            parent.setdefault(name, []).append(dict(entry))
        else:
            parent[name] = dict(entry)

    header = f"[[{table}]]" if is_entry else f"[{table}]"
    lines = written or f"{header}\n{_assignments(entry)}"
    candidates = lambda body: (  # noqa: E731
        *(_into_array(body, table, _inline(entry)) if is_entry else ()),
        *_placed(body, table, lines),
    )
    return _first_right(text, change, candidates)


def set_key(
    text: str,
    path: tuple[str | int, ...],
    key: str,
    value: Any,
    written: str | None = None,
    comment: str = "",
) -> str:
    """Set the value of a key in a table, whether or not it exists.

    Args:
        text: A TOML document.
        path: The table: its name, and an index after the name of an array.
        key: The key.
        value: Its new value.
        written: The value's text; ``None`` for the usual format.
        comment: Lines to write above a new key, each with its ``#``.

    Raises:
        NoPlaceError: It can't be added.
    """
    table = ".".join(part for part in path if isinstance(part, str))
    index = path[-1] if path and isinstance(path[-1], int) else 0
    said = _value(value) if written is None else written

    def candidates(body: str) -> Iterator[str]:
        lines = lines_of(body)
        named = [block for block in blocks(lines) if block.name == table]
        if index < len(named):
            block = named[index]
            span = value_span(lines, block, key)
            if span is not None:
                yield f"{body[: span[0]]}{said}{body[span[1] :]}"
            before = "".join(lines[: block.end])
            if before and not before.endswith("\n"):
                before += "\n"
            yield f"{before}{comment}{key} = {said}\n{''.join(lines[block.end :])}"

    return _first_right(text, lambda data: _at(data, path).update({key: value}), candidates)


def _number(text: str) -> float:
    # One object for all, so that documents with it are equal, although it is not equal to itself.
    return math.nan if "nan" in text else float(text)


def _first_right(
    text: str,
    change: Callable[[dict[str, Any]], object],
    candidates: Callable[[str], Iterator[str] | tuple[str, ...]],
) -> str:
    body = plain(text)
    wanted = tomllib.loads(body, parse_float=_number)
    try:
        change(wanted)
    except (AttributeError, TypeError, KeyError, IndexError) as error:
        raise NoPlaceError("something else has that name") from error
    for candidate in (*candidates(body), *_by_tomlkit(body, change)):
        if _parses_to(candidate, wanted):
            return with_ends_of(text, candidate)
    raise NoPlaceError("nothing can be added without changing something else")


def _by_tomlkit(text: str, change: Callable[[Any], object]) -> Iterator[str]:
    """The last resort: it may change a space, but supports every way to write a table."""
    document = tomlkit.parse(text)
    with contextlib.suppress(Exception):
        change(document)
        yield tomlkit.dumps(document)


def _parses_to(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text, parse_float=_number) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _at(data: Any, path: tuple[str | int | None, ...]) -> Any:
    """The value at ``path``; missing tables on the way are created."""
    for part in path:
        data = data[part] if isinstance(part, int) else data.setdefault(part, {})
    return data


def _table(data: dict[str, Any], parts: list[str]) -> dict[str, Any]:
    for part in parts:
        data = data.setdefault(part, {})
    return data


def _array(data: dict[str, Any], table: str) -> list[Any]:
    *above, name = table.split(".")
    found: list[Any] = _table(data, above).setdefault(name, [])
    return found


def _parts(table: str) -> list[str]:
    return table.split(".") if table else []


def _placed(text: str, table: str, written: str) -> Iterator[str]:
    """``written`` as a new block: after the last one of its kind, else after its environment or
    before all environments, else at the end."""
    lines = lines_of(text)
    found = blocks(lines)
    same = [b for b in found if b.name == table or b.name.startswith(f"{table}.")]
    if same:
        yield _with_block(lines, same[-1].end, written)
    parts = table.split(".")
    if parts[0] == "env":
        own = [b for b in found if b.name.split(".")[:2] == parts[:2]]
        if own:
            yield _with_block(lines, own[-1].end, written)
    else:
        environments = [b for b in found if b.name.split(".")[0] == "env"]
        if environments:
            yield _with_block(lines, environments[0].start, written)
    yield _with_block(lines, content_end(lines, 0, len(lines)), written)


def _with_block(lines: list[str], at: int, written: str) -> str:
    before, after = lines[:at], lines[at:]
    while before and not before[-1].strip():
        # Empty lines above stay above; one of them separates the two.
        after.insert(0, before.pop())
    above = "".join(before)
    if above and not above.endswith("\n"):
        above += "\n"
    gap = "\n" if above else ""
    below = "".join(after)
    if below.strip() and not below.startswith("\n"):
        written += "\n"
    return f"{above}{gap}{written}{below}"


def _into_table(text: str, table: str, line: str) -> Iterator[str]:
    """``line`` as the last line of a table with a header."""
    lines = lines_of(text)
    for block in reversed(blocks(lines)):
        if block.name == table:
            before = "".join(lines[: block.end])
            if before and not before.endswith("\n"):
                before += "\n"
            yield before + line + "".join(lines[block.end :])


def _into_array(text: str, name: str, value: str) -> Iterator[str]:
    """``value`` as the last item of an array ``name = [...]``, in any place and format."""
    parts = name.split(".")
    lines = lines_of(text)
    for block in blocks(lines):
        above = _parts(block.name)
        if parts[: len(above)] != above or len(above) == len(parts):
            continue
        quoted = [rf"""["']?{re.escape(part)}["']?""" for part in parts[len(above) :]]
        dotted = r"\s*\.\s*".join(quoted)
        key = re.compile(rf"^\s*{dotted}\s*=\s*\[", re.MULTILINE)
        start = sum(map(len, lines[: block.header]))
        end = sum(map(len, lines[: block.end]))
        for match in key.finditer(text, start, end):
            yield _appended(text, match.end(), value)


def _appended(text: str, start: int, value: str) -> str:
    """``value`` appended to the array whose content begins at ``start``."""
    last, close = array_end(text, start)
    if last == start:
        return f"{text[:start]}{value}{text[start:]}"
    comma = text[last - 1] == ","
    if "\n" not in text[last:close]:
        tail = value if comma else f", {value}"
        gap = " " if comma else ""
        return f"{text[:last]}{gap}{tail}{text[last:]}"
    begins = text.rindex("\n", 0, last) + 1
    line = text[begins:last]
    indent = line[: len(line) - len(line.lstrip())]
    # A comment after the last value stays after it.
    line_end = text.index("\n", last)
    added = f"\n{indent}{value}{',' if comma else ''}"
    return f"{text[:last]}{'' if comma else ','}{text[last:line_end]}{added}{text[line_end:]}"


def _assignments(entry: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in entry.items())


def _inline(entry: Mapping[str, Any]) -> str:
    inside = ", ".join(f"{key} = {_value(value)}" for key, value in entry.items())
    return f"{{ {inside} }}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _inline(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return str(tomlkit.item(copy.copy(value)).as_string())
