"""What requests do with jobs in D1: see ``deliveries.py`` for the rest of a job's life."""

from dataclasses import dataclass

from jobs.job import Job, Status
from jobs.limits import UPLOAD_SECONDS
from jobs.store import JOBS, JobStore, job_of
from pipeline.limits import MAX_PAGE_CHARS, TAKE_OVER_SECONDS

# Jobs from the newest on, with how many there are without the limit of their results.
_PAGE = """
SELECT * FROM (
  SELECT *, count(*) OVER () AS found, sum(size) OVER newest_first - size AS before
  FROM (SELECT *, ifnull(length(summary), 0) AS size FROM ({jobs}))
  WINDOW newest_first AS (ORDER BY created_at DESC, id DESC)
)
WHERE before <= ? ORDER BY created_at DESC, id DESC
"""
_STALE = "(status = 'failed' OR status = 'received' AND updated_at < unixepoch() - ?)"
# All attempts are its own once more.
_BEGINNING = "attempts = 0, crashes = 0, bad_answers = 0, sweeps = 0, error = NULL"
# The sweep sends the message, unless somebody else does first.
_RETRY = (
    f"UPDATE jobs SET status = 'queued', {_BEGINNING}, "
    "due_at = unixepoch(), updated_at = unixepoch()"
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
    # It failed, or its upload was cut off: the same request takes it over.
    stale: bool
    # Its upload is still under way, as far as anyone knows.
    pending: bool
    # It waits for a message, which may be lost.
    queued: bool


class Store(JobStore):
    """The database, seen as what this application does with it."""

    async def earlier(self, owner: str, key: str) -> Earlier | None:
        """The job that the owner has named ``key``."""
        row = await self._bound(
            "SELECT id, fingerprint, status = 'received' AS pending, "
            f"status = 'queued' AND due_at IS NULL AS queued, {_STALE} AS stale FROM jobs "
            "WHERE owner = ? AND idempotency_key = ?",
            *(TAKE_OVER_SECONDS, owner, key),
        ).first()
        if row is None:
            return None
        stale, queued = bool(row["stale"]), bool(row["queued"])
        pending = bool(row["pending"]) and not stale
        return Earlier(row["id"], row["fingerprint"], stale, pending, queued)

    async def take_over(self, job_id: str) -> bool:
        """Begin a job again whose upload or work came to nothing; ``False`` if others do.

        The lease keeps the first request from dropping the job, if that one fails only now.
        """
        row = await self._bound(
            f"UPDATE jobs SET status = 'received', {_BEGINNING}, "
            "lease = 'upload', due_at = NULL, updated_at = unixepoch() "
            f"WHERE id = ? AND {_STALE} RETURNING id",
            *(job_id, TAKE_OVER_SECONDS),
        ).first()
        return row is not None

    async def retry(self, owner: str, job_id: str) -> bool:
        """Have a job that failed, or that waits, worked on now; ``False`` if it does neither.

        Its message may be lost, or held back by the queue: then that one finds nothing to do. An
        upload that has taken this long was cut off, perhaps after the file was stored.
        """
        row = await self._bound(
            f"{_RETRY} WHERE owner = ? AND id = ? AND (status IN ('failed', 'queued') "
            "OR status = 'received' AND updated_at < unixepoch() - ? "
            "OR status = 'processing' AND leased_until < unixepoch()) RETURNING id",
            *(owner, job_id, UPLOAD_SECONDS),
        ).first()
        return row is not None

    async def retry_failed(self, owner: str) -> int:
        """Have all of the owner's jobs that failed, or wait after an error, worked on now.

        Returns:
            How many these are.
        """
        result = await self._bound(
            f"{_RETRY} WHERE owner = ? "
            "AND (status = 'failed' OR status = 'queued' AND error IS NOT NULL)",
            owner,
        ).run()
        return int(result["meta"]["changes"])

    async def page(
        self, owner: str, status: Status | None, after: Position | None, limit: int
    ) -> tuple[list[Job], bool]:
        """At most ``limit`` of the owner's jobs, the newest first, and whether there may be more.

        They are fewer if their results have more than ``MAX_PAGE_CHARS``, but never none.
        """
        conditions, values = ["j.owner = ?"], [owner]
        if status:
            conditions.append("j.status = ?")
            values.append(status.value)
        bounds: list[int | str] = []
        if after:
            conditions.append("(j.created_at, j.id) < (?, ?)")
            bounds = [after.created_at, after.id]
        jobs = (
            f"{JOBS} WHERE {' AND '.join(conditions)} ORDER BY j.created_at DESC, j.id DESC LIMIT ?"
        )
        result = await self._bound(
            _PAGE.format(jobs=jobs), *values, *bounds, limit, MAX_PAGE_CHARS
        ).all()
        rows = result["results"]
        found = rows[0]["found"] if rows else 0
        return [job_of(row) for row in rows], found == limit or found > len(rows)

    async def delete(self, owner: str, job_id: str) -> bool:
        """Delete a job of this owner with its result; ``False`` if there is none."""
        row = await self._bound(
            "DELETE FROM jobs WHERE owner = ? AND id = ? RETURNING id", owner, job_id
        ).first()
        return row is not None

    async def check(self) -> None:
        """Fail if the database can't be read, or was never migrated."""
        await self._database.prepare("SELECT 1 FROM jobs LIMIT 1").first()
