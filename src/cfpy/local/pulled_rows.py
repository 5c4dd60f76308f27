"""Which rows a pull takes: all of a database, or a sample in which every row has its parents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cfpy.account.tables import ForeignKey, Row, Schema, Table, Tables, Value
from cfpy.errors import UsageError
from cfpy.project.masks import Mask, fake

#: A row with its row id.
Numbered = tuple[Value, Row]


@dataclass(frozen=True)
class Wanted:
    """``tables`` are the names to take rows of, empty for all; ``limit`` is how many of each, 0 for
    all."""

    tables: tuple[str, ...] = ()
    limit: int = 0


def masked_columns(schema: Schema, masks: tuple[Mask, ...]) -> frozenset[tuple[str, str]]:
    """The columns to mask, in lower case, with those that foreign keys connect with them.

    Raises:
        UsageError: There is no such column, or it is computed from others.
    """
    for mask in masks:
        table = schema.table(mask.table)
        if table is None or mask.column.lower() not in [c.lower() for c in table.columns]:
            if table and mask.column.lower() in [c.lower() for c in table.computed]:
                raise UsageError(
                    f"{mask.table}.{mask.column} can't be masked: it is computed from other "
                    "columns",
                    hint="Mask those, in --mask or in [[masks]] of cfpy.toml. Nothing was changed.",
                )
            what = "column" if table else "table"
            raise UsageError(
                f"the database does not have the {what} of the mask {mask.table}.{mask.column}",
                hint="Fix it in --mask, or in [[masks]] of cfpy.toml. Nothing was changed.",
            )
    found = {mask.where for mask in masks}
    pairs = list(_connected(schema))
    while more := {b for a, b in pairs if a in found} | {a for a, b in pairs if b in found}:
        if more <= found:
            break
        found |= more
    return frozenset(found)


def _connected(schema: Schema) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    for table in schema.usual:
        for key in table.foreign_keys:
            for column, parent in zip(key.columns, _parents(schema, key), strict=False):
                yield (table.name.lower(), column.lower()), (key.table.lower(), parent.lower())


def _parents(schema: Schema, key: ForeignKey) -> tuple[str, ...]:
    """The columns that a key refers to: by default the primary key."""
    parent = schema.table(key.table)
    return key.parents or (parent.key if parent else ())


def mask_row(table: Table, row: Row, columns: frozenset[tuple[str, str]], key: bytes) -> Row:
    """A row with fake values in the masked columns."""
    name = table.name.lower()
    return tuple(
        fake(value, key) if (name, column.lower()) in columns else value
        for column, value in zip(table.columns, row, strict=True)
    )


def rows(
    tables: Tables,
    schema: Schema,
    wanted: Wanted,
    always: str,
    on_rows: Callable[[str, int], None],
) -> Iterator[tuple[Table, Iterator[Numbered]]]:
    """The rows to take, table by table.

    Args:
        tables: Reads them.
        schema: All tables.
        wanted: Which are asked for.
        always: The table with the applied migrations, which is taken completely.
        on_rows: Called with a table's name and the number of rows so far.

    Raises:
        UsageError: There is no such table.
        CloudflareError: The API can't be reached, or fails.
    """
    for name in wanted.tables:
        if schema.table(name) is None:
            has = ", ".join(table.name for table in schema.usual)
            raise UsageError(f"the database does not have the table {name}", hint=f"It has {has}.")
    asked = _with_parents(schema, wanted.tables)
    whole = [i for i in schema.usual if i.name == always or (i in asked and not wanted.limit)]
    for table in whole:
        yield table, tables.rows(table, lambda n, name=table.name: on_rows(name, n))  # type: ignore[misc]
    if wanted.limit:
        named = {name.lower() for name in wanted.tables}
        start = [i for i in schema.usual if not named or i.name.lower() in named]
        done = {table.name for table in whole}
        sampled = _sample(tables, schema, [i for i in start if i.name not in done], wanted.limit)
        for table in schema.usual:
            if table.name in sampled and table.name not in done:
                on_rows(table.name, len(sampled[table.name]))
                yield table, iter(sampled[table.name].values())


def _with_parents(schema: Schema, names: tuple[str, ...]) -> tuple[Table, ...]:
    """The tables that are asked for, and all that they refer to."""
    if not names:
        return schema.usual
    wanted = {name.lower() for name in names}
    while True:
        more = {
            key.table.lower()
            for table in schema.usual
            if table.name.lower() in wanted
            for key in table.foreign_keys
        }
        if more <= wanted:
            return tuple(table for table in schema.usual if table.name.lower() in wanted)
        wanted |= more


def _sample(
    tables: Tables, schema: Schema, start: list[Table], limit: int
) -> Mapping[str, dict[object, Numbered]]:
    """The newest rows of some tables, and the rows that those refer to, and so on."""
    found: dict[str, dict[object, Numbered]] = {}
    waiting: list[tuple[Table, list[Numbered]]] = []

    def add(table: Table, some: list[Numbered]) -> None:
        known = found.setdefault(table.name, {})
        new = [item for item in some if _identity(item) not in known]
        known.update({_identity(item): item for item in new})
        if new:
            waiting.append((table, new))

    for table in start:
        add(table, tables.sample(table, limit))
    while waiting:
        table, new = waiting.pop()
        for key in table.foreign_keys:
            parent = schema.table(key.table)
            columns = _parents(schema, key)
            if parent is None or len(columns) != len(key.columns):
                continue  # SQLite allows a key to a table that is not there.
            places = [[c.lower() for c in table.columns].index(c.lower()) for c in key.columns]
            values = {tuple(row[place] for place in places) for _, row in new}
            needed = [value for value in values if None not in value]
            if needed:
                add(parent, list(tables.where(parent, columns, needed)))
    return found


def _identity(item: Numbered) -> object:
    rowid, row = item
    return row if rowid is None else rowid
