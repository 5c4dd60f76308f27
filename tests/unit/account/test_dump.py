"""SQL of a database: its statements, and their order."""

from __future__ import annotations

import sqlite3

import pytest

from cfpy.account.backups.dump import all_else, literal, statements, tables_first
from cfpy.account.tables import content_of


@pytest.mark.parametrize(
    "value",
    [None, 0, -(2**63), 0.1, 1e300, float("inf"), "it's", "a\0b", "line;\nline", b"", b"\0\xff"],
    ids=repr,
)
def test_a_literal_is_the_value(value: float | str | bytes | None) -> None:
    found = sqlite3.connect(":memory:").execute(f"SELECT {literal(value)}").fetchone()
    assert found == (value,)


SCRIPT = """\
PRAGMA defer_foreign_keys=TRUE;
CREATE TABLE IF NOT EXISTS "b" (id INTEGER, a REFERENCES a (id));
INSERT INTO b VALUES (1, 'CREATE TABLE x (
y);
');
CREATE TABLE a (
  id INTEGER PRIMARY KEY -- a comment;
);
CREATE TRIGGER t AFTER INSERT ON a BEGIN
  SELECT 1;
END;
"""


def test_tables_come_before_all_rows() -> None:
    lines = SCRIPT.splitlines(keepends=True)
    assert "".join(statements(lines)) == SCRIPT
    first, rest = list(tables_first(lines)), list(all_else(lines))
    assert [each.split()[:2] for each in first] == [["CREATE", "TABLE"]] * 2
    assert [each.split()[0] for each in rest] == ["PRAGMA", "INSERT", "CREATE"]
    assert sorted(first + rest) == sorted(statements(lines))


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        ("fts5(body)", "own"),
        ("fts5(content, body)", "own"),
        ("fts5(body, content = 'pages')", "another"),
        ("FTS5 (body, content=pages, content_rowid=id)", "another"),
        ("fts5(body, content='')", "none"),
        ("fts5vocab('words', 'row')", "none"),
    ],
)
def test_where_the_text_of_a_virtual_table_is(arguments: str, content: str) -> None:
    assert content_of(f"CREATE VIRTUAL TABLE words USING {arguments}") == content
