"""Finds the parts of a TOML text: its tables, their values, and the ends of both."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

#: The first line of a table; the name is the first group.
HEADER = re.compile(
    r"""^\s*\[{1,2}\s*((?:"(?:\\.|[^"\\])*"|'[^']*'|[^\[\]"'#=])+?)\s*\]{1,2}\s*(#.*)?$"""
)
#: The first line of a table that is commented out.
TABLE_IN_COMMENT = re.compile(r"\s*#\s*\[")
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|\s+|.',
    re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """The lines from a table's header to the last line of the table.

    ``start`` is the first line of the comment above the header, ``header`` its line, ``end`` the
    line after the last. The lines before the first header are a block without a name. The name of
    ``[env."a.b".vars]`` has three parts.
    """

    name: tuple[str, ...]
    start: int
    header: int
    end: int


def blocks(lines: list[str]) -> list[Block]:
    """Split the lines of a document into blocks. A comment right above a header belongs to its
    block."""
    headers = [
        (number, name)
        for number, line in enumerate(lines)
        if (match := HEADER.match(line)) and (name := parts_of(match[1]))
    ]
    starts = []
    for number, _ in headers:
        while number > 0 and lines[number - 1].lstrip().startswith("#"):
            number -= 1
        starts.append(number)
    limits = [*starts, len(lines)]
    found = [Block((), 0, 0, content_end(lines, 0, limits[0]))]
    for index, (number, name) in enumerate(headers):
        end = content_end(lines, number, limits[index + 1])
        found.append(Block(name, starts[index], number, end))
    return found


def value_text(lines: list[str], block: Block, key: str) -> str | None:
    """The source text of a key's value in a block, or ``None`` if it has no such key."""
    span = value_span(lines, block, key)
    return None if span is None else "".join(lines)[span[0] : span[1]]


def comment_above(lines: list[str], block: Block, key: str) -> str:
    """The comment lines right above a key of a block."""
    for number in range(block.header, block.end):
        if re.match(rf"\s*{re.escape(key)}\s*=", lines[number]):
            start = number
            while start > block.header and lines[start - 1].lstrip().startswith("#"):
                start -= 1
            return "".join(lines[start:number])
    return ""


def value_span(lines: list[str], block: Block, key: str) -> tuple[int, int] | None:
    """The start and end of a value in the text of all lines."""
    return next(_spans(lines, block, rf"""["']?{re.escape(key)}["']?[ \t]*=[ \t]*"""), None)


def key_lines(lines: list[str], block: Block, parts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The lines of each value of a block whose key is ``parts``, or begins with them: the first
    line, and the one after the last."""
    text = "".join(lines)
    dotted = r"[ \t]*\.[ \t]*".join(rf"""["']?{re.escape(part)}["']?""" for part in parts)
    for start, end in _spans(lines, block, rf"{dotted}[ \t]*(\.[^=\n]*)?=[ \t]*"):
        yield text.count("\n", 0, start), text.count("\n", 0, end) + 1


def values_of(lines: list[str], block: Block) -> Iterator[tuple[str, int, int]]:
    """Each key of a block, which may be dotted, with the start and end of its value in the text of
    all lines."""
    text = "".join(lines)
    position = sum(map(len, lines[: block.header + bool(block.name)]))
    end = sum(map(len, lines[: block.end]))
    key = re.compile(
        r"""^[ \t]*((?:"[^"\n]*"|'[^'\n]*'|[\w.\- \t])+?)[ \t]*=[ \t]*""", re.MULTILINE
    )
    while match := key.search(text, position, end):
        start, position = _value_at(text, match.end(), end)
        yield match[1], start, position


def content_lines(lines: list[str], block: Block) -> tuple[int, int]:
    """The line of a block's header, and the one after its last value: comments and empty lines at
    its end are left out."""
    text = "".join(lines)
    last = sum(map(len, lines[: block.header]))
    for token in _TOKEN.finditer(text, last, sum(map(len, lines[: block.end]))):
        if not token[0].isspace() and not token[0].startswith("#"):
            last = token.end()
    return block.header, text.count("\n", 0, last) + 1


def keys_end(lines: list[str], block: Block) -> int:
    """The line where a new key of a block goes: below its comments, but not in a table that is
    commented out there."""
    has_values = bool(block.name) or any(values_of(lines, block))
    start = content_lines(lines, block)[1] if has_values else block.header
    for number in range(start, block.end):
        if TABLE_IN_COMMENT.match(lines[number]):
            while number > start and lines[number - 1].lstrip().startswith("#"):
                number -= 1
            return content_end(lines, start, number)
    return block.end


def _spans(lines: list[str], block: Block, key: str) -> Iterator[tuple[int, int]]:
    """The start and end of each value in the text of all lines whose key matches."""
    text = "".join(lines)
    start = sum(map(len, lines[: block.header]))
    end = sum(map(len, lines[: block.end]))
    for match in re.compile(rf"^[ \t]*{key}", re.MULTILINE).finditer(text, start, end):
        yield _value_at(text, match.end(), end)


def _value_at(text: str, start: int, limit: int) -> tuple[int, int]:
    """The start and end of the value that begins at ``start``."""
    depth, last = 0, start
    for token in _TOKEN.finditer(text, start, limit):
        said = token[0]
        if depth == 0 and (said.startswith("#") or ("\n" in said and said.isspace())):
            break
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(said, 0)
        if not said.isspace():
            last = token.end()
    return start, last


def parts_of(key: str) -> tuple[str, ...]:
    """The parts of a dotted key, some of which may be quoted; none if it is not a key."""
    try:
        found: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    parts: list[str] = []
    while isinstance(found, dict):
        [(name, found)] = found.items()
        parts.append(name)
    return tuple(parts)


def content_end(lines: list[str], start: int, limit: int) -> int:
    while limit > start and not lines[limit - 1].strip():
        limit -= 1
    return limit


def array_end(text: str, start: int) -> tuple[int, int]:
    """The end of the last token in an array, and the position of its closing bracket."""
    depth, last = 1, start
    for token in _TOKEN.finditer(text, start):
        said = token[0]
        if said.isspace() or said.startswith("#"):
            continue
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(said, 0)
        if depth == 0:
            return last, token.start()
        last = token.end()
    return start, start
