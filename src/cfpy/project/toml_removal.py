"""Removes tables and keys from a TOML text, with the comments that belong to them.

A comment belongs to what is right below it, or right above it if an empty line follows. A comment
at the beginning of the file is about the file. A table that is commented out is like a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cfpy.project.edits import KeyPath, names
from cfpy.project.line_ends import lines_of
from cfpy.project.toml_layout import TABLE_IN_COMMENT, Block, blocks, content_lines, key_lines

Lines = tuple[int, int]


def without(text: str, path: KeyPath) -> Iterator[str]:
    """Texts without the table or key at ``path`` and all that is below it."""
    lines = lines_of(text)
    found = blocks(lines)
    tables = [_lines_of(lines, block) for block in _tables(found, path)]
    keys = list(_keys(lines, found, path))
    if tables or keys:
        yield _cut(lines, sorted([*tables, *keys]))


def _tables(found: list[Block], path: KeyPath) -> Iterator[Block]:
    """The blocks of a table, and of the tables in it."""
    name = names(path)
    index = path[-1] if isinstance(path[-1], int) else None
    number = -1
    for block in found:
        number += block.name == name
        inside = block.name[: len(name)] == name
        if block.name and inside and index in (None, number):
            yield block


def _lines_of(lines: list[str], block: Block) -> Lines:
    start = _comment_start(lines, block.header, block.start)
    _, end = content_lines(lines, block)
    while end < block.end and lines[end].lstrip().startswith("#"):
        if TABLE_IN_COMMENT.match(lines[end]):
            break
        end += 1
    return start, end


def _keys(lines: list[str], found: list[Block], path: KeyPath) -> Iterator[Lines]:
    """The lines of keys such as ``env.staging.vars.A = "1"`` and ``env = { staging = ... }``."""
    if isinstance(path[-1], int):
        return
    parts = names(path)
    for block in found:
        above = block.name
        if len(above) < len(parts) and parts[: len(above)] == above:
            ours = [
                (_comment_start(lines, start, block.header), end)
                for start, end in key_lines(lines, block, parts[len(above) :])
            ]
            first, last = content_lines(lines, block)
            inside = {number for start, end in ours for number in range(start, end)}
            if above and ours and inside >= set(range(first + 1, last)):
                # Nothing else is in this table.
                yield _lines_of(lines, block)
            else:
                yield from ours


def _comment_start(lines: list[str], start: int, limit: int) -> int:
    """The first line of the comment right above a line."""
    above = start
    while above > limit and lines[above - 1].lstrip().startswith("#"):
        above -= 1
    if any(TABLE_IN_COMMENT.match(line) for line in lines[above:start]):
        return start
    # The comment at the beginning of the file is about the file.
    return above if "".join(lines[:above]).strip("\ufeff \t\n") else start


def _cut(lines: list[str], gone: list[Lines]) -> str:
    """``lines`` without some of them, and without the empty lines around those."""
    left = list(lines)
    for start, end in reversed(gone):
        if "".join(left[end:]).strip():
            if not start or not left[start - 1].strip() or re.match(r"\s*\[", left[end]):
                while not left[end].strip():
                    end += 1
        elif start and not left[start - 1].strip():
            start -= 1
        at_end = end == len(left) and not left[-1].endswith("\n")
        del left[start:end]
        if at_end and left:
            # The last line of the file had no line end, so the new last line has none, either.
            left[-1] = left[-1].removesuffix("\n")
    return "".join(left)
