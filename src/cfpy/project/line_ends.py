"""Edits texts whose lines end in any mix of ``\\n`` and ``\\r\\n``.

The edit sees only ``\\n``. Lines that it keeps get their own line ends back; new ones get that of
the line above.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

_WINDOWS = "\r\n"
BYTE_ORDER_MARK = "\ufeff"


def lines_of(text: str) -> list[str]:
    """The lines of ``text`` with their line ends. Only ``\\n`` ends a line: ``str.splitlines`` also
    splits at characters that may be in a comment or a string."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def plain(text: str) -> str:
    """``text`` without a byte order mark, with ``\\n`` as its line ends."""
    return text.removeprefix(BYTE_ORDER_MARK).replace(_WINDOWS, "\n")


def with_ends_of(original: str, edited: str) -> str:
    """``edited``, an edit of ``plain(original)``, with the line ends and the byte order mark of
    ``original``."""
    mark = original[: len(original) - len(original.removeprefix(BYTE_ORDER_MARK))]
    old = original.removeprefix(BYTE_ORDER_MARK).split("\n")
    # The last line has no line end; a `\r` at its end is part of the line.
    ends = [_WINDOWS if line.endswith("\r") else "\n" for line in old[:-1]]
    if _WINDOWS not in ends:
        return mark + edited
    contents = [line.removesuffix("\r") for line in old[:-1]] + [old[-1]]
    new = edited.split("\n")
    origin = _origins(contents, new)
    result, end = "", ends[0]
    for number, line in enumerate(new[:-1]):
        at = origin.get(number)
        end = ends[at] if at is not None and at < len(ends) else end
        result += line + end
    return mark + result + new[-1]


def edited(text: str, edit: Callable[[str], str]) -> str:
    """``text`` changed by ``edit``; its line ends are kept."""
    return with_ends_of(text, edit(plain(text)))


def _origins(old: list[str], new: list[str]) -> dict[int, int]:
    """For each new line that is also an old one, the index of the old one."""
    found: dict[int, int] = {}
    at = 0
    for number, line in enumerate(new):
        if at < len(old) and line == old[at]:
            found[number] = at
            at += 1
    if at == len(old):
        return found  # Lines were only added; all others are still there in the same order.
    found = {}
    for kind, start, end, first, last in difflib.SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if kind in ("equal", "replace"):
            # A changed line, and the lines that were added below it.
            same = min(end - start, last - first)
            found |= {first + offset: start + offset for offset in range(same)}
    return found
