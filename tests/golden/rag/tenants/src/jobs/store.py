"""Jobs as requests see them: see ``deliveries.py`` for the rest of a job's life."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jobs.job import Charset, Job, Result, Source, Status, WebhookState

if TYPE_CHECKING:
    from bindings import D1Database, D1Statement

JOBS = (
    "SELECT j.id, j.status, j.name, j.media_type, j.url, j.attempts, j.error, j.created_at, "
    "j.updated_at, j.due_at, r.operation, r.summary, r.characters, r.model, "
    "r.charset, r.charset_guessed, j.webhook, w.status AS webhook_status, "
    "w.attempts AS webhook_attempts, w.error AS webhook_error "
    "FROM jobs j LEFT JOIN results r ON r.job_id = j.id "
    "LEFT JOIN webhooks w ON w.job_id = j.id "
)


class JobStore:
    """The database, seen as what requests do with jobs."""

    def __init__(self, database: D1Database) -> None:
        self._database = database

    async def receive(
        self,
        job_id: str,
        owner: str,
        source: Source,
        key: str | None,
        fingerprint: str,
        webhook: str | None = None,
    ) -> bool:
        """Note a new job; ``False`` if the owner has used ``key`` before."""
        row = await self._bound(
            "INSERT INTO jobs (id, owner, status, name, media_type, url, idempotency_key, "
            "fingerprint, webhook) VALUES (?, ?, 'received', ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (owner, idempotency_key) DO NOTHING RETURNING id",
            *(job_id, owner, source.name, source.media_type, source.url, key, fingerprint),
            webhook,
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
        """Drop a job whose upload failed, so that the client can send the same request again.

        Not if another request with its key has taken it over: that one may be at its end.
        """
        await self._bound(
            "DELETE FROM jobs WHERE id = ? AND status = 'received' AND lease IS NULL", job_id
        ).run()

    async def get(self, owner: str, job_id: str) -> Job | None:
        """A job of this owner."""
        row = await self._bound(f"{JOBS} WHERE j.owner = ? AND j.id = ?", owner, job_id).first()
        return job_of(row) if row else None

    def _bound(self, sql: str, *values: str | int | None) -> D1Statement:
        return self._database.prepare(sql).bind(*values)


def job_of(row: Mapping[str, Any]) -> Job:
    """The job in a row of ``JOBS``."""
    result = webhook = None
    if row["operation"] is not None:
        charset = Charset(row["charset"], bool(row["charset_guessed"])) if row["charset"] else None
        result = Result(row["operation"], row["summary"], row["characters"], row["model"], charset)
    if row["webhook"] is not None:
        status, attempts = row["webhook_status"] or "waiting", row["webhook_attempts"] or 0
        webhook = WebhookState(row["webhook"], status, attempts, row["webhook_error"])
    return Job(
        id=row["id"],
        status=Status(row["status"]),
        source=Source(row["name"], row["media_type"], row["url"]),
        attempts=row["attempts"],
        error=row["error"],
        due_at=row["due_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        result=result,
        webhook=webhook,
    )
