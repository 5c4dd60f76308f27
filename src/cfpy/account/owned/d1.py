"""D1 databases, and the migrations that they have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from cfpy.account.comparison import Comparison
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.drift import Drift
from cfpy.account.identity import Identified, Reference, Resource
from cfpy.account.migrating import naming_the_file
from cfpy.account.observed import Found
from cfpy.account.owned.by_id import OwnedById, planned
from cfpy.account.owned.outside import Answers, Changing, Reading, jurisdiction, there
from cfpy.account.plan import Action, Do
from cfpy.bindings.kinds.d1 import D1
from cfpy.errors import CloudflareError, NotAuthenticatedError, ProjectError
from cfpy.project.migrations import DEFAULT, Migrations, migrations_of
from cfpy.project.sql_statements import quoted

#: The migration that seeds the database of a preview. Its name sorts behind the others, which begin
#: with numbers.
SEED = "zz_cfpy_seed.sql"
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SQL_FAILED = 7500


@dataclass(frozen=True)
class D1Database(Reference):
    """One binding of a database. ``migrations`` are file names, in order, from ``source``."""

    migrations: tuple[str, ...] = ()
    migrations_table: str = "d1_migrations"
    source: Migrations = DEFAULT


@dataclass(frozen=True)
class FoundDatabase(Identified):
    """A database in the account."""

    kind = "d1"


@dataclass(frozen=True)
class AppliedMigrations(Found):
    """The migrations that the database of a binding, its ``id`` here, has had."""

    kind = "d1_migrations"
    names: frozenset[str]


class Databases(OwnedById):
    """A database has a step for itself, then one for each set of migrations."""

    name = "d1"
    parts = ("d1_migrations",)
    listed = "d1"
    binding = D1
    listed_at = "d1/database"
    reference = D1Database
    found = FoundDatabase
    holds = "it holds rows"
    shared = "migrations and data"

    def called(self, name: str) -> D1Database:
        return D1Database(name, name, "")

    def wanted(self, scope: Scope) -> Iterator[D1Database]:
        for table in scope.entries(D1.table):
            yield _wanted(scope, table)

    def listing(self, reading: Reading) -> dict[str, Identified]:
        return {
            item["uuid"]: FoundDatabase(item["uuid"], item["name"], jurisdiction(item))
            for item in reading.api.pages(reading.path("d1/database"))
        }

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        databases = self.start(reading, desired)
        applied = [
            reading.start(_applied, item, databases)
            for item in desired.all(D1Database)
            if item.migrations
        ]
        return lambda: (*databases.result().values(), *there(applied))

    def plan(self, now: Comparison) -> Iterator[Action]:
        for item in self.resources(now):
            action = planned(item)
            yield action
            if not item.problem and not item.missing:
                yield from _migrations(item, action, now.observed.all(AppliedMigrations))

    def notices(self, now: Comparison) -> Iterator[str]:
        """Also that somebody else has migrated a database further: the sign of an old clone."""
        yield from super().notices(now)
        for name, files in self._unknown(now):
            yield f"{_had(name, files)}: it may be older than what is live"

    def drift(self, now: Comparison) -> Iterator[Drift]:
        for name, files in self._unknown(now):
            adopt = f"Take the files from the branch that has them: git log --all -- '*{files[0]}'"
            yield Drift(AppliedMigrations.kind, name, _had(name, files), adopt, "")

    def _unknown(self, now: Comparison) -> Iterator[tuple[str, list[str]]]:
        """The migrations of each database that the files do not have. Bindings of one database may
        have migrations of their own."""
        applied = now.observed.all(AppliedMigrations)
        for item in self.resources(now):
            bindings = [found for found in item.references if isinstance(found, D1Database)]
            known = {name for binding in bindings for name in binding.migrations}
            had = (applied[name].names for name in (i.binding for i in bindings) if name in applied)
            if others := sorted(frozenset[str]().union(*had) - known - {SEED}):
                yield item.name, others

    def is_changed_by_deployment(self, desired: DesiredState) -> bool:
        """A deployment applies migrations."""
        return any(item.migrations for item in desired.all(D1Database))

    def update(self, changing: Changing, action: Action) -> None:
        [binding] = action.bindings
        databases = changing.desired.all(D1Database)
        directory = next(i.source.directory for i in databases if i.binding == binding)
        with naming_the_file(action.name, changing.root, directory):
            words = ("d1", "migrations", "apply", binding, "--remote")
            changing.commands.change(f"can't apply the migrations of {binding}", *words)

    def delete(self, changing: Changing, action: Action) -> None:
        """By its UUID: wrangler would look up a name in the configuration first, and delete the
        database with the id there."""
        changing.commands.delete("d1 delete", action.id, "--skip-confirmation")


def _had(database: str, files: list[str]) -> str:
    return f"{database} has had {', '.join(files)}, which this checkout does not have"


def _wanted(scope: Scope, table: Mapping[str, object]) -> D1Database:
    project = scope.project
    binding = scope.text(table, "binding", D1.table)
    named = str(table.get("database_name") or "")
    if _UUID.fullmatch(named):
        raise ProjectError(
            f"database_name {named!r} of {binding} is an id, not a name",
            path=project.config_path,
            hint=f'Move it to database_id = "{named}", and set database_name to a name.',
        )
    try:
        source = migrations_of(table)
    except ValueError as error:
        raise ProjectError(str(error), path=project.config_path) from None
    name = named or scope.default_name(binding)
    return D1Database(
        name=name,
        binding=binding,
        id=D1.told_by(table),
        migrations=source.names(project.root),
        migrations_table=str(table.get("migrations_table") or "d1_migrations"),
        source=source,
        named=bool(named),
        jurisdiction=str(table.get("jurisdiction") or ""),
        location=project.data_location("d1", name).location,
    )


def _migrations(
    database: Resource, after: Action, applied: Mapping[str, AppliedMigrations]
) -> Iterator[Action]:
    """The migrations of a database's bindings; bindings with the same migrations count once."""
    bindings = [item for item in database.references if isinstance(item, D1Database)]
    first: dict[tuple[object, str], D1Database] = {}
    for item in bindings:
        if item.migrations:
            first.setdefault((item.source, item.migrations_table), item)
    for number, ((_, table), item) in enumerate(first.items()):
        twins = (i.binding for i in bindings if i.migrations_table == table)
        had = next((applied[name].names for name in twins if name in applied), frozenset[str]())
        pending = tuple(name for name in item.migrations if name not in had)
        do, reason = Do.UPDATE, f"pending: {', '.join(pending)}"
        if clash := _clash(item, pending, first.values()):
            do, reason = Do.CONFLICT, clash
        elif not pending:
            do, reason = Do.KEEP, "all applied"
        yield Action(
            do,
            "d1_migrations",
            f"{database.name}/{item.binding}" if number else database.name,
            reason,
            (after.key,),
            id=database.id,
            bindings=(item.binding,),
            files=pending,
        )


def _clash(item: D1Database, pending: tuple[str, ...], all_: Iterable[D1Database]) -> str:
    """Why a pending migration would never be applied, or another one: the table knows names."""
    for other in all_:
        same = set(pending).intersection(other.migrations)
        apart = other.source.directory != item.source.directory
        if apart and other.migrations_table == item.migrations_table and same:
            name = min(same)
            mine, theirs = (Path(i.source.directory, name).as_posix() for i in (item, other))
            return (
                f"{mine} and {theirs} have one name in the table {item.migrations_table}, so only "
                "one of them would be applied: rename one, or give one binding a migrations_table"
            )
    return ""


def _applied(
    reading: Reading, database: D1Database, databases: Future[dict[str, Identified]]
) -> AppliedMigrations | None:
    """The applied migrations of a database; ``None`` if there is no such database.

    Its id may be in the configuration; otherwise it waits for the list of databases.
    """
    database_id = database.id or next(
        (id_ for id_, item in databases.result().items() if item.name == database.name), ""
    )
    if not database_id:
        return None
    table = quoted(database.migrations_table)
    listed = f"SELECT name FROM {table}"  # noqa: S608 (an identifier, quoted)
    path = reading.path(f"d1/database/{database_id}/query")
    try:
        answer = reading.api.request("POST", path, json={"sql": listed})
    except (CloudflareError, NotAuthenticatedError) as error:
        # The id of another account, or no valid id: the plan reports it.
        if database_id not in databases.result():
            return None
        if isinstance(error, NotAuthenticatedError):
            raise
        if error.status == 404:
            return None
        # Before the first migration, the table of migrations does not exist.
        if error.api_code == _SQL_FAILED and "no such table" in error.message:
            return AppliedMigrations(database.binding, frozenset())
        raise
    rows = answer["result"][0]["results"]
    return AppliedMigrations(database.binding, frozenset(row["name"] for row in rows))
