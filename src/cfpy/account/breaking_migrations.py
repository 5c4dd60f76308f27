"""Points out pending migrations that code from before can't live with, or that are not UTF-8.

A deployment applies them before the new code is live, so the live version runs with the new schema
for a moment; in a gradual rollout, and after a rollback, for longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cfpy.account.account_data import AccountData
from cfpy.account.desired import DesiredState
from cfpy.account.owned.d1 import D1Database
from cfpy.account.plan import Action, Plan
from cfpy.errors import ProjectError
from cfpy.project.encoded import read_text
from cfpy.project.schema_change import breaking_changes

# An index needs its table, and a trigger its table or view. A virtual table creates others, which
# are listed, too.
_SCHEMA = (
    "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL "
    "AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*' AND name <> ? "
    "ORDER BY sql NOT LIKE 'CREATE VIRTUAL %', instr('table view index trigger', type), rowid"
)


def breaking_migrations(
    root: Path, desired: DesiredState, plan: Plan, data: AccountData
) -> tuple[str, ...]:
    """One sentence about each statement in the pending migrations that breaks older code, with
    its file and line. None about a database that is empty.

    Args:
        root: The directory of the configuration.
        desired: What the project needs.
        plan: The plan, with the pending migrations.
        data: Reads the schema that a database has, however it came about.

    Raises:
        CloudflareError: The API can't be reached, or fails.
    """
    return tuple(dict.fromkeys(_found(root, desired, plan, data)))


def _found(root: Path, desired: DesiredState, plan: Plan, data: AccountData) -> Iterator[str]:
    for action in plan.changes:
        if not (action.migrates and action.id):
            continue
        database = _database(desired, action)
        rows = data.query(action.id, _SCHEMA, [database.migrations_table])
        if not rows:
            continue
        folder = root / database.source.directory
        pending = _texts(folder, action.files)
        for item in breaking_changes([("", str(row["sql"])) for row in rows], pending):
            place = (Path(database.source.directory) / item.file).as_posix()
            yield f"{place}:{item.line}: {item.message}"


def unreadable_migrations(root: Path, desired: DesiredState, plan: Plan) -> Iterator[ProjectError]:
    """An error for each pending migration that is not UTF-8: wrangler would send it with other
    characters. The arguments are those of :func:`breaking_migrations`."""
    for action in plan.changes:
        for name in action.files:
            try:
                read_text(root / _database(desired, action).source.directory / name, ProjectError)
            except ProjectError as error:
                yield error


def _database(desired: DesiredState, action: Action) -> D1Database:
    [binding] = action.bindings
    return next(item for item in desired.all(D1Database) if item.binding == binding)


def _texts(folder: Path, names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, (folder / name).read_bytes().decode("utf-8", "replace")) for name in names]
