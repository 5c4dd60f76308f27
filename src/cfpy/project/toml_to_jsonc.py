"""Writes a TOML configuration as JSON with comments: the same values, order, comments and empty
lines."""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cfpy.project import jsonc
from cfpy.project.line_ends import lines_of, plain
from cfpy.project.toml_layout import HEADER, Block, blocks, content_lines, parts_of, values_of
from cfpy.project.toml_values import as_json

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*'
    r"|[\[\]{},=]|\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]+|\s+|[^\s\[\]{},=#\"']+",
    re.DOTALL,
)
_SCHEMA = "#:schema "
_UNIT = "  "


@dataclass
class _Item:
    """A key with a value, or an item of an array. ``above`` are the comments and empty lines above
    it, ``beside`` is the comment on its line. ``value`` is JSON, unless it has ``items``."""

    above: list[str] = field(default_factory=list)
    value: str = ""
    items: dict[str | int, _Item] | None = None
    is_array: bool = False
    beside: str = ""


def to_jsonc(text: str) -> str:
    """The text of a ``wrangler.jsonc`` for that of a ``wrangler.toml``.

    Raises:
        tomllib.TOMLDecodeError: It does not parse.
    """
    body = plain(text)
    wanted = _loads(body)
    with contextlib.suppress(ValueError, KeyError, AssertionError):
        root, after = _read(body)
        end = (_UNIT + line for line in after)
        written = "\n".join(["{", *_lines(root, ""), *end, "}\n"])
        found: Any = jsonc.loads(written)
        found.pop("$schema", None)
        if found == wanted:
            return written
    # It is written in a way that has no counterpart in JSON: the comments go above all.
    comments = [_comment(token[0]) for token in _TOKEN.finditer(body) if token[0][0] == "#"]
    written = json.dumps(wanted, indent=len(_UNIT), ensure_ascii=False)
    return "".join(f"{line}\n" for line in [*comments, written])


def _loads(text: str) -> dict[str, Any]:
    """The document as wrangler reads it: its dates, and numbers that JSON does not have."""
    found: dict[str, Any] = as_json(tomllib.loads(text))
    return found


def _read(body: str) -> tuple[_Item, list[str]]:
    """The document, and the comments at its end."""
    root = _Item(items={})
    lines = lines_of(body)
    above: list[str] = []
    for block in blocks(lines):
        # Comments between the end of the block above and this one.
        table, above = _table(root, lines, block, above)
        above = _values(table, lines, block, above)
    return root, [line for line in above if line]


def _table(
    root: _Item, lines: list[str], block: Block, above: list[str]
) -> tuple[_Item, list[str]]:
    """The table of a block, and the comments for its first key."""
    if not block.name:
        return root, above
    if block.start and not lines[block.start - 1].strip() and above[-1:] != [""]:
        above = [*above, ""]
    above = [*above, *(_comment(line) for line in lines[block.start : block.header])]
    header = HEADER.match(lines[block.header])
    if header and header[2]:
        above = [*above, _comment(header[2])]
    item = root
    *outer, name = block.name
    for part in outer:
        item, above = _inside(item, part, above)
        if item.is_array and item.items:
            item = item.items[len(item.items) - 1]
    found, above = _inside(item, name, above)
    assert found.items is not None
    if lines[block.header].lstrip().startswith("[["):
        found.is_array = True
        number = len(found.items)
        found.items[number] = _Item(above, items={})
        return found.items[number], []
    return found, above


def _inside(item: _Item, name: str, above: list[str]) -> tuple[_Item, list[str]]:
    """The table or array ``name`` in another one. A new one takes the comments."""
    assert item.items is not None
    if name in item.items:
        return item.items[name], above
    item.items[name] = _Item(above, items={})
    return item.items[name], []


def _values(table: _Item, lines: list[str], block: Block, above: list[str]) -> list[str]:
    """Read the keys of a block; return the comments after the last one."""
    assert table.items is not None
    text = "".join(lines)
    first = block.header + 1 if block.name else block.header
    for key, start, end in values_of(lines, block):
        number = text.count("\n", 0, start)
        above += [_comment(line) for line in lines[first:number]]
        first = text.count("\n", 0, end) + 1
        beside = text[end : text.find("\n", end)].strip() if "\n" in text[end:] else ""
        if above[:1] and above[0].startswith("//:schema "):
            table.items["$schema"] = _Item(
                value=json.dumps(above.pop(0).removeprefix("//:schema "))
            )
        *outer, name = parts_of(key)
        item = table
        for part in outer:
            item, above = _inside(item, part, above)
        assert item.items is not None
        item.items[name] = _Item(above, _json(text[start:end]), beside=_comment(beside))
        above = []
    last = content_lines(lines, block)[1] if block.name or table.items else 0
    return above + [_comment(line) for line in lines[max(first, last) : block.end]]


def _comment(line: str) -> str:
    line = line.strip()
    return f"//{line[1:]}" if line.startswith("#") else ""


def _json(value: str) -> str:
    """A TOML value as JSON, written in the same way."""
    parts = [found[0] for found in _TOKEN.finditer(value)]
    written, number = "", 0
    while number < len(parts):
        part, end = parts[number], number + 1
        if part.startswith("#"):
            written += _comment(part)
        elif part == "{":
            end = _closing(parts, number)
            written += _inline_table(parts[number:end])
        elif part in "[]," or part.isspace():
            written += part
        else:
            written += _dumped(_loads(f"it = {part}")["it"])
        number = end
    return written


def _closing(parts: list[str], number: int) -> int:
    """The index after the bracket that closes the one at ``number``."""
    depth = 0
    for end in range(number, len(parts)):
        depth += {"{": 1, "}": -1}.get(parts[end], 0)
        if depth == 0:
            return end + 1
    raise ValueError("an inline table has no end")


def _inline_table(parts: list[str]) -> str:
    """An inline table in one line, below the comments in it. Its keys may be dotted."""
    comments = [f"{_comment(part)}\n" for part in parts if part.startswith("#")]
    return "".join([*comments, _dumped(_loads(f"it = {''.join(parts)}")["it"])])


def _dumped(value: Any) -> str:
    if isinstance(value, dict):
        members = [f"{json.dumps(k, ensure_ascii=False)}: {_dumped(v)}" for k, v in value.items()]
        return f"{{ {', '.join(members)} }}" if members else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_dumped, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _lines(item: _Item, indent: str) -> Iterator[str]:
    """The lines inside the brackets of a table or array."""
    inner = indent + _UNIT
    items = list((item.items or {}).items())
    for number, (name, child) in enumerate(items):
        above = child.above[1:] if number == 0 and child.above[:1] == [""] else child.above
        yield from (inner + line if line else "" for line in above)
        named = "" if isinstance(name, int) else f"{json.dumps(name, ensure_ascii=False)}: "
        comma = "," if number < len(items) - 1 else ""
        beside = f" {child.beside}" if child.beside else ""
        if child.items is None:
            value = child.value.replace("\n", f"\n{inner}")
            yield f"{inner}{named}{value}{comma}{beside}"
        elif not child.items:
            yield f"{inner}{named}{'[]' if child.is_array else '{}'}{comma}{beside}"
        else:
            opens, closes = "[]" if child.is_array else "{}"
            yield f"{inner}{named}{opens}"
            yield from _lines(child, inner)
            yield f"{inner}{closes}{comma}"
