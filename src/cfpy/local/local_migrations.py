"""Applies pending migrations to the local D1 databases of a run."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfpy.account.migrating import naming_the_file
from cfpy.account.wrangler import Wrangler
from cfpy.errors import ProjectError
from cfpy.local.kept_data import database_file
from cfpy.local.local_runtime import LocalSession
from cfpy.project.encoded import read_text
from cfpy.project.migrations import migrations_of
from cfpy.project.project import Project
from cfpy.project.sql_statements import quoted
from cfpy.tools.context import Context

# The table in which wrangler records the names of applied migrations, if the configuration does
# not name another.
_TABLE = "d1_migrations"


def migrate(ctx: Context, project: Project, session: LocalSession) -> None:
    """Apply the migrations that a local database does not have yet. wrangler is started only if
    there is one.

    Raises:
        WranglerError: A migration failed.
        ProjectError: One can't be read, or is not UTF-8. Nothing was applied.
    """
    databases = json.loads(session.worker.read_text("utf-8")).get("d1_databases", [])
    waiting = [item for item in databases if is_pending(session.state, item)]
    if not waiting:
        return
    for item in waiting:
        for name in pending(session.state, item):
            read_text(Path(migrations_of(item).directory, name), ProjectError)
    ctx.progress("Applying migrations to the local database")
    wrangler = Wrangler(ctx.runner, ctx.toolchain, project.root, config=session.worker)
    for item in waiting:
        name = item.get("database_name") or item["binding"]
        with naming_the_file(name, project.root, migrations_of(item).directory):
            wrangler.apply_local_migrations(name, persist_to=session.state)


def is_pending(state: Path, database: Mapping[str, Any]) -> bool:
    """Whether there is one of :func:`pending`."""
    return bool(pending(state, database))


def pending(state: Path, database: Mapping[str, Any]) -> tuple[str, ...]:
    """The migrations of ``database``, a table of the derived configuration, that are not recorded
    in its file below ``state``: the database itself is asked, because it may be deleted, or
    replaced by another, at any time."""
    # The paths of a derived configuration are absolute.
    names = migrations_of(database).names(Path())
    if not names:
        return ()
    file = database_file(state, "d1", str(database["database_id"]))
    applied = _applied(file, str(database.get("migrations_table") or _TABLE))
    return tuple(name for name in names if name not in applied)


def migration_directories(worker: Mapping[str, Any]) -> tuple[Path, ...]:
    """The directories with migrations in a derived configuration."""
    found: set[Path] = set()
    for item in worker.get("d1_databases", []):
        source = migrations_of(item)
        found.add(Path(item["migrations_dir"]))
        found |= {Path(source.directory, name).parent for name in source.names(Path())}
    return tuple(sorted(found))


def _applied(file: Path, table: str) -> set[str]:
    """The names in the table of a database; empty if there is no such file or table."""
    if not file.is_file():
        return set()
    names = f"SELECT name FROM {quoted(table)}"  # noqa: S608 (an identifier, quoted)
    try:
        with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as opened:
            return {str(name) for (name,) in opened.execute(names)}
    except sqlite3.Error:
        return set()
