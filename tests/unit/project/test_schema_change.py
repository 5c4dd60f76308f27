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
            "people has a new constraint: CHECK (age > 0)",
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
        (
            "ALTER TABLE people DROP COLUMN age;\n"
            "ALTER TABLE people ADD COLUMN age INT GENERATED ALWAYS AS (id + 1) VIRTUAL;",
            2,
            "people.age is computed now (GENERATED): code can't write it",
        ),
        (
            "ALTER TABLE posts ADD COLUMN kind TEXT NOT NULL DEFAULT NULL;",
            1,
            "posts.kind is new and NOT NULL, without a default",
        ),
        (
            "ALTER TABLE posts ADD COLUMN kind TEXT NOT NULL DEFAULT (NULL);",
            1,
            "posts.kind is new and NOT NULL, without a default",
        ),
        (
            REBUILT.format(more="").replace("\n);", "\n) STRICT;"),
            6,
            "people has a new constraint: STRICT, which checks types",
        ),
        (
            "CREATE TRIGGER no BEFORE UPDATE ON Posts BEGIN\n"
            "  SELECT RAISE(ABORT, 'no') WHERE new.title = '';\nEND;",
            1,
            "posts has a new trigger that can refuse what is written: no",
        ),
        (
            "CREATE TRIGGER no INSTEAD OF INSERT ON titles BEGIN SELECT raise (IGNORE); END;",
            1,
            "titles has a new trigger that can refuse what is written: no",
        ),
        (
            "SELECT 1;\nPRAGMA main.writable_schema = ON;",
            2,
            "PRAGMA writable_schema: what is changed by it can't be checked",
        ),
        (
            "UPDATE sqlite_master SET sql = '';",
            1,
            "it writes the schema itself, which can't be checked",
        ),
        (
            REBUILT.format(more=", CHECK (age\n  IS NOT NULL -- ever\n)"),
            8,
            "people has a new constraint: CHECK (age IS NOT NULL)",
        ),
        (
            REBUILT.format(more="").replace("id INTEGER PRIMARY KEY, n", "id TEXT PRIMARY KEY, n"),
            6,
            "people.id has another type: INTEGER, now TEXT",
        ),
        (
            REBUILT.format(more="").replace("id INTEGER PRIMARY KEY, n", "id INT PRIMARY KEY, n"),
            6,
            "people.id gets no number by itself now, and has no default",
        ),
        (
            REBUILT.format(more="").replace(
                "name TEXT NOT NULL, age INT,", "age INT, name TEXT NOT NULL,"
            ),
            6,
            "people has its columns in another order, on which INSERT without names relies",
        ),
        (
            "SELECT 1;\nCREATE TABLE tags (id INTEGER PRIMARY KEY, post REFERENCES Posts (id));",
            2,
            "tags refers to posts without ON DELETE: what it refers to can't be deleted",
        ),
        (
            "CREATE TABLE new (post REFERENCES posts (id) ON DELETE RESTRICT);\n"
            "ALTER TABLE new RENAME TO tags;",
            2,
            "tags refers to posts without ON DELETE: what it refers to can't be deleted",
        ),
        (
            REBUILT.format(more="").replace("\n);", "\n) WITHOUT ROWID;"),
            6,
            "people.id gets no number by itself now, and has no default",
        ),
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
        "CREATE TABLE tags (post REFERENCES posts (id) ON DELETE CASCADE);",
        "CREATE TABLE tags (post REFERENCES posts (id) ON DELETE SET NULL, tag REFERENCES tags);",
        "DROP VIEW titles; CREATE VIEW titles AS SELECT title, id FROM posts;",
        REBUILT.format(more="").replace("age INT,", "years INT, age INT,"),
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


LINKED = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT CHECK (name <> ''));
CREATE TABLE orders (id INTEGER PRIMARY KEY, user INTEGER REFERENCES users (id), item TEXT UNIQUE);
CREATE TRIGGER rich BEFORE INSERT ON orders BEGIN
  SELECT RAISE(ABORT, 'who?') WHERE NOT EXISTS (SELECT 1 FROM users WHERE name <> '');
END;
"""


@pytest.mark.parametrize(
    ("pending", "expected"),
    [
        # What refers to a renamed table or column is not new.
        ("ALTER TABLE users RENAME TO people;", [(1, "users is renamed")]),
        ("ALTER TABLE users RENAME name TO title;", [(1, "users.name is renamed")]),
        ("ALTER TABLE orders RENAME item TO thing;", [(1, "orders.item is renamed")]),
        (
            "ALTER TABLE users RENAME TO old;\n"
            "CREATE TABLE users (id INTEGER PRIMARY KEY);\nDROP TRIGGER rich;\nDROP TABLE old;",
            [
                (1, "orders has a new constraint: FOREIGN KEY (user) to old"),
                (4, "users.name is dropped"),
            ],
        ),
        (
            "DROP TRIGGER rich;\nALTER TABLE orders RENAME TO old;\nDROP TABLE old;",
            [(3, "orders is dropped")],
        ),
        (
            "ALTER TABLE orders RENAME item TO thing;\nALTER TABLE orders RENAME thing TO item;",
            [],
        ),
        (
            "DROP TABLE orders;\nCREATE VIEW orders AS SELECT id, id AS user, name AS item "
            "FROM users;",
            [(2, "orders is now a view, which can't be written like a table")],
        ),
        # A trigger that is there again, written in another way.
        (
            "DROP TRIGGER rich;\nCREATE TRIGGER rich BEFORE INSERT ON orders BEGIN SELECT "
            "RAISE(ABORT, 'who?') WHERE NOT EXISTS (SELECT 1 FROM users WHERE name <> ''); END;",
            [],
        ),
        ("PRAGMA writable_schema;", []),
        ("CREATE TRIGGER log AFTER INSERT ON orders BEGIN SELECT 'RAISE'; END;", []),
    ],
)
def test_only_what_breaks_is_named_and_as_what_it_is(
    pending: str, expected: list[tuple[int, str]]
) -> None:
    assert found(pending, LINKED) == expected


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
