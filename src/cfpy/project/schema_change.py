"""Finds what in pending migrations code that knows the old schema can't live with.

The migrations run in an empty SQLite in memory, first those that the database has had, then the
pending ones; what counts is how the schema before and the schema after differ. So a table that is
rebuilt in the way of sqlite.org/lang_altertable.html#otheralter has not changed, however many
statements that takes.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cfpy.project.sql_statements import checks_of, statements, words_of

# Some seconds of SQLite, for all migrations together: what would take longer is left out.
_MOST_STEPS = 200_000_000
_STEP = 1_000_000
_OUTSIDE = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}


@dataclass(frozen=True)
class SchemaFinding:
    """What a pending migration does to code that knows the old schema; ``line`` is that of the
    statement in ``file``, from 1."""

    file: str
    line: int
    message: str


@dataclass(frozen=True)
class _Column:
    affinity: str
    required: bool
    key: int


@dataclass(frozen=True)
class _Table:
    """A table or view; ``rules`` are the constraints that refuse rows, as text."""

    columns: Mapping[str, _Column]
    rules: frozenset[str]


_Schema = Mapping[str, _Table]


def breaking_changes(
    applied: Sequence[tuple[str, str]], pending: Sequence[tuple[str, str]]
) -> tuple[SchemaFinding, ...]:
    """What in ``pending`` breaks code from before.

    Args:
        applied: The migrations that the database has had: the name and the content of each.
        pending: The ones that it has not had.
    """
    trial = _Trial()
    for _, text in applied:
        for statement in statements(text):
            # They did run in D1, whatever this SQLite says.
            trial.run(statement.sql)
    before = trial.schema()
    failed: list[SchemaFinding] = []
    last: _Schema = before
    for file, text in pending:
        for statement in statements(text):
            place = _Place(file, statement.line, words_of(statement.sql))
            if said := trial.run(statement.sql):
                failed.append(SchemaFinding(file, statement.line, f"SQLite refuses it: {said}"))
                continue
            now = trial.schema()
            trial.blame(last, now, place)
            last = now
    found = list(trial.differences(before, last))
    return tuple(sorted({*found, *failed}, key=lambda item: (_order(pending, item), item.message)))


def _order(pending: Sequence[tuple[str, str]], item: SchemaFinding) -> tuple[int, int]:
    return [file for file, _ in pending].index(item.file), item.line


@dataclass(frozen=True)
class _Place:
    file: str
    line: int
    words: str


@dataclass
class _Trial:
    """A database in memory. ``blamed`` is the last statement that changed something, by what."""

    blamed: dict[tuple[str, ...], _Place] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._database = sqlite3.connect(":memory:", isolation_level=None)
        self._database.set_authorizer(_authorize)
        self._steps = 0
        self._database.set_progress_handler(self._step, _STEP)
        self._version = -1
        self._last: _Schema = {}

    def _step(self) -> int:
        self._steps += _STEP
        return int(self._steps > _MOST_STEPS)

    def run(self, sql: str) -> str:
        """Run one statement; what SQLite says if it can't."""
        try:
            self._database.execute(sql)
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            return str(error)
        return ""

    def schema(self) -> _Schema:
        """The schema as it is now, by name in small letters: SQLite ignores their case."""
        [version] = self._database.execute("PRAGMA schema_version").fetchone()
        if version != self._version:
            self._version, self._last = version, dict(self._tables())
        return self._last

    def _tables(self) -> Iterator[tuple[str, _Table]]:
        listed = "SELECT name, sql, type FROM sqlite_master WHERE type IN ('table', 'view')"
        for name, sql, kind in self._database.execute(listed).fetchall():
            if not name.startswith("sqlite_"):
                # The columns of a view on a table that is gone can't be read.
                with contextlib.suppress(sqlite3.Error):
                    yield name.lower(), self._table(name, sql or "", kind)

    def _table(self, name: str, sql: str, kind: str) -> _Table:
        quoted = name.replace('"', '""')
        columns = {}
        for _, column, of, needed, default, key, hidden in self._database.execute(
            f'PRAGMA table_xinfo("{quoted}")'
        ):
            if hidden != 1:  # 1: of a virtual table, which SELECT * does not show.
                required = bool(needed or key) and default is None and kind == "table"
                counts_by_itself = key == 1 and of.upper() == "INTEGER"
                affinity = _affinity(of) if kind == "table" else ""
                columns[column.lower()] = _Column(
                    affinity, required and not counts_by_itself and not hidden, key
                )
        rules = frozenset(self._rules(quoted, sql)) if kind == "table" else frozenset()
        return _Table(columns, rules)

    def _rules(self, quoted: str, sql: str) -> Iterator[str]:
        yield from (f"CHECK ({check})" for check in checks_of(sql))
        for row in self._database.execute(f'PRAGMA foreign_key_list("{quoted}")'):
            yield f"FOREIGN KEY ({row[3]}) to {row[2]}"
        for row in self._database.execute(f'PRAGMA index_list("{quoted}")'):
            if row[2]:
                index = row[1].replace('"', '""')
                columns = self._database.execute(f'PRAGMA index_info("{index}")').fetchall()
                named = ", ".join(str(item[2] or "an expression") for item in columns)
                yield f"UNIQUE ({named})"

    def blame(self, old: _Schema, new: _Schema, place: _Place) -> None:
        """Remember which statement changed what."""
        if old is new:
            return
        for name in {*old, *new}:
            was, now = old.get(name, _GONE), new.get(name, _GONE)
            if was != now:
                self.blamed[name,] = place
            for column in {*was.columns, *now.columns}:
                if was.columns.get(column) != now.columns.get(column):
                    self.blamed[name, column] = place
            for rule in now.rules - was.rules:
                self.blamed[name, rule] = place

    def differences(self, before: _Schema, after: _Schema) -> Iterator[SchemaFinding]:
        """What code that knows the schema ``before`` can't live with."""
        for name, was in before.items():
            now = after.get(name)
            if now is None:
                yield self._finding(f"{name} is {self._gone(name)}", name)
                continue
            for column, old in was.columns.items():
                new = now.columns.get(column)
                if new is None:
                    said = f"{name}.{column} is {self._gone(name, column)}"
                    yield self._finding(said, name, column)
                elif said := _harder(old, new):
                    yield self._finding(f"{name}.{column} {said}", name, column)
            for column in now.columns.keys() - was.columns.keys():
                if now.columns[column].required:
                    said = f"{name}.{column} is new and NOT NULL, without a default"
                    yield self._finding(said, name, column)
            for rule in now.rules - was.rules:
                if now.columns.keys() & was.columns.keys():
                    yield self._finding(f"{name} has a new constraint: {rule}", name, rule)

    def _gone(self, *what: str) -> str:
        return "renamed" if "RENAME" in self.blamed[what].words else "dropped"

    def _finding(self, message: str, *what: str) -> SchemaFinding:
        place = self.blamed.get(what) or self.blamed[what[:1]]
        return SchemaFinding(place.file, place.line, message)


_GONE = _Table({}, frozenset())


def _harder(old: _Column, new: _Column) -> str:
    """What is refused now that was not before; empty if nothing is."""
    if new.required and not old.required:
        return "is NOT NULL now, without a default"
    if new.affinity != old.affinity:
        return f"has another type: {old.affinity}, now {new.affinity}"
    if bool(new.key) != bool(old.key):
        return "is now part of the primary key" if new.key else "is no longer in the primary key"
    return ""


def _affinity(declared: str) -> str:
    """As in sqlite.org/datatype3.html, section 3.1."""
    name = declared.upper()
    for affinity, parts in (
        ("INTEGER", ("INT",)),
        ("TEXT", ("CHAR", "CLOB", "TEXT")),
        ("BLOB", ("BLOB",)),
        ("REAL", ("REAL", "FLOA", "DOUB")),
    ):
        if any(part in name for part in parts):
            return affinity
    return "NUMERIC" if name else "BLOB"


def _authorize(action: int, *_names: str | None) -> int:
    """Only this database: a migration must not reach files."""
    return sqlite3.SQLITE_DENY if action in _OUTSIDE else sqlite3.SQLITE_OK
