"""What in pending migrations an older version of the code can't live with."""

from __future__ import annotations

import pytest

from cfpy.project.schema_change import breaking_changes
from cfpy.project.sql_statements import statements

OLD = """
-- People, and what they wrote.
CREATE TABLE people (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INT, note TEXT DEFAULT 'a;b'
);
CREATE TABLE posts (id INTEGER PRIMARY KEY, person INTEGER, title TEXT);
CREATE VIEW titles AS SELECT id, title FROM posts;
CREATE TRIGGER kept AFTER INSERT ON posts BEGIN
  UPDATE posts SET person = CASE WHEN person IS NULL THEN 0 ELSE person END;
  DELETE FROM posts WHERE title = '';
END;
"""
REBUILT = """CREATE TABLE new_people (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INT, note TEXT DEFAULT 'a;b'{more}
);
INSERT INTO new_people (id, name, age, note) SELECT id, name, age, note FROM people;
DROP TABLE people;
ALTER TABLE new_people RENAME TO people;
"""


def found(pending: str, old: str = OLD) -> list[tuple[int, str]]:
    return [
        (item.line, item.message)
        for item in breaking_changes([("0001.sql", old)], [("0002.sql", pending)])
    ]


@pytest.mark.parametrize(
    ("pending", "line", "message"),
    [
        ("\nDROP TABLE posts;", 2, "posts is dropped"),
        ("alter table Posts rename to articles", 1, "posts is renamed"),
        ("DROP VIEW titles;", 1, "titles is dropped"),
        ("ALTER TABLE people DROP COLUMN age;", 1, "people.age is dropped"),
        ('ALTER TABLE "people"\n RENAME age TO years;', 1, "people.age is renamed"),
        (
            "/* one */ SELECT 1;\nCREATE UNIQUE INDEX u ON posts (title);",
            2,
            "posts has a new constraint: UNIQUE (title)",
        ),
        (
            "ALTER TABLE posts ADD COLUMN kind TEXT NOT NULL;",
            1,
            "posts.kind is new and NOT NULL, without a default",
        ),
        (
            REBUILT.format(more=", email TEXT NOT NULL"),
            6,
            "people.email is new and NOT NULL, without a default",
        ),
        (
            REBUILT.format(more=", CHECK (age > 0)"),
            6,
            "people has a new constraint: CHECK (age>0)",
        ),
        (
            REBUILT.format(more=", FOREIGN KEY (age) REFERENCES posts (id)"),
            6,
            "people has a new constraint: FOREIGN KEY (age) to posts",
        ),
        (
            REBUILT.format(more="").replace("age INT,", "age TEXT,"),
            6,
            "people.age has another type: INTEGER, now TEXT",
        ),
        (
            REBUILT.format(more="").replace("age INT,", "age INT NOT NULL,"),
            6,
            "people.age is NOT NULL now, without a default",
        ),
        ("CREATE TABLE people (id INTEGER);", 1, "SQLite refuses it: table people already exists"),
        ("ATTACH 'other.db' AS other;", 1, "SQLite refuses it: not authorized"),
    ],
)
def test_what_breaks_the_old_version_is_found_with_its_line(
    pending: str, line: int, message: str
) -> None:
    assert (line, message) in found(pending)


@pytest.mark.parametrize(
    "pending",
    [
        "CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL);",
        "ALTER TABLE posts ADD COLUMN kind TEXT;",
        "ALTER TABLE posts ADD COLUMN kind TEXT NOT NULL DEFAULT 'note';",
        "CREATE INDEX i ON posts (title);",
        "INSERT INTO posts (title) VALUES ('DROP TABLE people;');",
        REBUILT.format(more=""),
        REBUILT.format(more=", email TEXT NOT NULL DEFAULT ''"),
        "DROP TRIGGER kept;",
        # Made and dropped again: no version has seen it.
        "CREATE TABLE tmp (id INTEGER); DROP TABLE tmp;",
        "DROP VIEW titles; CREATE VIEW titles AS SELECT id, title, person FROM posts;",
        "CREATE VIRTUAL TABLE search USING fts5 (title);",
        "PRAGMA defer_foreign_keys = true;",
        "",
        "-- nothing",
    ],
)
def test_what_the_old_version_can_live_with_is_not_mentioned(pending: str) -> None:
    assert found(pending) == []


def test_the_first_migrations_break_nothing() -> None:
    assert breaking_changes([], [("0001.sql", OLD), ("0002.sql", "DROP TABLE posts;")]) == ()


def test_each_file_has_findings_of_its_own() -> None:
    pending = [
        ("0002.sql", "ALTER TABLE posts DROP COLUMN person;"),
        ("0003.sql", "DROP TABLE people;"),
    ]
    places = [(item.file, item.line) for item in breaking_changes([("0001.sql", OLD)], pending)]
    assert ("0002.sql", 1) in places
    assert ("0003.sql", 1) in places


def test_a_trigger_is_one_statement() -> None:
    lines = [item.line for item in statements(OLD)]
    assert lines == [3, 6, 7, 8]
