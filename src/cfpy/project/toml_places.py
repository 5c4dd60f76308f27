"""The places in a TOML text where something new goes: where a person would write it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cfpy.project.line_ends import lines_of
from cfpy.project.toml_layout import array_end, blocks, content_end, keys_end


def placed(text: str, table: tuple[str, ...], written: str) -> Iterator[str]:
    """``written`` as a new block: after the last one of its kind, else after its environment or
    before all environments, else at the end."""
    lines = lines_of(text)
    found = blocks(lines)
    same = [b for b in found if b.name[: len(table)] == table]
    if same:
        yield _with_block(lines, same[-1].end, written)
    if table[0] == "env":
        own = [b for b in found if b.name[:2] == table[:2]]
        if own:
            yield _with_block(lines, own[-1].end, written)
    else:
        environments = [b for b in found if b.name[:1] == ("env",)]
        if environments:
            yield _with_block(lines, environments[0].start, written)
    yield _with_block(lines, content_end(lines, 0, len(lines)), written)


def _with_block(lines: list[str], at: int, written: str) -> str:
    before, after = lines[:at], lines[at:]
    while before and not before[-1].strip():
        # Empty lines above stay above; one of them separates the two.
        after.insert(0, before.pop())
    above = "".join(before)
    below = "".join(after)
    if above and not above.endswith("\n"):
        above += "\n"
        # The last line of the file has no end: so it is with the new last one.
        written = written if below else written.removesuffix("\n")
    gap = "\n" if above else ""
    if below.strip() and not below.startswith("\n"):
        written += "\n"
    return f"{above}{gap}{written}{below}"


def into_table(text: str, table: tuple[str, ...], line: str) -> Iterator[str]:
    """``line`` as the last line of a table with a header."""
    lines = lines_of(text)
    for block in reversed(blocks(lines)):
        if block.name == table:
            at = keys_end(lines, block)
            before = "".join(lines[:at])
            if before and not before.endswith("\n"):
                before += "\n"
            yield before + line + "".join(lines[at:])


def into_array(text: str, name: tuple[str, ...], value: str) -> Iterator[str]:
    """``value`` as the last item of an array ``name = [...]``, in any place and format."""
    lines = lines_of(text)
    for block in blocks(lines):
        above = len(block.name)
        if name[:above] != block.name or above == len(name):
            continue
        quoted = [rf"""["']?{re.escape(part)}["']?""" for part in name[above:]]
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
        return _first(text, start, close, value)
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


def _first(text: str, start: int, close: int, value: str) -> str:
    """``value`` as the first one of an array; comments in it stay above."""
    content = text[start:close]
    if "\n" not in content:
        return f"{text[:start]}{value}{text[start:]}"
    head = content.rstrip()
    # As the comment above it, else one step more than the bracket.
    own = re.findall(r"\n([ \t]*)#", content)
    indent = own[-1] if own else content.rpartition("\n")[2] + "  "
    return f"{text[: start + len(head)]}\n{indent}{value},{content[len(head) :]}{text[close:]}"
