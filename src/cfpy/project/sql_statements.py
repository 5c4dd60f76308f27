"""SQL as text: its statements, as SQLite sees them, and identifiers."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

# What is no word of the statement itself: strings, quoted names and comments.
_ASIDE = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|/\*.*?(?:\*/|\Z)",
    re.DOTALL,
)
_BLANK = re.compile(r"(?:\s|--[^\n]*|/\*.*?(?:\*/|\Z))*", re.DOTALL)
_CHECK = re.compile(r"\bcheck\s*\(", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """One statement of a file, from its first word. ``line`` is the line of that, from 1."""

    sql: str
    line: int


def statements(text: str) -> Iterator[Statement]:
    """The statements of a file. A trigger with all its statements is one; the last one needs no
    semicolon."""
    start = 0
    for end in (found.end() for found in re.finditer(";", text)):
        if sqlite3.complete_statement(text[start:end]):
            yield from _statement(text, start, end)
            start = end
    yield from _statement(text, start, len(text))


def _statement(text: str, start: int, end: int) -> Iterator[Statement]:
    blank = _BLANK.match(text, start, end)
    first = blank.end() if blank else start
    if sql := text[first:end].strip().removesuffix(";").strip():
        yield Statement(sql, text.count("\n", 0, first) + 1)


def quoted(name: str) -> str:
    """An identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def words_of(sql: str) -> str:
    """A statement in capitals, without what is quoted and without comments."""
    return _ASIDE.sub(" ", sql).upper()


def compact(sql: str) -> str:
    """SQL without blanks and comments, for a comparison."""
    return "".join(_without_comments(sql).split())


def options_of(sql: str) -> frozenset[str]:
    """What a ``CREATE TABLE`` has after its columns: ``STRICT``, ``WITHOUT ROWID``."""
    return frozenset(" ".join(part.split()) for part in words_of(sql).rpartition(")")[2].split(","))


def checks_of(sql: str) -> frozenset[str]:
    """The CHECK constraints of a ``CREATE TABLE``, without comments."""
    # Of the same length, so that a place is the same in both.
    bare = _ASIDE.sub(lambda found: "_" * len(found[0]), sql)
    found = set()
    for check in _CHECK.finditer(bare):
        depth, end = 1, check.end()
        while depth and end < len(bare):
            depth += {"(": 1, ")": -1}.get(bare[end], 0)
            end += 1
        found.add(" ".join(_without_comments(sql[check.end() : end - 1]).split()))
    return frozenset(found)


def _without_comments(sql: str) -> str:
    return _ASIDE.sub(lambda found: " " if found[0].startswith(("--", "/*")) else found[0], sql)
