"""What jobs stand on: the database, the bucket, the queue, and a way out to the web."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.deliveries import Deliveries
from jobs.fetching import Accepted, Fetch, fetch_file
from jobs.job import Claim, Result, Unprocessable, object_key
from jobs.webhooks import Webhooks

if TYPE_CHECKING:
    from bindings import D1Database, Queue, R2Bucket


@dataclass(frozen=True)
class JobBindings:
    """What jobs need of Cloudflare, as the Workers SDK wraps it, and a way out.

    ``service_error`` is what Cloudflare's services raise.
    """

    database: D1Database
    bucket: R2Bucket
    queue: Queue
    fetch: Fetch
    service_error: type[Exception]


class JobServices(ABC):
    """The services of jobs, for one event.

    Args:
        bindings: The services.
        allowed_hosts: The hosts that files may be fetched from; empty: any public host.
        accepted: The files that may be fetched.
        webhooks: What announces jobs that are finished; ``None``: nothing does.
    """

    def __init__(
        self,
        bindings: JobBindings,
        allowed_hosts: Set[str],
        accepted: Accepted,
        webhooks: Webhooks | None = None,
    ) -> None:
        self.bucket = bindings.bucket
        self.deliveries = Deliveries(bindings.database)
        self.allowed_hosts = allowed_hosts
        self.webhooks = webhooks
        self.service_error = bindings.service_error
        self._queue = bindings.queue
        self._fetch = bindings.fetch
        self._accepted = accepted

    @abstractmethod
    async def result(self, claim: Claim) -> Result:
        """Do the work of a job.

        Raises:
            Unprocessable: Nothing will ever come of it. After any other error it is tried again.
        """

    async def enqueue(self, *job_ids: str) -> None:
        """Have somebody work on the jobs, at most 100. Twice is harmless."""
        await self._queue.sendBatch([{"body": {"job": job_id}} for job_id in job_ids])

    async def announce(self, *job_ids: str) -> None:
        """Have the webhooks of finished jobs sent, at most 100. Twice is harmless."""
        bodies = [{"job": job_id, "webhook": True} for job_id in job_ids]
        await self._queue.sendBatch([{"body": body} for body in bodies])

    async def read_file(self, claim: Claim) -> tuple[bytes, str]:
        """A job's file and its media type; one at an address is stored first, for the next time.

        Raises:
            Unprocessable: There is none, or it can't be had.
        """
        source, key = claim.source, object_key(claim.job_id)
        if source.media_type is not None:
            stored = await self.bucket.get(key)
            if stored is not None:
                return bytes(await stored.bytes()), source.media_type
        if source.url is None:
            raise Unprocessable(
                "The file is gone: a rule of its bucket deleted it, or its upload was cut off. "
                "Send it again."
            )
        file = await fetch_file(self._fetch, source.url, self.allowed_hosts, self._accepted)
        data, media_type = file
        await self.bucket.put(key, data)
        await self.deliveries.stored(claim, media_type)
        return data, media_type
