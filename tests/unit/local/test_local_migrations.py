"""Which migrations a local database does not have."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cfpy.errors import ProjectError
from cfpy.local.kept_data import database_file
from cfpy.local.local_migrations import is_pending, migrate, migration_directories


@pytest.fixture
def database(tmp_path: Path) -> dict[str, Any]:
    """A table of a derived configuration, with two migrations."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for name in ("0001_a.sql", "0002_b.sql"):
        (folder / name).write_text("SELECT 1;")
    return {"binding": "DB", "database_id": "u", "migrations_dir": str(folder)}


def apply(state: Path, *names: str, table: str = "d1_migrations") -> Path:
    """Record migrations as wrangler does."""
    file = database_file(state, "d1", "u")
    file.parent.mkdir(parents=True, exist_ok=True)
    opened = sqlite3.connect(file)
    opened.execute("PRAGMA journal_mode = WAL")
    opened.execute(f'CREATE TABLE IF NOT EXISTS "{table}" (id INTEGER PRIMARY KEY, name TEXT)')
    opened.executemany(f'INSERT INTO "{table}" (name) VALUES (?)', [(name,) for name in names])
    opened.commit()
    opened.close()
    return file


def test_all_are_pending_without_a_database(tmp_path: Path, database: dict[str, Any]) -> None:
    assert is_pending(tmp_path, database)


def test_none_is_pending_once_all_are_recorded(tmp_path: Path, database: dict[str, Any]) -> None:
    apply(tmp_path, "0001_a.sql")
    assert is_pending(tmp_path, database)
    apply(tmp_path, "0002_b.sql")
    assert not is_pending(tmp_path, database)


def test_a_database_that_is_gone_or_another_one_is_asked_again(
    tmp_path: Path, database: dict[str, Any]
) -> None:
    file = apply(tmp_path, "0001_a.sql", "0002_b.sql")
    file.unlink()
    assert is_pending(tmp_path, database)
    file.write_bytes(b"no database at all")
    assert is_pending(tmp_path, database)
    file.unlink()
    sqlite3.connect(file).close()
    assert is_pending(tmp_path, database)
    apply(tmp_path, "0001_a.sql", "0002_b.sql")
    assert is_pending(tmp_path, {**database, "database_id": "other"})


def test_the_table_has_the_name_of_the_configuration(
    tmp_path: Path, database: dict[str, Any]
) -> None:
    named = {**database, "migrations_table": 'my "own"'}
    apply(tmp_path, "0001_a.sql", "0002_b.sql", table='my ""own""')
    assert is_pending(tmp_path, database)
    assert not is_pending(tmp_path, named)


def test_without_migrations_none_is_pending(tmp_path: Path, database: dict[str, Any]) -> None:
    assert not is_pending(tmp_path, {**database, "migrations_dir": str(tmp_path / "none")})


LATIN = "INSERT INTO a VALUES ('é');".encode("latin-1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("SELECT 1;".encode("utf-16"), "it is UTF-16, not UTF-8"),
        (b"SELECT 1;\n" + LATIN, "line 2 is not UTF-8"),
    ],
)
def test_a_migration_in_another_encoding_is_refused_before_any_is_applied(
    tmp_path: Path, database: dict[str, Any], content: bytes, said: str
) -> None:
    """wrangler would send other characters, without a word."""
    file = tmp_path / "migrations" / "0002_b.sql"
    file.write_bytes(content)
    session: Any = SimpleNamespace(state=tmp_path, worker=tmp_path / "worker.json")
    session.worker.write_text(json.dumps({"d1_databases": [database]}))
    told: list[str] = []
    ctx: Any = SimpleNamespace(progress=told.append)
    project: Any = None
    with pytest.raises(ProjectError) as caught:
        migrate(ctx, project, session)
    assert caught.value.message == f"{file}: can't be read: {said}"
    assert caught.value.hint == "Save it as UTF-8 with your editor."
    assert told == []
    # What was applied is not read again.
    apply(tmp_path, "0001_a.sql", "0002_b.sql")
    migrate(ctx, project, session)


def test_the_folders_of_nested_migrations_are_watched(
    tmp_path: Path, database: dict[str, Any]
) -> None:
    folder = tmp_path / "migrations"
    (folder / "more").mkdir()
    (folder / "more" / "0003_c.sql").write_text("SELECT 1;")
    nested = {**database, "migrations_pattern": f"{folder}/**/*.sql"}
    found = migration_directories({"d1_databases": [nested]})
    assert found == (folder, folder / "more")
