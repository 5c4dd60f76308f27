"""SQL of a database: what `wrangler d1 export` would write, for one that it can't export; and
what empties a database before that runs. Pure.

`wrangler d1 execute --file` imports a file completely or not at all.
"""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping

from cfpy.account.tables import Row, Schema, Table, Value
from cfpy.project.sql_statements import quoted

# D1 takes statements of up to 100 KB; rows are inserted one by one.
_CREATES_TABLE = re.compile(r"\s*CREATE\s+TABLE\b", re.IGNORECASE)
_DEFERRED = "PRAGMA defer_foreign_keys = TRUE;"


def opening(schema: Schema) -> Iterator[str]:
    """The statements that create the usual tables."""
    yield _DEFERRED
    for table in schema.usual:
        yield f"{table.sql};"


def insert(table: Table, rowid: Value, row: Row) -> str:
    """The statement for a row. A full-text table needs the row id, and so does a table that one
    may refer to by it."""
    names = [quoted(name) for name in table.columns]
    values = [literal(value) for value in row]
    if rowid is not None and table.numbered:
        names, values = [table.rowid, *names], [literal(rowid), *values]
    return f"INSERT INTO {quoted(table.name)} ({', '.join(names)}) VALUES ({', '.join(values)});"  # noqa: S608


def counting(schema: Schema, counters: Mapping[str, int]) -> Iterator[str]:
    """The statements after all rows that set the counters of tables with AUTOINCREMENT: rows set
    them too low if the last ones were deleted."""
    for table in schema.usual:
        if table.name in counters:
            name, last = literal(table.name), counters[table.name]
            yield f"DELETE FROM sqlite_sequence WHERE name = {name};"  # noqa: S608
            yield f"INSERT INTO sqlite_sequence (name, seq) VALUES ({name}, {last});"  # noqa: S608


def closing(schema: Schema) -> Iterator[str]:
    """The statements after the rows of usual tables: views, full-text tables, indexes, triggers."""
    for sql in (*schema.views, *(table.sql for table in schema.virtual)):
        yield f"{sql};"
    for table in schema.virtual:
        if table.content == "another":
            yield rebuild(table)


def rebuild(table: Table) -> str:
    """The statement with which a full-text table reads its text again."""
    name = quoted(table.name)
    return f"INSERT INTO {name} ({name}) VALUES ('rebuild');"  # noqa: S608


def emptying(schema: Schema) -> Iterator[str]:
    """The statements that delete everything in a database, before an import.

    All rows go before the first table, because SQLite deletes no table that rows still refer to.
    """
    yield _DEFERRED
    for kind, name in schema.names:
        yield f"DROP {kind.upper()} IF EXISTS {quoted(name)};"
    for table in reversed(schema.virtual):
        yield f"DROP TABLE IF EXISTS {quoted(table.name)};"
    ordered = schema.children_first()
    for table in ordered:
        yield f"DELETE FROM {quoted(table.name)};"  # noqa: S608
    for table in ordered:
        yield f"DROP TABLE IF EXISTS {quoted(table.name)};"


def tables_first(script: Iterable[str]) -> Iterator[str]:
    """The lines of a dump that create tables; :func:`all_else` has the others.

    A dump has each table followed by its rows, which SQLite refuses if they refer to a table that
    comes later, even if foreign keys are deferred.
    """
    return (each for each in statements(script) if _CREATES_TABLE.match(each))


def all_else(script: Iterable[str]) -> Iterator[str]:
    """The lines of a dump that create no tables, in their order."""
    return (each for each in statements(script) if not _CREATES_TABLE.match(each))


def statements(script: Iterable[str]) -> Iterator[str]:
    """The statements in the lines of a script."""
    gathered = ""
    for line in script:
        gathered += line
        if line.rstrip().endswith(";") and sqlite3.complete_statement(gathered):
            yield gathered
            gathered = ""
    if gathered.strip():
        yield gathered


def literal(value: Value) -> str:
    """A value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, float):
        if math.isinf(value):
            return "9.0e+999" if value > 0 else "-9.0e+999"
        return repr(value)
    if isinstance(value, int):
        return str(value)
    if "\0" in value:
        # A string of SQL ends at a NUL.
        return f"CAST(X'{value.encode().hex()}' AS TEXT)"
    return "'" + value.replace("'", "''") + "'"


def lines(statements: Iterable[str]) -> Iterator[bytes]:
    """Statements as the lines of a file."""
    for statement in statements:
        yield f"{statement}\n".encode()
