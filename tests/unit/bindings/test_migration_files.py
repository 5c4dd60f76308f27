"""Migrations that are not where the configuration says, and ids in upper case, are findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.account import doctor
from cfpy.bindings.checks import check_bindings
from cfpy.bindings.kinds.d1 import D1
from cfpy.bindings.kinds.kv import KV
from cfpy.bindings.migration_files import lost_migrations
from cfpy.bindings.wrangler_config import load_project
from cfpy.local.env_files import find_env_files
from cfpy.local.file_warnings import file_warnings
from cfpy.project.project import Project

UPPER = "ED580000-0000-4000-8000-00000000000A"


def with_database(root: Path, keys: str, *files: str) -> Project:
    """A project whose database has these keys, and files."""
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("SELECT 1;")
    (root / "wrangler.toml").write_text(
        f'name = "a"\n[[d1_databases]]\nbinding = "DB"\ndatabase_name = "d"\n{keys}\n'
    )
    return load_project(root)


@pytest.mark.parametrize(
    ("keys", "file", "said"),
    [
        ('migrations_dir = "drizle"', "drizzle/1.sql", "the folder 'drizle' that migrations_dir"),
        (
            'migrations_dir = "db"\nmigrations_pattern = "db/*.sql"',
            "db/1/up.sql",
            "no file matches migrations_pattern = 'db/*.sql' of DB",
        ),
        ('migrations_dir = "db"', "db/1/up.sql", "db/1/up.sql is no migration of DB"),
        ("", "migrations/1/up.sql", "migrations/1/up.sql is no migration of DB"),
    ],
)
def test_it_is_named_in_doctor_and_in_a_run(
    keys: str, file: str, said: str, tmp_path: Path
) -> None:
    project = with_database(tmp_path, keys, file)
    [found] = lost_migrations(project, "")
    assert found.message.startswith(said)
    assert not found.broken
    [told] = file_warnings(project, "", find_env_files(tmp_path, "", {}))
    assert told == f"wrangler.toml: {found.message}. {found.fix}"
    checks = list(doctor._project(tmp_path, "", None))
    assert ("warning", found.message, found.fix) in [(c.state, c.message, c.fix) for c in checks]


@pytest.mark.parametrize(
    ("keys", "file"),
    [
        ("", "src/a.sql"),
        ("", "migrations/1.sql"),
        ('migrations_dir = "db"', "db/.keep"),
        ('migrations_dir = "db"', "db/1.sql"),
        ('migrations_dir = "db"\nmigrations_pattern = "db/*/up.sql"', "db/1/up.sql"),
        ('migrations_pattern = "db/*.sql"', "db/1/up.sql"),
    ],
)
def test_nothing_else_is_one(keys: str, file: str, tmp_path: Path) -> None:
    assert list(lost_migrations(with_database(tmp_path, keys, file), "")) == []


def test_an_id_in_upper_case_is_that_of_the_account() -> None:
    table = {"binding": "DB", "database_id": UPPER}
    assert D1.told_by(table) == UPPER.lower()
    assert KV.told_by({"binding": "KV", "id": "A" * 32}) == "a" * 32
    [found] = check_bindings({"d1_databases": [table]})
    assert found.message == f"database_id {UPPER!r} of DB is in upper case"
    assert found.fix == f"Write it as the account does: {UPPER.lower()}."
    assert not found.broken
