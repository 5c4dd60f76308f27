"""Edits texts whose lines end in any mix of ``\\n`` and ``\\r\\n``.

The edit sees ``\\n`` alone. Lines that it leaves get their own ends back; new ones end as the line
above them does.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

_WINDOWS = "\r\n"
BYTE_ORDER_MARK = "\ufeff"


def lines_of(text: str) -> list[str]:
    """The lines of a text with their ends. Only ``\\n`` ends one: ``str.splitlines`` also takes
    characters that may stand in a comment or a string."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def plain(text: str) -> str:
    """A text without a byte order mark, each of its lines ended by ``\\n``."""
    return text.removeprefix(BYTE_ORDER_MARK).replace(_WINDOWS, "\n")


def with_ends_of(original: str, edited: str) -> str:
    """``edited``, an edit of :func:`plain` of ``original``, with the ends and the byte order mark
    that ``original`` has."""
    mark = original[: len(original) - len(original.removeprefix(BYTE_ORDER_MARK))]
    old = original.removeprefix(BYTE_ORDER_MARK).split("\n")
    # Of the last line there is no end; a `\r` before it is part of it.
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
    """``text`` as ``edit`` changes it; its line ends stay."""
    return with_ends_of(text, edit(plain(text)))


def _origins(old: list[str], new: list[str]) -> dict[int, int]:
    """For each new line that was there, which one it was."""
    found: dict[int, int] = {}
    at = 0
    for number, line in enumerate(new):
        if at < len(old) and line == old[at]:
            found[number] = at
            at += 1
    if at == len(old):
        return found  # Lines were added, and all others are there in their order.
    found = {}
    for kind, start, end, first, last in difflib.SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if kind in ("equal", "replace"):
            # A line that was changed, and what was added below it.
            same = min(end - start, last - first)
            found |= {first + offset: start + offset for offset in range(same)}
    return found
