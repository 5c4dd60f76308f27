"""``cfpy data pull``: copies a remote D1 database, or a sample of it, into the local runtime.

Rows are read by queries and masked in memory, so that no file ever has what is masked. They go into
a new SQLite file next to the local database, which replaces it when it is complete. Both runtimes
use that database.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cfpy.account.backups.dump import rebuild
from cfpy.account.backups.folder import write
from cfpy.account.backups.targets import Target, refuse_missing, targets
from cfpy.account.session import Session, open_session
from cfpy.account.tables import Schema, Table, Tables
from cfpy.bindings.environments import effective
from cfpy.bindings.kinds.d1 import D1
from cfpy.errors import FilesystemError, UsageError
from cfpy.local.data_lock import alone_with
from cfpy.local.kept_data import database_file
from cfpy.local.local_data import databases
from cfpy.local.pulled_masks import masks_of
from cfpy.local.pulled_rows import Numbered, Wanted, mask_row, masked_columns, rows
from cfpy.project.git_ignored import ignore_in_git
from cfpy.project.masks import seems_personal
from cfpy.project.sql_statements import quoted
from cfpy.tools.context import Context
from cfpy.tools.invocation import command

_PARTIAL = ".cfpy-partial"


@dataclass(frozen=True)
class PullRequest:
    """``binding`` is empty if there is only one database. ``into`` is the environment whose local
    database is replaced, ``persist_to`` the directory of the local data, ``masks`` are columns as
    ``table.column``, in addition to those in ``cfpy.toml``."""

    root: Path
    environment: str
    binding: str = ""
    into: str = ""
    wanted: Wanted = field(default_factory=Wanted)
    masks: tuple[str, ...] = ()
    persist_to: Path | None = None
    config: Path | None = None


@dataclass(frozen=True)
class PullPlan:
    """What a pull does. ``replaces`` is whether there is a local database; ``masked`` and
    ``unmasked`` are columns as ``table.column``: the latter look personal, and are not masked."""

    source: Target
    worker: str
    account_id: str
    file: Path
    replaces: bool
    masked: tuple[str, ...]
    unmasked: tuple[str, ...]
    empty: tuple[str, ...]


@dataclass(frozen=True)
class Pulled:
    """What the local database has now: rows by table. ``orphans`` counts rows whose parent is
    missing in the remote database, too."""

    plan: PullPlan
    rows: Mapping[str, int]
    orphans: int


def pull(ctx: Context, request: PullRequest, confirm: Callable[[PullPlan], bool]) -> Pulled | None:
    """Copy a remote database into the local one.

    Args:
        ctx: The tools of the run.
        request: What to copy.
        confirm: Called before the first row is read; if it returns false, nothing changes.

    Returns:
        What was copied, or ``None`` if it was not confirmed.

    Raises:
        UsageError: There is no such database, table or column, ``cfpy dev`` runs, or a masked value
            breaks a rule of its table. The local data was not changed.
        CloudflareError: The API can't be reached, or fails. The local data was not changed.
        FilesystemError: The new database can't be written. The local data was not changed.
    """
    session = open_session(ctx, request.root, request.environment, request.config)
    source = _source(session, request.binding)
    state = (request.persist_to or session.project.root / ".wrangler" / "state").resolve()
    file = database_file(state, "d1", _local_id(session, source.binding, request.into))
    tables = Tables(session.account.data, source.id)
    ctx.progress(f"Reading the tables of {source.name}")
    schema = tables.schema()
    columns = masked_columns(schema, masks_of(session, source, request.masks))
    plan = _plan(session, source, file, schema, columns)
    with alone_with(state):
        if not confirm(plan):
            return None
        # What follows is not for git: rows, and the key of their fakes.
        (session.project.root / ".wrangler").mkdir(exist_ok=True)
        ignore_in_git(session.project.root / ".wrangler", session.project.root)
        key = _mask_key(session.project.root / ".wrangler" / "cfpy") if columns else b""
        pulling = _Pulling(ctx, tables, schema, columns, key)
        return pulling.into(file, plan, request.wanted, _migrations_table(session, source.binding))


class _Pulling:
    """One pull: ``columns`` are masked with ``key``."""

    def __init__(
        self,
        ctx: Context,
        tables: Tables,
        schema: Schema,
        columns: frozenset[tuple[str, str]],
        key: bytes,
    ) -> None:
        self._ctx = ctx
        self._tables = tables
        self._schema = schema
        self._columns = columns
        self._key = key

    def into(self, file: Path, plan: PullPlan, wanted: Wanted, migrations: str) -> Pulled:
        """Write a new database, then put it in the place of ``file``."""
        with _partial(file) as partial, contextlib.closing(_opened(partial)) as database:
            try:
                counts = self._fill(database, wanted, migrations)
                orphans = len(database.execute("PRAGMA foreign_key_check").fetchall())
                database.commit()
            except sqlite3.IntegrityError as error:
                raise UsageError(
                    f"a masked value breaks a rule of its table: {error}",
                    hint="Do not mask that column, or change the rule. Nothing was changed.",
                ) from None
            except sqlite3.OperationalError as error:
                raise FilesystemError(
                    f"can't write the local database: {error}",
                    hint="The local data was not changed.",
                ) from None
            database.close()
            _put_in_place(partial, file)
        return Pulled(plan, counts, orphans)

    def _fill(self, database: sqlite3.Connection, wanted: Wanted, always: str) -> dict[str, int]:
        for table in self._schema.usual:
            database.execute(table.sql)
        counts = dict.fromkeys((table.name for table in self._schema.usual), 0)

        def on_rows(name: str, number: int) -> None:
            self._ctx.progress(f"Copying {name}: {number} rows")

        for table, found in rows(self._tables, self._schema, wanted, always, on_rows):
            counts[table.name] += self._insert(database, table, found)
        for sql in self._schema.views:
            database.execute(sql)
        for table in self._schema.virtual:
            database.execute(table.sql)
        for table in self._schema.virtual:
            if table.content == "another":
                database.execute(rebuild(table))
            elif table.content == "own" and not self._columns and not wanted.limit:
                self._insert(database, table, self._tables.rows(table))
        for sql in self._schema.later:
            database.execute(sql)
        return counts

    def _insert(self, database: sqlite3.Connection, table: Table, found: Iterator[Numbered]) -> int:
        names = [quoted(name) for name in table.columns]
        given = [table.rowid, *names] if table.numbered else names
        marks = ", ".join("?" * len(given))
        sql = f"INSERT INTO {quoted(table.name)} ({', '.join(given)}) VALUES ({marks})"  # noqa: S608
        count = 0
        for rowid, row in found:
            masked = mask_row(table, row, self._columns, self._key)
            database.execute(sql, (rowid, *masked) if table.numbered else masked)
            count += 1
        return count


def _plan(
    session: Session,
    source: Target,
    file: Path,
    schema: Schema,
    columns: frozenset[tuple[str, str]],
) -> PullPlan:
    migrations = _migrations_table(session, source.binding)

    def named(personal: bool) -> tuple[str, ...]:
        return tuple(
            f"{table.name}.{column}"
            for table in schema.usual
            if not (personal and table.name.lower() == migrations.lower())
            for column in table.columns
            if (
                seems_personal(column) and (table.name.lower(), column.lower()) not in columns
                if personal
                else (table.name.lower(), column.lower()) in columns
            )
        )

    empty = [i.name for i in schema.virtual if i.content == "own" and columns]
    return PullPlan(
        source=source,
        worker=session.desired.worker,
        account_id=session.account.id,
        file=file,
        replaces=file.exists(),
        masked=named(False),
        unmasked=named(True),
        empty=tuple(empty),
    )


def _source(session: Session, binding: str) -> Target:
    found = [target for target in targets(session) if target.kind == "d1"]
    named = [
        target
        for target in found
        if not binding or binding in (target.binding, target.name, *target.others)
    ]
    if len(named) != 1:
        has = ", ".join(target.binding for target in found) or "none"
        what = (
            f"the database {binding} is not bound" if binding else "it is not clear which database"
        )
        raise UsageError(
            f"{what} in this environment", hint=f"Name it with --binding; there are: {has}."
        )
    refuse_missing(named)
    return named[0]


def _local_id(session: Session, binding: str, into: str) -> str:
    entries = D1.entries(effective(session.project.wrangler, into))
    for item in databases(entries, into):
        if item.binding == binding:
            return item.id
    where = f"the environment {into}" if into else "the top level"
    raise UsageError(
        f"{where} does not bind {binding}, so nothing local uses it",
        hint=f"Name with --into the environment for {command('dev')}.",
    )


def _migrations_table(session: Session, binding: str) -> str:
    entries = D1.entries(effective(session.project.wrangler, session.environment))
    entry = next((item for item in entries if item.get("binding") == binding), {})
    return str(entry.get("migrations_table") or "d1_migrations")


def _mask_key(folder: Path) -> bytes:
    """The key of this machine, so that the same value always gets the same fake here."""
    path = folder / "mask.key"
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        write(path, secrets.token_bytes(32))
    key = path.read_bytes()
    if len(key) != 32:
        raise FilesystemError(f"{path} is damaged", hint="Delete it, then run the command again.")
    return key


@contextlib.contextmanager
def _partial(file: Path) -> Iterator[Path]:
    """An empty file for the new database, which only the user can read; removed at the end."""
    path = file.with_name(f"{file.name}{_PARTIAL}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    # What is rolled back would be in a file of its own.
    database.execute("PRAGMA journal_mode = MEMORY")
    database.execute("PRAGMA temp_store = MEMORY")
    return database


def _put_in_place(partial: Path, file: Path) -> None:
    """Replace a database, whose log must not be applied to the new one."""
    if file.exists():
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(file)) as database,
        ):
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        file.with_name(f"{file.name}{suffix}").unlink(missing_ok=True)
    partial.replace(file)
