"""D1: SQLite databases, with migrations in the project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.becoming import own_name
from cfpy.bindings.finding import Finding
from cfpy.bindings.id_forms import not_uuids
from cfpy.bindings.kind import REAL, BindingKind, only_local, passed, used
from cfpy.errors import UsageError
from cfpy.tools.invocation import command

_FIRST_MIGRATION = """\
-- The first migration of this database. Once it has been applied anywhere, change nothing here:
-- write 0002_....sql.
CREATE TABLE notes (
    id INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) STRICT;
"""


def _add(asked: Asked) -> Addition:
    used = {
        str(item.get("migrations_dir", "migrations"))
        for item in asked.scope.get("d1_databases") or []
    }
    directory = "migrations" if not used else f"migrations-{asked.kebab}"
    if asked.environment:
        # It is the same database as at the top level, so it has the same tables.
        for item in asked.config.get("d1_databases") or []:
            if item.get("binding") == asked.binding:
                directory = str(item.get("migrations_dir", "migrations"))
    if directory in used:
        raise UsageError(f"another database already has its migrations in {directory}")
    edit = asked.entry(
        "d1_databases",
        binding=asked.binding,
        database_name=asked.resource,
        migrations_dir=directory,
    )
    files = {f"{directory}/0001_{asked.snake}.sql": _FIRST_MIGRATION}
    return Addition((edit,), asked.binding, files=files, resource=asked.resource)


def _check(scope: Mapping[str, Any]) -> Iterator[Finding]:
    fix = f"Remove it: {command('provision')} writes the right one."
    yield from not_uuids(scope.get("d1_databases") or [], "database_id", fix)
    yield from _ambiguous(scope)


def _ambiguous(scope: Mapping[str, Any]) -> Iterator[Finding]:
    """wrangler is given a binding, and takes the first database with this binding or name (4.164.0,
    ``getDatabaseInfoFromConfig``): the migrations could go into the wrong one."""
    tables = scope.get("d1_databases") or []
    for item in tables:
        for other in tables:
            name = other.get("database_name")
            if other is not item and name and name == item.get("binding"):
                yield Finding(
                    broken=True,
                    message=f"{name} is a binding of one database and the name of another, and "
                    "wrangler can't tell them apart",
                    fix="Rename the binding or the database_name; the id still identifies the "
                    "database.",
                )


_MIGRATIONS = ("migrations_table", "migrations_dir", "migrations_pattern")

D1 = BindingKind(
    name="d1",
    table="d1_databases",
    label="D1 database",
    strings=("database_name", "database_id", "jurisdiction", *_MIGRATIONS),
    keys={
        **used("binding", "database_name", "database_id", "jurisdiction", *_MIGRATIONS),
        **passed("database_internal_env"),
        **only_local("preview_database_id", "remote"),
    },
    becomes=own_name("database_name"),
    name_keys=("database_name",),
    settings="d1",
    id_key="database_id",
    check=_check,
    owned="d1",
    subcommand="d1",
    api_type="d1",
    api_keys=("id", "database_id"),
    permission="D1: Edit",
    permission_of=("d1",),
    meter="d1.rows_read",
    local=REAL,
    js_class="D1Database",
    python_type="D1Database",
    add=_add,
    example="orders",
    python="""\
notes = self.env.{b}.prepare("INSERT INTO notes (body) VALUES (?) RETURNING id")
note = await notes.bind("hello").first()
""",
    javascript="""\
const notes = env.{b}.prepare("INSERT INTO notes (body) VALUES (?) RETURNING id");
const note = await notes.bind("hello").first();
""",
)
