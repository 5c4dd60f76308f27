"""Jobs and their results in D1. The tables are described in ``migrations/``.

Every change of a job's status is one statement that says in its WHERE which statuses it may follow:
two deliveries, a sweep and a request can meet here in any order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.jobs import Claim, Job, Result, Source, Status
from pipeline.limits import (
    LEASE_SECONDS,
    QUEUED_SECONDS,
    SWEEP_JOBS,
    TAKE_OVER_SECONDS,
    UPLOAD_SECONDS,
)

if TYPE_CHECKING:
    from bindings import D1Database, D1Statement

_JOBS = (
    "SELECT j.id, j.status, j.name, j.media_type, j.url, j.attempts, j.error, j.created_at, "
    "j.updated_at, r.summary, r.characters, r.model "
    "FROM jobs j LEFT JOIN results r ON r.job_id = j.id "
)


@dataclass(frozen=True)
class Position:
    """A place in a list of jobs: the last one of a page."""

    created_at: int
    id: str


@dataclass(frozen=True)
class Earlier:
    """The job that an idempotency key has named before."""

    id: str
    fingerprint: str
    # Its upload seems to be interrupted: a client that sends the same again may take it over.
    abandoned: bool
    # Its upload is still under way, as far as anyone knows.
    pending: bool


@dataclass(frozen=True)
class Stuck:
    """A job that nothing has happened to for too long."""

    id: str
    url: str | None
    status: Status
    sweeps: int


class Store:
    """The database, seen as what this application does with it."""

    def __init__(self, database: D1Database) -> None:
        self._database = database

    async def receive(
        self, job_id: str, owner: str, source: Source, key: str | None, fingerprint: str
    ) -> bool:
        """Note a new job; ``False`` if the owner has used ``key`` before."""
        row = await self._bound(
            "INSERT INTO jobs (id, owner, status, name, media_type, url, idempotency_key, "
            "fingerprint) VALUES (?, ?, 'received', ?, ?, ?, ?, ?) "
            "ON CONFLICT (owner, idempotency_key) DO NOTHING RETURNING id",
            *(job_id, owner, source.name, source.media_type, source.url, key, fingerprint),
        ).first()
        return row is not None

    async def earlier(self, owner: str, key: str) -> Earlier | None:
        """The job that the owner has named ``key``."""
        row = await self._bound(
            "SELECT id, fingerprint, status = 'received' AS pending, "
            "updated_at < unixepoch() - ? AS old FROM jobs WHERE owner = ? AND idempotency_key = ?",
            *(TAKE_OVER_SECONDS, owner, key),
        ).first()
        if row is None:
            return None
        pending, old = bool(row["pending"]), bool(row["old"])
        return Earlier(row["id"], row["fingerprint"], pending and old, pending and not old)

    async def take_over(self, job_id: str) -> bool:
        """Go on with an upload that was cut off; ``False`` if somebody else does."""
        row = await self._bound(
            "UPDATE jobs SET updated_at = unixepoch() WHERE id = ? AND status = 'received' "
            "AND updated_at < unixepoch() - ? RETURNING id",
            *(job_id, TAKE_OVER_SECONDS),
        ).first()
        return row is not None

    async def queued(self, job_id: str) -> None:
        """The job's message is out. (A fast consumer may have it already.)"""
        await self._bound(
            "UPDATE jobs SET status = 'queued', updated_at = unixepoch() "
            "WHERE id = ? AND status = 'received'",
            job_id,
        ).run()

    async def forget(self, job_id: str) -> None:
        """Drop a job whose upload failed, so that the client can send the same request again."""
        await self._bound("DELETE FROM jobs WHERE id = ? AND status = 'received'", job_id).run()

    async def claim(self, job_id: str, worker: str, lease: str) -> Claim | None:
        """Take the job for one delivery, unless it is finished or another works on it.

        Args:
            job_id: The job.
            worker: The message's id. When a message comes again, its earlier delivery is dead.
            lease: Names this delivery: an earlier one that is alive after all loses its claim.
        """
        row = await self._bound(
            "UPDATE jobs SET status = 'processing', worker = ?, lease = ?, "
            "leased_until = unixepoch() + ?, attempts = attempts + 1, updated_at = unixepoch() "
            "WHERE id = ? AND (status IN ('received', 'queued') OR status = 'processing' "
            "AND (worker = ? OR leased_until < unixepoch())) RETURNING name, media_type, url",
            *(worker, lease, LEASE_SECONDS, job_id, worker),
        ).first()
        if row is None:
            return None
        return Claim(job_id, lease, Source(row["name"], row["media_type"], row["url"]))

    async def publish(self, claim: Claim, result: Result) -> None:
        """Write the result and finish the job, both or neither; nothing if the claim is lost."""
        held = "FROM jobs WHERE id = ? AND lease = ? AND status = 'processing'"
        await self._database.batch(
            [
                self._bound(
                    f"INSERT INTO results (job_id, summary, characters, model) "
                    f"SELECT id, ?, ?, ? {held}",
                    *(result.summary, result.characters, result.model, claim.job_id, claim.lease),
                ),
                self._bound(
                    "UPDATE jobs SET status = 'done', error = NULL, lease = NULL, "
                    "updated_at = unixepoch() "
                    "WHERE id = ? AND lease = ? AND status = 'processing'",
                    *(claim.job_id, claim.lease),
                ),
            ]
        )

    async def release(self, claim: Claim, status: Status, error: str) -> None:
        """Give the job back, ``queued`` for another attempt or ``failed`` for good."""
        await self._bound(
            "UPDATE jobs SET status = ?, error = ?, lease = NULL, updated_at = unixepoch() "
            "WHERE id = ? AND lease = ? AND status = 'processing'",
            *(status.value, error, claim.job_id, claim.lease),
        ).run()

    async def bury(self, job_id: str, error: str) -> None:
        """Give up on a job, unless it is finished or being worked on after all."""
        await self._bound(
            "UPDATE jobs SET status = 'failed', error = coalesce(error, ?), "
            "updated_at = unixepoch() WHERE id = ? AND (status IN ('received', 'queued') "
            "OR status = 'processing' AND leased_until < unixepoch())",
            *(error, job_id),
        ).run()

    async def is_unfinished(self, job_id: str) -> bool:
        """Whether the job exists and still waits for its end."""
        row = await self._bound(
            "SELECT 1 FROM jobs WHERE id = ? AND status NOT IN ('done', 'failed')", job_id
        ).first()
        return row is not None

    async def stuck(self) -> list[Stuck]:
        """Some jobs whose message, or whose uploader, seems to be lost."""
        result = await self._bound(
            "SELECT id, url, status, sweeps FROM jobs "
            "WHERE status = 'received' AND updated_at < unixepoch() - ? "
            "OR status = 'queued' AND updated_at < unixepoch() - ? "
            "OR status = 'processing' AND leased_until < unixepoch() LIMIT ?",
            *(UPLOAD_SECONDS, QUEUED_SECONDS, SWEEP_JOBS),
        ).all()
        return [
            Stuck(row["id"], row["url"], Status(row["status"]), row["sweeps"])
            for row in result["results"]
        ]

    async def swept(self, job_id: str) -> None:
        """The sweep has put the job into the queue once more."""
        await self._bound(
            "UPDATE jobs SET status = 'queued', sweeps = sweeps + 1, updated_at = unixepoch() "
            "WHERE id = ? AND (status IN ('received', 'queued') "
            "OR status = 'processing' AND leased_until < unixepoch())",
            job_id,
        ).run()

    async def without_job(self, ids: Sequence[str]) -> set[str]:
        """Those of ``ids`` that no job has."""
        # As one value, because D1 binds at most 100 a statement.
        result = await self._bound(
            "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT id FROM jobs)",
            json.dumps(list(ids)),
        ).all()
        return {row["value"] for row in result["results"]}

    async def sweep_cursor(self) -> str | None:
        """Where the last sweep stopped in the bucket; ``None`` at its beginning."""
        row = await self._database.prepare("SELECT cursor FROM sweep").first()
        return row["cursor"] if row else None

    async def move_sweep_cursor(self, cursor: str | None) -> None:
        await self._bound(
            "INSERT INTO sweep (id, cursor) VALUES (1, ?) "
            "ON CONFLICT (id) DO UPDATE SET cursor = excluded.cursor",
            cursor,
        ).run()

    async def get(self, owner: str, job_id: str) -> Job | None:
        """A job of this owner."""
        row = await self._bound(f"{_JOBS} WHERE j.owner = ? AND j.id = ?", owner, job_id).first()
        return _job(row) if row else None

    async def page(
        self, owner: str, status: Status | None, after: Position | None, limit: int
    ) -> list[Job]:
        """At most ``limit`` of the owner's jobs, the newest first."""
        conditions, values = ["j.owner = ?"], [owner]
        if status:
            conditions.append("j.status = ?")
            values.append(status.value)
        bounds: list[int | str] = []
        if after:
            conditions.append("(j.created_at, j.id) < (?, ?)")
            bounds = [after.created_at, after.id]
        result = await self._bound(
            f"{_JOBS} WHERE {' AND '.join(conditions)} "
            "ORDER BY j.created_at DESC, j.id DESC LIMIT ?",
            *(*values, *bounds, limit),
        ).all()
        return [_job(row) for row in result["results"]]

    async def delete(self, owner: str, job_id: str) -> bool:
        """Delete a job of this owner with its result; ``False`` if there is none."""
        row = await self._bound(
            "DELETE FROM jobs WHERE owner = ? AND id = ? RETURNING id", owner, job_id
        ).first()
        return row is not None

    async def check(self) -> None:
        """Fail if the database can't be read, or was never migrated."""
        await self._database.prepare("SELECT 1 FROM jobs LIMIT 1").first()

    def _bound(self, sql: str, *values: str | int | None) -> D1Statement:
        return self._database.prepare(sql).bind(*values)


def _job(row: Mapping[str, Any]) -> Job:
    done = row["summary"] is not None
    return Job(
        id=row["id"],
        status=Status(row["status"]),
        source=Source(row["name"], row["media_type"], row["url"]),
        attempts=row["attempts"],
        error=row["error"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        result=Result(row["summary"], row["characters"], row["model"]) if done else None,
    )
