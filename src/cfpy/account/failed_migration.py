"""Finds out from wrangler's output which migration failed, and where in it. Pure.

wrangler 4.164.0 prints a table of the pending files, and after each file a table of all with their
states; the error comes last, without the file's name. A file that fails is rolled back; those
before it stay applied (developers.cloudflare.com/d1/reference/migrations/).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ROW = re.compile(r"^│ (?P<name>.+?) +│(?: (?P<state>\S+) +│)?\s*$", re.MULTILINE)
_DONE = "✅"
# SQLite's own messages; the name in the last one is quoted in different ways.
_NEAR = re.compile(r"""(?:near|unrecognized token:) "(?P<word>.+?)"(?::| at offset)""", re.DOTALL)
_NAMED = re.compile(
    r"has no column named (?P<missing>\w+)|"
    r"(?:no such (?:table|column|index|view|trigger|function)|duplicate column name|"
    r"(?:table|index|view|trigger) ?): (?:\w+\.)?(?P<word>\w+)|"
    r"(?:table|index|view|trigger) [\"`]?(?P<there>\w+)[\"`]? (?:already exists|has \d)|"
    r"there is already (?:a table|an index) named (?P<named>\w+)|"
    r"constraint failed: (?P<column>\w+\.\w+)"
)
_OFFSET = re.compile(r"at offset (\d+)")


@dataclass(frozen=True)
class FailedMigration:
    """A migration that failed. ``applied`` are those of the same run that succeeded before it,
    ``left`` those that were not tried."""

    name: str
    applied: tuple[str, ...]
    left: tuple[str, ...]


def failed_migration(printed: str) -> FailedMigration | None:
    """Read the output of ``wrangler d1 migrations apply``; ``None`` if it did not get to a file."""
    rows = [(row["name"].strip(), row["state"]) for row in _ROW.finditer(printed)]
    names = list(dict.fromkeys(name for name, state in rows if (name, state) != ("name", None)))
    names = [name for name in names if (name, "status") not in rows]
    applied = {name for name, state in rows if state == _DONE}
    open_ = [name for name in names if name not in applied]
    if not open_:
        return None
    done = tuple(name for name in names if name in applied)
    return FailedMigration(open_[0], done, tuple(open_[1:]))


def line_of(sql: str, complaint: str) -> int | None:
    """The 1-based line of a migration that SQLite complains about, if it is unambiguous."""
    text = _without_comments(sql)
    if near := _NEAR.search(complaint):
        return _line_of_word(text, near["word"], _OFFSET.search(complaint))
    if named := _NAMED.search(complaint):
        word = next(group for group in named.groups() if group).split(".")[0]
        lines = {_line(text, m.start()) for m in re.finditer(rf"\b{re.escape(word)}\b", text)}
        return lines.pop() if len(lines) == 1 else None
    return None


def _line_of_word(text: str, word: str, offset: re.Match[str] | None) -> int | None:
    places = [match.start() for match in re.finditer(re.escape(word), text)]
    if offset is not None:
        # The offset counts from the start of the statement, or of the file.
        begins = [place for place in places if _begins_statement(text, place - int(offset[1]))]
        places = begins or places
    lines = {_line(text, place) for place in places}
    return lines.pop() if len(lines) == 1 else None


def _begins_statement(text: str, at: int) -> bool:
    before = text[:at].rstrip()
    return at == 0 or (at > 0 and (not before or before.endswith(";")))


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _without_comments(sql: str) -> str:
    """``sql`` with spaces in place of comments, so that all positions stay the same."""
    pattern = r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'"
    return re.sub(
        pattern,
        lambda m: m[0] if m[0].startswith("'") else re.sub(r"[^\n]", " ", m[0]),
        sql,
        flags=re.DOTALL,
    )
