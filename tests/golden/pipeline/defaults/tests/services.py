"""Cloudflare's services in plain Python, as far as every Worker needs them: real SQL, a limiter.

They take and refuse what the Workers SDK's wrappers do. A ``Fuse`` makes all of them fail from a
given call on, as if the Worker had been cut off there.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MIGRATIONS = Path(__file__).parent.parent / "migrations"
TOKEN = "a-token-of-the-tests"


class ServiceError(Exception):
    """What a failing service raises."""


class Fuse:
    """Counts the calls of all services; from call ``blows_at`` on every call fails.

    With ``after`` the call that blows it takes effect first, as when only its reply is lost.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.blows_at = math.inf
        self.after = False

    def before_call(self) -> None:
        self.calls += 1
        if self.calls > self.blows_at or (self.calls == self.blows_at and not self.after):
            raise ServiceError("3040: Capacity temporarily exceeded")

    def after_call(self) -> None:
        if self.calls >= self.blows_at:
            raise ServiceError("the reply was lost")


class FakeD1:
    """SQLite, which is what D1 is."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA foreign_keys = ON")
        for path in sorted(MIGRATIONS.glob("*.sql")):
            self.connection.executescript(path.read_text())

    def prepare(self, sql: str) -> FakeStatement:
        return FakeStatement(self, sql, ())

    async def batch(self, statements: Sequence[FakeStatement]) -> list[dict[str, Any]]:
        """One transaction, and one call."""
        await asyncio.sleep(0)
        self.fuse.before_call()
        with self.connection:
            self.connection.execute("BEGIN")
            results = [statement.execute() for statement in statements]
        self.fuse.after_call()
        return results

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Look behind the application's back."""
        return [dict(row) for row in self.connection.execute(sql)]


@dataclass(frozen=True)
class FakeStatement:
    database: FakeD1
    sql: str
    values: tuple[Any, ...]

    def bind(self, *values: Any) -> FakeStatement:
        assert len(values) <= 100
        assert all(value is None or isinstance(value, str | int | float) for value in values)
        assert all(len(value.encode()) <= 2_000_000 for value in values if isinstance(value, str))
        return FakeStatement(self.database, self.sql, values)

    async def run(self) -> dict[str, Any]:
        return await self.all()

    async def first(self) -> dict[str, Any] | None:
        return next(iter((await self.all())["results"]), None)

    async def all(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        self.database.fuse.before_call()
        result = self.execute()
        self.database.fuse.after_call()
        return result

    def execute(self) -> dict[str, Any]:
        cursor = self.database.connection.execute(self.sql, self.values)
        rows = [dict(row) for row in cursor.fetchall()]
        return {"results": rows, "meta": {"changes": max(cursor.rowcount, 0)}}


@dataclass(frozen=True)
class FakePiece:
    """A piece of a JavaScript stream, and what its reader wraps it in."""

    done: bool
    data: bytes

    @property
    def value(self) -> FakePiece:
        return self

    def to_bytes(self) -> bytes:
        return self.data


class FakeLimiter:
    def __init__(self) -> None:
        self.left = 1000
        self.keys: set[str] = set()

    async def limit(self, options: Mapping[str, str]) -> dict[str, bool]:
        self.keys.add(options["key"])
        self.left -= 1
        return {"success": self.left >= 0}


async def pieces(data: bytes) -> Any:
    """A request body as it comes from the network."""
    for start in range(0, len(data), 1000):
        yield FakePiece(done=False, data=data[start : start + 1000])
