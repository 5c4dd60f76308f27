"""Which migration failed, of what wrangler prints, and where in it."""

from __future__ import annotations

import sqlite3

import pytest

from cfpy.account.failed_migration import FailedMigration, failed_migration, line_of

PENDING = """\
Migrations to be applied:
┌────────────┐
│ name       │
├────────────┤
│ 0001_a.sql │
├────────────┤
│ 0002 b.sql │
├────────────┤
│ x/3_c.sql  │
└────────────┘
? About to apply 3 migration(s)
"""
AFTER_ONE = """\
🚣 2 commands executed successfully.
┌────────────┬────────┐
│ name       │ status │
├────────────┼────────┤
│ 0001_a.sql │ ✅     │
├────────────┼────────┤
│ 0002 b.sql │ {}    │
├────────────┼────────┤
│ x/3_c.sql  │ 🕒️    │
└────────────┴────────┘
"""


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (PENDING, FailedMigration("0001_a.sql", (), ("0002 b.sql", "x/3_c.sql"))),
        (
            PENDING + AFTER_ONE.format("🕒️"),
            FailedMigration("0002 b.sql", ("0001_a.sql",), ("x/3_c.sql",)),
        ),
        (
            PENDING + AFTER_ONE.format("❌"),
            FailedMigration("0002 b.sql", ("0001_a.sql",), ("x/3_c.sql",)),
        ),
        ("✅ No migrations to apply!\n", None),
        ("", None),
    ],
)
def test_the_first_that_is_not_applied(printed: str, expected: FailedMigration | None) -> None:
    assert failed_migration(printed) == expected


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("CREATE TABLE b(x);\n-- nope\nINSERT INTO nope VALUES (1);\n", 3),
        ("CREATE TABLE b(x);\n\nCREATE TABEL q(x);\n", 3),
        ("SELECT 1;\nSELECT\n  1,\n  FROM b;\n", 4),
        ("CREATE TABLE b(x);\nCREATE TABLE b(x);\n", None),
        ("CREATE TABLE b(x);\nINSERT INTO b(z) VALUES (1);\n", 2),
        ("CREATE TABLE b(x UNIQUE);\nINSERT INTO b VALUES ('b'), ('b');\n", None),
        ("/* nope\nnope */ SELECT * FROM nope;\n", 2),
        ("SELECT 'nope';\nSELECT * FROM nope;\n", None),
        ("ALTER TABLE gone ADD COLUMN z;\n", 1),
    ],
)
def test_the_line_is_told_where_only_one_can_be_meant(sql: str, line: int | None) -> None:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.Error) as caught:
        connection.executescript(sql)
    connection.close()
    assert line_of(sql, f"{caught.value}: SQLITE_ERROR") == line


def test_an_offset_tells_which_of_the_same_words() -> None:
    sql = "CREATE TABLE tabel(x);\n\nCREATE tabel q(x);\n"
    assert line_of(sql, 'near "tabel": syntax error at offset 7: SQLITE_ERROR') == 3
