"""D1 databases, and the migrations that they have."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace

from cfpy.account.observed import Found, ObservedState
from cfpy.account.owned import kind
from cfpy.account.owned.kind import Answers, Reading
from cfpy.account.plan import Action
from cfpy.account.resources import D1Database, DesiredState
from cfpy.account.wrangler import Wrangler
from cfpy.bindings.kinds.d1 import D1
from cfpy.errors import CloudflareError, NotAuthenticatedError
from cfpy.project.project import Project

_SQL_FAILED = 7500


def read(reading: Reading, desired: DesiredState) -> Answers:
    databases = reading.listed(desired.databases, _databases)
    applied = {
        item.binding: reading.pool.submit(_applied, reading, item, databases)
        for item in desired.databases
        if item.migrations
    }

    def answers(observed: ObservedState) -> ObservedState:
        return replace(observed, databases=databases.result(), applied=kind.there(applied))

    return answers


def create(wrangler: Wrangler, _: Project, action: Action) -> None:
    kind.create(D1, wrangler, action)


def exists(observed: ObservedState, _: str, action: Action) -> bool:
    return action.id in observed.databases


def delete(wrangler: Wrangler, _: str, action: Action) -> None:
    kind.delete(D1, wrangler, action)


def _databases(reading: Reading) -> dict[str, Found]:
    return {
        item["uuid"]: Found(item["name"], kind.jurisdiction(item))
        for item in reading.api.pages(reading.path("d1/database"))
    }


def _applied(
    reading: Reading, database: D1Database, databases: Future[Mapping[str, Found]]
) -> frozenset[str] | None:
    """The applied migrations of a database; ``None`` if there is no such database.

    Its id may be in the configuration; otherwise it waits for the list of databases.
    """
    database_id = database.id or next(
        (id_ for id_, item in databases.result().items() if item.name == database.name), ""
    )
    if not database_id:
        return None
    table = database.migrations_table.replace('"', '""')
    listed = f'SELECT name FROM "{table}"'  # noqa: S608 (an identifier, quoted)
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
            return frozenset()
        raise
    return frozenset(row["name"] for row in answer["result"][0]["results"])
