"""D1: SQLite databases, with migrations in the project."""

from __future__ import annotations

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.becoming import own_name
from cfpy.bindings.kind import REAL, BindingKind, only_local, passed, used
from cfpy.errors import UsageError

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
    owned="d1",
    api_type="d1",
    api_keys=("id", "database_id"),
    permission="D1: Edit",
    permission_of=("d1",),
    meter="d1.rows_read",
    local=REAL,
    js_class="D1Database",
    python_type="D1Database",
    add=_add,
    python="""\
notes = self.env.{b}.prepare("INSERT INTO notes (body) VALUES (?) RETURNING id")
note = await notes.bind("hello").first()
""",
    javascript="""\
const notes = env.{b}.prepare("INSERT INTO notes (body) VALUES (?) RETURNING id");
const note = await notes.bind("hello").first();
""",
)
