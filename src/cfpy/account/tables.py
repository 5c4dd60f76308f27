"""Reads the tables of a remote D1 database by queries, with each value exactly as it is.

`wrangler d1 export` refuses a database with virtual tables, and can block it
(github.com/cloudflare/workers-sdk/issues/9519), and can't read some rows of a table only. So those
databases, and samples, are read by queries. Other writers may change the database between two of
them, so the result is not of one moment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cfpy.account.account_data import AccountData
from cfpy.errors import CloudflareError
from cfpy.project.sql_statements import quoted

#: A value of SQLite.
Value = None | int | float | str | bytes
Row = tuple[Value, ...]
_SQL_FAILED = 7500
_PAGE = 500
# SQLite takes at most 100 parameters on D1.
_PARAMETERS = 90
_CONTENT = re.compile(r"\bcontent\s*=\s*(''|\"\"|'[^']+'|\"[^\"]+\"|\w+)", re.IGNORECASE)


@dataclass(frozen=True)
class ForeignKey:
    """``columns`` of a table refer to ``parents`` of the table ``table``, in the same order."""

    columns: tuple[str, ...]
    table: str
    parents: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table; ``columns`` are without the generated ones, ``computed``. ``rowid`` is the name by
    which its row ids are read; empty if it has none. ``content`` is what a full-text table has:
    ``own`` text, that of ``another`` table, or ``none`` that can be read; empty for a usual
    table."""

    name: str
    sql: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    rowid: str
    content: str = ""
    foreign_keys: tuple[ForeignKey, ...] = ()
    computed: tuple[str, ...] = ()

    @property
    def numbered(self) -> bool:
        """Whether a row is written with its row id: for full text, and where rows may be referred
        to by it."""
        return bool(self.rowid) and (bool(self.content) or not self.key)


@dataclass(frozen=True)
class Schema:
    """``tables`` in the order in which they were created; ``later`` are the statements for
    indexes, views and triggers, which run when all rows are there."""

    tables: tuple[Table, ...]
    views: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    names: tuple[tuple[str, str], ...] = field(default=())

    @property
    def usual(self) -> tuple[Table, ...]:
        return tuple(table for table in self.tables if not table.content)

    @property
    def virtual(self) -> tuple[Table, ...]:
        return tuple(table for table in self.tables if table.content)

    def table(self, name: str) -> Table | None:
        """The table of this name, which SQLite reads without regard to case."""
        return next((i for i in self.tables if i.name.lower() == name.lower()), None)

    def children_first(self) -> tuple[Table, ...]:
        """The usual tables, each before those that it refers to; in a circle in any order."""
        ordered: list[Table] = []
        waiting = list(self.usual)
        while waiting:
            needed = {
                key.table.lower()
                for item in waiting
                for key in item.foreign_keys
                if key.table.lower() != item.name.lower()
            }
            free = [item for item in waiting if item.name.lower() not in needed] or waiting[:1]
            ordered += free
            waiting = [item for item in waiting if item not in free]
        return tuple(ordered)


class Tables:
    """The tables of a database."""

    def __init__(self, data: AccountData, database_id: str) -> None:
        self._data = data
        self._id = database_id

    def schema(self) -> Schema:
        """All that a person created in it: not SQLite's own tables, nor those of D1.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        items = self._data.query(
            self._id,
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL "
            "AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*' ORDER BY rowid",
        )
        listed = {
            str(item["name"]): item for item in self._data.query(self._id, "PRAGMA table_list")
        }
        kinds = {name: str(item["type"]) for name, item in listed.items()}
        tables = tuple(
            self._table(item["name"], item["sql"], bool(listed[item["name"]]["wr"]))
            for item in items
            if item["type"] == "table" and kinds.get(item["name"]) != "shadow"
        )
        by = {
            kind: tuple(i["sql"] for i in items if i["type"] == kind)
            for kind in ("view", "index", "trigger")
        }
        names = tuple((i["type"], i["name"]) for i in items if i["type"] in ("view", "trigger"))
        return Schema(tables, by["view"], (*by["index"], *by["trigger"]), names)

    def has_virtual_tables(self) -> bool:
        """Whether wrangler can't export it."""
        found = self._data.query(
            self._id,
            "SELECT count(*) AS n FROM sqlite_master WHERE type = 'table' "
            "AND sql LIKE 'CREATE VIRTUAL TABLE%'",
        )
        return bool(found[0]["n"])

    def count(self) -> tuple[int, int]:
        """How many tables and rows it has, of usual tables."""
        names = [table.name for table in self.schema().usual]
        return len(names), sum(self.rows_of(name) for name in names)

    def rows_of(self, name: str) -> int:
        """How many rows a table has."""
        sql = f"SELECT count(*) AS n FROM {quoted(name)}"  # noqa: S608 (an identifier, quoted)
        return int(self._data.query(self._id, sql)[0]["n"])

    def rows(
        self, table: Table, on_rows: Callable[[int], None] = lambda _: None
    ) -> Iterator[tuple[Value, Row]]:
        """All rows of a table with their row ids (``None`` if it has none), page by page.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        last: int | None = None
        seen, size = 0, _PAGE
        while True:
            try:
                if not table.rowid:
                    order = ", ".join(map(quoted, table.key))
                    found = self._select(table, f"ORDER BY {order} LIMIT ? OFFSET ?", (size, seen))
                elif last is None:
                    found = self._select(table, f"ORDER BY {table.rowid} LIMIT ?", (size,))
                else:
                    after = f"WHERE {table.rowid} > CAST(? AS INTEGER)"
                    rest = f"{after} ORDER BY {table.rowid} LIMIT ?"
                    found = self._select(table, rest, (str(last), size))
            except CloudflareError as error:
                # Rows may be large: fewer of them may be within the limits.
                if size == 1 or (error.api_code == _SQL_FAILED and "too" not in error.message):
                    raise
                size = max(1, size // 10)
                continue
            yield from found
            seen += len(found)
            on_rows(seen)
            if len(found) < size:
                return
            at = found[-1][0]
            last = at if isinstance(at, int) else None

    def counters(self) -> dict[str, int]:
        """The last row id of each table with AUTOINCREMENT that has had rows, by table
        (sqlite.org/autoinc.html): a later row gets a greater one, whatever was deleted.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        there = "SELECT 1 AS n FROM sqlite_master WHERE name = 'sqlite_sequence'"
        if not self._data.query(self._id, there):
            return {}
        sql = "SELECT name, CAST(seq AS TEXT) AS seq FROM sqlite_sequence ORDER BY name"
        return {str(row["name"]): int(row["seq"]) for row in self._data.query(self._id, sql)}

    def sample(self, table: Table, limit: int) -> list[tuple[Value, Row]]:
        """The newest rows of a table, at most ``limit``.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        order = table.rowid or ", ".join(f"{quoted(name)} DESC" for name in table.key)
        descending = f"{order} DESC" if table.rowid else order
        return self._select(table, f"ORDER BY {descending} LIMIT ?", (limit,))

    def where(
        self, table: Table, columns: Sequence[str], values: Sequence[Row]
    ) -> Iterator[tuple[Value, Row]]:
        """The rows whose ``columns`` have one of ``values``.

        Raises:
            CloudflareError: The API can't be reached, or fails.
        """
        at_once = max(1, _PARAMETERS // len(columns))
        for start in range(0, len(values), at_once):
            part = values[start : start + at_once]
            one = " AND ".join(f"{quoted(name)} = {{}}" for name in columns)
            terms, given = [], []
            for row in part:
                marks = [_mark(value) for value in row]
                terms.append(f"({one.format(*(mark for mark, _ in marks))})")
                given += [parameter for _, parameter in marks]
            yield from self._select(table, f"WHERE {' OR '.join(terms)}", given)

    def _select(
        self, table: Table, rest: str, params: Sequence[str | int]
    ) -> list[tuple[Value, Row]]:
        at = f"CAST({table.rowid} AS TEXT)" if table.rowid else "NULL"
        columns = [f"{at} AS at", *(_exact(name, n) for n, name in enumerate(table.columns))]
        sql = f"SELECT {', '.join(columns)} FROM {quoted(table.name)} {rest}"  # noqa: S608
        found: list[tuple[Value, Row]] = []
        for row in self._data.query(self._id, sql, params):
            values = tuple(_value(row[f"c{n}"]) for n in range(len(table.columns)))
            found.append((int(row["at"]) if row["at"] is not None else None, values))
        return found

    def _table(self, name: str, sql: str, without_rowid: bool) -> Table:
        info = self._data.query(self._id, f"PRAGMA table_xinfo({quoted(name)})")
        # 1 is a hidden column of a virtual table, 2 and 3 are generated.
        columns = tuple(str(item["name"]) for item in info if int(item["hidden"]) == 0)
        keys = sorted((int(item["pk"]), str(item["name"])) for item in info if int(item["pk"]))
        lower = {column.lower() for column in columns}
        names = [alias for alias in ("rowid", "_rowid_", "oid") if alias not in lower]
        is_virtual = re.match(r"\s*CREATE\s+VIRTUAL\s", sql, re.IGNORECASE)
        return Table(
            name,
            sql,
            columns,
            tuple(column for _, column in keys),
            names[0] if names and not without_rowid else "",
            content_of(sql) if is_virtual else "",
            () if is_virtual else self._foreign_keys(name),
            tuple(str(item["name"]) for item in info if int(item["hidden"]) in (2, 3)),
        )

    def _foreign_keys(self, name: str) -> tuple[ForeignKey, ...]:
        found: dict[int, list[dict[str, Any]]] = {}
        for item in self._data.query(self._id, f"PRAGMA foreign_key_list({quoted(name)})"):
            found.setdefault(int(item["id"]), []).append(item)
        keys = []
        for parts in found.values():
            parts.sort(key=lambda item: int(item["seq"]))
            parents = tuple(str(item["to"]) for item in parts if item["to"] is not None)
            columns = tuple(str(item["from"]) for item in parts)
            keys.append(ForeignKey(columns, str(parts[0]["table"]), parents))
        return tuple(keys)


def content_of(sql: str) -> str:
    """Where the text of a virtual table is: as :attr:`Table.content`."""
    if not re.search(r"\bUSING\s+fts5\s*\(", sql, re.IGNORECASE):
        return "none"
    named = _CONTENT.search(sql)
    if named is None:
        return "own"
    return "none" if named[1] in ("''", '""') else "another"


def _exact(column: str, number: int) -> str:
    """A column as an expression that survives JSON, whose numbers are floats: its type is the first
    letter. The API gives a BLOB as a list of bytes."""
    name = quoted(column)
    return (
        f"CASE typeof({name}) WHEN 'text' THEN 't' || {name} WHEN 'integer' THEN 'i' || {name} "
        f"WHEN 'real' THEN 'r' || quote({name}) ELSE {name} END AS c{number}"
    )


def _value(given: Any) -> Value:
    if given is None:
        return None
    if isinstance(given, list):
        return bytes(given)
    text = str(given)
    kind, rest = text[:1], text[1:]
    if kind == "i":
        return int(rest)
    if kind == "r":
        # SQLite writes infinity so.
        return float(rest.replace("9.0e+999", "inf"))
    return rest


def _mark(value: Value) -> tuple[str, str | int]:
    """A parameter for a value, exact even where JSON is not."""
    if isinstance(value, int):
        return "CAST(? AS INTEGER)", str(value)
    if isinstance(value, float):
        return "CAST(? AS REAL)", repr(value)
    if isinstance(value, bytes):
        return "unhex(?)", value.hex()
    return "?", str(value)
