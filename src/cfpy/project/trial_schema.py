"""Runs migrations in an empty SQLite in memory, and reads the schema that they lead to."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cfpy.project.sql_statements import checks_of, compact, options_of, quoted, words_of

# Some seconds of SQLite, for all migrations together: what would take longer is left out.
_MOST_STEPS = 200_000_000
_STEP = 1_000_000
_OUTSIDE = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}
_OFF = {None, "0", "off", "false", "no", "reset"}


@dataclass(frozen=True)
class Column:
    """``required`` is whether a row needs a value of it, ``key`` its place in the primary key, from
    1, ``counts`` whether SQLite fills in a number, and ``computed`` whether it is generated."""

    affinity: str
    required: bool
    key: int
    counts: bool
    computed: bool


@dataclass(frozen=True)
class TrialRule:
    """What can refuse rows: ``said`` is about it, ``text`` is what is compared, and ``target`` the
    table that it refers to. ``keeps`` is whether a row of the target can't be deleted meanwhile."""

    said: str
    text: str
    target: str = ""
    keeps: bool = False


@dataclass(frozen=True)
class TrialTable:
    """A table or view."""

    columns: Mapping[str, Column]
    rules: frozenset[TrialRule]
    is_view: bool = False


Schema = Mapping[str, TrialTable]


class TrialDatabase:
    """A database in memory, which can't reach files."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:", isolation_level=None)
        self._database.set_authorizer(self._authorize)
        self._steps = 0
        self._database.set_progress_handler(self._step, _STEP)
        self._version = -1
        self._last: Schema = {}
        self._unchecked = False

    def _step(self) -> int:
        self._steps += _STEP
        return int(self._steps > _MOST_STEPS)

    def _authorize(self, action: int, first: str | None, second: str | None, *_more: object) -> int:
        """Only this database, and its schema only by statements."""
        if action == sqlite3.SQLITE_PRAGMA and str(first).lower() == "writable_schema":
            self._unchecked = second is not None and second.lower() not in _OFF
            return sqlite3.SQLITE_DENY if self._unchecked else sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY if action in _OUTSIDE else sqlite3.SQLITE_OK

    def run(self, sql: str) -> str:
        """Run one statement; why that was not possible, empty if it was."""
        self._unchecked = False
        try:
            self._database.execute(sql)
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            if self._unchecked:
                return "PRAGMA writable_schema: what is changed by it can't be checked"
            if "sqlite_" in str(error) and "may not be modified" in str(error):
                return "it writes the schema itself, which can't be checked"
            return f"SQLite refuses it: {error}"
        return ""

    def schema(self) -> Schema:
        """The schema as it is now, by name in small letters: SQLite ignores their case."""
        [version] = self._database.execute("PRAGMA schema_version").fetchone()
        if version != self._version:
            self._version, self._last = version, dict(self._tables())
        return self._last

    def _tables(self) -> Iterator[tuple[str, TrialTable]]:
        listed = "SELECT name, sql, type FROM sqlite_master WHERE type IN ('table', 'view')"
        for name, sql, kind in self._database.execute(listed).fetchall():
            if not name.startswith("sqlite_"):
                # The columns of a view on a table that is gone can't be read.
                with contextlib.suppress(sqlite3.Error):
                    yield name.lower(), self._table(name, sql or "", is_view=kind == "view")

    def _table(self, name: str, sql: str, *, is_view: bool) -> TrialTable:
        options = frozenset() if is_view else options_of(sql)
        columns = {}
        rows = self._database.execute(f"PRAGMA table_xinfo({quoted(name)})").fetchall()
        for _, column, of, needed, default, key, hidden in rows:
            if hidden != 1:  # 1: of a virtual table, which SELECT * does not show.
                counts = key == 1 and of.upper() == "INTEGER" and "WITHOUT ROWID" not in options
                required = bool(needed or key) and not (is_view or counts or hidden)
                columns[column.lower()] = Column(
                    "" if is_view else _affinity(of),
                    required and self._is_null(default),
                    key,
                    counts,
                    bool(hidden),
                )
        rules = [*self._triggers(name)]
        if not is_view:
            rules += self._rules(quoted(name), sql)
        if "STRICT" in options:
            rules.append(TrialRule("has a new constraint: STRICT, which checks types", "STRICT"))
        return TrialTable(columns, frozenset(rules), is_view)

    def _is_null(self, default: str | None) -> bool:
        """Whether a column has no default, or one that is NULL."""
        if default is None:
            return True
        try:
            [null] = self._database.execute(f"SELECT ({default}\n) IS NULL").fetchone()
        except sqlite3.Error:
            return False
        return bool(null)

    def _triggers(self, name: str) -> Iterator[TrialRule]:
        listed = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? "
        for trigger, sql in self._database.execute(f"{listed} COLLATE NOCASE", (name,)):
            if "RAISE" in words_of(sql).replace("(", " ").split():
                said = f"has a new trigger that can refuse what is written: {trigger}"
                yield TrialRule(said, compact(sql))

    def _rules(self, table: str, sql: str) -> Iterator[TrialRule]:
        for check in checks_of(sql):
            yield TrialRule(f"has a new constraint: CHECK ({check})", f"CHECK ({compact(check)})")
        for row in self._database.execute(f"PRAGMA foreign_key_list({table})"):
            text = f"FOREIGN KEY ({row[3]}) to {row[2]}"
            keeps = row[6] in ("NO ACTION", "RESTRICT")
            yield TrialRule(f"has a new constraint: {text}", text, row[2].lower(), keeps)
        for row in self._database.execute(f"PRAGMA index_list({table})").fetchall():
            if row[2]:
                index = f"PRAGMA index_info({quoted(row[1])})"
                columns = self._database.execute(index).fetchall()
                named = ", ".join(str(item[2] or "an expression") for item in columns)
                yield TrialRule(f"has a new constraint: UNIQUE ({named})", f"UNIQUE ({named})")


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
