"""Sets and removes one key of a TOML table, however the table is written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cfpy.project.edits import KeyPath, names
from cfpy.project.line_ends import lines_of
from cfpy.project.toml_format import key_text
from cfpy.project.toml_layout import Block, blocks, keys_end, value_span

_STRING = r"""("[^"]*"|'[^']*')"""


def with_key(text: str, path: KeyPath, value: str, after: str, above: str = "") -> Iterator[str]:
    """Texts with the key at ``path`` set to the text ``value``. A new key goes below the key
    ``after``, else to the end of its table; ``above`` are the lines above it."""
    key, new = str(path[-1]), f"{key_text(path[-1:])} = {value}"
    lines = lines_of(text)
    for block in _tables(lines, path[:-1]):
        span = value_span(lines, block, key)
        if span is not None:
            yield f"{text[: span[0]]}{value}{text[span[1] :]}"
        elif (beside := value_span(lines, block, after)) is not None:
            yield _below(text, beside, new)
        if span is None:
            at = keys_end(lines, block)
            before = "".join(lines[:at])
            end = "\n" if before and not before.endswith("\n") else ""
            yield f"{before}{end}{above}{new}\n{''.join(lines[at:])}"
    # A table in one line: several keys of this name may be in the text.
    for match in re.finditer(rf"""({re.escape(key)}["']?\s*=\s*){_STRING}""", text):
        yield f"{text[: match.end(1)]}{value}{text[match.end() :]}"
    if after:
        for match in re.finditer(rf"""\b{re.escape(after)}["']?\s*=\s*{_STRING}""", text):
            yield f"{text[: match.end()]}, {new}{text[match.end() :]}"


def without_key(text: str, path: KeyPath) -> Iterator[str]:
    """Texts without the key at ``path``."""
    key = str(path[-1])
    lines = lines_of(text)
    for block in _tables(lines, path[:-1]):
        span = value_span(lines, block, key)
        if span is None:
            continue
        start = text.rfind("\n", 0, span[0]) + 1
        end = text.find("\n", span[1]) + 1
        if end:
            yield text[:start] + text[end:]
        else:
            # The last line of a file without a final line end: so is the line above then.
            yield text[:start].removesuffix("\n")
    one = rf"""["']?\b{re.escape(key)}["']?\s*=\s*{_STRING}"""
    for match in re.finditer(rf"\s*,\s*{one}|{one}\s*,\s*", text):
        yield text[: match.start()] + text[match.end() :]


def _tables(lines: list[str], path: KeyPath) -> list[Block]:
    """The table at a path, if it has a header; the lines above all headers are the top level. After
    it, others of its name: a string with several lines may look like a header."""
    index = path[-1] if path and isinstance(path[-1], int) else 0
    named = [block for block in blocks(lines) if block.name == names(path)]
    return [*named[index : index + 1], *named[:index], *named[index + 1 :]]


def _below(text: str, value: tuple[int, int], line: str) -> str:
    """``line`` below the line of the value at these positions, indented in the same way."""
    start = text.rfind("\n", 0, value[0]) + 1
    above = text[start : value[1]]
    indent = above[: len(above) - len(above.lstrip())]
    end = text.find("\n", value[1])
    if end < 0:
        return f"{text}\n{indent}{line}"
    return f"{text[: end + 1]}{indent}{line}\n{text[end + 1 :]}"
