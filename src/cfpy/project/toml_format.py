"""Writes values as TOML."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

import tomlkit

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def key_text(path: Iterable[str | int]) -> str:
    """A dotted key, with quotes where a part needs them."""
    return ".".join(
        part if _BARE.fullmatch(part) else str(tomlkit.key(part).as_string())
        for part in map(str, path)
    )


def assignments(entry: Mapping[str, Any]) -> str:
    """The lines of a table: ``key = value``."""
    return "".join(f"{key_text((key,))} = {value_text(value)}\n" for key, value in entry.items())


def inline(entry: Mapping[str, Any]) -> str:
    """A table in one line."""
    inside = ", ".join(f"{key_text((key,))} = {value_text(value)}" for key, value in entry.items())
    return f"{{ {inside} }}"


def value_text(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, Mapping):
        return inline(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    return str(tomlkit.item(copy.copy(value)).as_string())


def table_text(name: tuple[str, ...], table: Mapping[str, Any]) -> str:
    """A table with its header, and with headers for the tables in it. Tables in entries of arrays
    are in one line, as people write them."""
    document: dict[str, Any] = _written(table)
    for part in reversed(name):
        document = {part: document}
    return tomlkit.dumps(document).strip() + "\n"


def _written(table: Mapping[str, Any]) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for key, value in table.items():
        if _is_entries(value):
            written[key] = [_entry(item) for item in value]
        elif isinstance(value, Mapping) and any(map(_is_entries, value.values())):
            written[key] = _written(value)
        else:
            written[key] = value
    return written


def _is_entries(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _entry(item: Mapping[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for key, value in item.items():
        if isinstance(value, Mapping):
            one_line = tomlkit.inline_table()
            one_line.update(value)
            entry[key] = one_line
        else:
            entry[key] = value
    return entry
