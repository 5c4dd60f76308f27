"""What the consumer and the sweep do with jobs in D1. The tables are described in ``migrations/``.

Every change of a job's status is one statement that says in its WHERE which statuses it may follow:
two deliveries, a sweep and a request can meet here in any order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.job import Claim, Result, Source, Status
from jobs.limits import (
    LEASE_SECONDS,
    MAX_CRASHES,
    MAX_SWEEPS,
    QUEUED_AGAIN_SECONDS,
    QUEUED_SECONDS,
    SWEEP_JOBS,
    UPLOAD_SECONDS,
)

if TYPE_CHECKING:
    from bindings import D1Database, D1Statement

# No delivery works on the job, as far as anyone knows, and it is not finished.
_FREE = "(status IN ('received', 'queued') OR status = 'processing' AND leased_until < unixepoch())"
_HELD = "id = ? AND lease = ? AND status = 'processing'"


@dataclass(frozen=True)
class Stuck:
    """A job that nothing has happened to for too long."""

    id: str
    url: str | None
    status: Status
    sweeps: int


class Deliveries:
    """The database, seen as what happens to a job after it was accepted."""

    def __init__(self, database: D1Database) -> None:
        self._database = database

    async def claim(self, job_id: str, worker: str, lease: str) -> Claim | None:
        """Take the job for one delivery, unless it is finished, waits, or another works on it.

        Args:
            job_id: The job.
            worker: The message's id. When a message comes again, its earlier delivery is dead.
            lease: Names this delivery: an earlier one that is alive after all loses its claim.
        """
        row = await self._bound(
            "UPDATE jobs SET status = 'processing', worker = ?, lease = ?, due_at = NULL, "
            "leased_until = unixepoch() + ?, attempts = attempts + 1, crashes = crashes + 1, "
            "updated_at = unixepoch() "
            "WHERE id = ? AND (status = 'processing' AND worker = ? "
            f"OR {_FREE} AND coalesce(due_at, 0) <= unixepoch()) "
            "RETURNING name, media_type, url, attempts, bad_answers, webhook",
            *(worker, lease, LEASE_SECONDS, job_id, worker),
        ).first()
        if row is None:
            return None
        source = Source(row["name"], row["media_type"], row["url"])
        counts = (row["attempts"], row["bad_answers"])
        return Claim(job_id, lease, source, *counts, row["webhook"] is not None)

    async def stored(self, claim: Claim, media_type: str) -> None:
        """The file at a job's address is in R2 now."""
        await self._bound(
            f"UPDATE jobs SET media_type = ? WHERE {_HELD}",
            *(media_type, claim.job_id, claim.lease),
        ).run()

    async def answers(self, claim: Claim) -> Mapping[str, str]:
        """What the model answered in earlier attempts, by question."""
        result = await self._bound(
            "SELECT question, answer FROM answers WHERE job_id = ?", claim.job_id
        ).all()
        return {row["question"]: row["answer"] for row in result["results"]}

    async def keep_answer(self, claim: Claim, question: str, answer: str) -> None:
        """Remember an answer until the job is finished; nothing if the claim is lost."""
        await self._bound(
            "INSERT INTO answers (job_id, question, answer) "
            f"SELECT id, ?, ? FROM jobs WHERE {_HELD} ON CONFLICT DO NOTHING",
            *(question, answer, claim.job_id, claim.lease),
        ).run()

    async def publish(self, claim: Claim, result: Result) -> None:
        """Write the result and finish the job, both or neither; nothing if the claim is lost."""
        held, charset = (claim.job_id, claim.lease), result.charset
        await self._database.batch(
            [
                self._bound(
                    "INSERT INTO results (job_id, operation, summary, characters, model, charset, "
                    f"charset_guessed) SELECT id, ?, ?, ?, ?, ?, ? FROM jobs WHERE {_HELD}",
                    *(result.operation, result.text, result.characters, result.model),
                    *((charset.name, int(charset.guessed)) if charset else (None, 0)),
                    *held,
                ),
                self._bound(
                    f"DELETE FROM answers WHERE job_id IN (SELECT id FROM jobs WHERE {_HELD})",
                    *held,
                ),
                self._bound(
                    "UPDATE jobs SET status = 'done', error = NULL, lease = NULL, "
                    f"updated_at = unixepoch() WHERE {_HELD}",
                    *held,
                ),
            ]
        )

    async def release(
        self, claim: Claim, error: str, wait: int | None, *, bad_answer: bool
    ) -> None:
        """Give the job back for another attempt.

        Args:
            claim: The delivery that failed.
            error: Why.
            wait: Seconds until the sweep is to send its message; ``None`` if the queue will.
            bad_answer: Whether the reason was an answer of no use.
        """
        await self._bound(
            "UPDATE jobs SET status = 'queued', error = ?, lease = NULL, crashes = 0, "
            "bad_answers = bad_answers + ?, due_at = unixepoch() + ?, updated_at = unixepoch() "
            f"WHERE {_HELD}",
            *(error, int(bad_answer), wait, claim.job_id, claim.lease),
        ).run()

    async def fail(self, claim: Claim, error: str, *, keep_file: bool) -> None:
        """Give up on the job, until somebody asks for a retry.

        Args:
            claim: The delivery that failed.
            error: Why.
            keep_file: Whether a retry is to read what was fetched from the job's address, and not
                to fetch it again.
        """
        await self._bound(
            "UPDATE jobs SET status = 'failed', error = ?, lease = NULL, "
            "media_type = iif(? OR url IS NULL, media_type, NULL), "
            f"updated_at = unixepoch() WHERE {_HELD}",
            *(error, keep_file, claim.job_id, claim.lease),
        ).run()

    async def put_back(self, job_id: str) -> Status | None:
        """The queue has given up on a job's message; return what became of the job.

        The sweep sends it a new one, as the reason may be that D1 was away. Not if its last
        ``MAX_CRASHES`` deliveries were all cut off: that would happen again.
        """
        row = await self._bound(
            "UPDATE jobs SET status = iif(status = 'processing' AND crashes >= ? OR sweeps >= ?, "
            "'failed', 'queued'), sweeps = sweeps + 1, "
            "error = coalesce(error, 'It failed too often.'), "
            f"due_at = unixepoch(), updated_at = unixepoch() WHERE id = ? AND {_FREE} "
            "RETURNING status",
            *(MAX_CRASHES, MAX_SWEEPS, job_id),
        ).first()
        return Status(row["status"]) if row else None

    async def is_unfinished(self, job_id: str) -> bool:
        """Whether the job exists and still waits for its end."""
        row = await self._bound(
            "SELECT 1 FROM jobs WHERE id = ? AND status NOT IN ('done', 'failed')", job_id
        ).first()
        return row is not None

    async def due(self) -> list[str]:
        """Some jobs whose wait is over."""
        result = await self._bound(
            "SELECT id FROM jobs WHERE due_at <= unixepoch() AND status = 'queued' "
            "ORDER BY due_at LIMIT ?",
            SWEEP_JOBS,
        ).all()
        return [row["id"] for row in result["results"]]

    async def sent(self, ids: Sequence[str]) -> None:
        """The messages of jobs that were due are out. (A fast consumer may have them already.)"""
        await self._bound(
            "UPDATE jobs SET due_at = NULL, updated_at = unixepoch() "
            "WHERE id IN (SELECT value FROM json_each(?)) "
            "AND status = 'queued' AND due_at <= unixepoch()",
            json.dumps(list(ids)),
        ).run()

    async def stuck(self) -> list[Stuck]:
        """Some jobs whose message, or whose uploader, seems to be lost."""
        result = await self._bound(
            "SELECT id, url, status, sweeps FROM jobs "
            "WHERE status = 'received' AND updated_at < unixepoch() - ? "
            "OR status = 'queued' AND due_at IS NULL "
            "AND updated_at < unixepoch() - iif(sweeps = 0, ?, ?) "
            "OR status = 'processing' AND leased_until < unixepoch() LIMIT ?",
            *(UPLOAD_SECONDS, QUEUED_SECONDS, QUEUED_AGAIN_SECONDS, SWEEP_JOBS),
        ).all()
        return [
            Stuck(row["id"], row["url"], Status(row["status"]), row["sweeps"])
            for row in result["results"]
        ]

    async def swept(self, job_id: str) -> None:
        """The sweep has put a stuck job into the queue once more."""
        await self._bound(
            "UPDATE jobs SET status = 'queued', sweeps = sweeps + 1, updated_at = unixepoch() "
            f"WHERE id = ? AND {_FREE}",
            job_id,
        ).run()

    async def bury(self, job_id: str, error: str) -> None:
        """Give up on a stuck job."""
        await self._bound(
            "UPDATE jobs SET status = 'failed', error = coalesce(error, ?), "
            f"updated_at = unixepoch() WHERE id = ? AND {_FREE}",
            *(error, job_id),
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

    def _bound(self, sql: str, *values: str | int | None) -> D1Statement:
        return self._database.prepare(sql).bind(*values)
