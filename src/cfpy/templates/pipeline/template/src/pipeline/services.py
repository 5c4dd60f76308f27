"""What the application stands on: Cloudflare's services, behind what it does with them."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.fetching import Fetch, fetch_file
from pipeline.jobs import Source, Unprocessable, object_key
from pipeline.settings import Settings
from pipeline.store import Store
from pipeline.summaries import Summariser
from pipeline.texts import extract

if TYPE_CHECKING:
    from bindings import AI, D1Database, Queue, R2Bucket, RateLimit


@dataclass(frozen=True)
class Bindings:
    """What Cloudflare gives the Worker, as the Workers SDK wraps it, and a way out."""

    ai: AI
    database: D1Database
    bucket: R2Bucket
    queue: Queue
    rate_limiter: RateLimit
    fetch: Fetch


class Services:
    """The bindings of one deployment, by its settings."""

    def __init__(self, bindings: Bindings, settings: Settings) -> None:
        self.bucket = bindings.bucket
        self.rate_limiter = bindings.rate_limiter
        self.store = Store(bindings.database)
        self.summariser = Summariser(bindings.ai, settings.summary_model)
        self.allowed_hosts: Set[str] = settings.allowed_hosts
        self._queue = bindings.queue
        self._fetch = bindings.fetch

    async def enqueue(self, job_id: str) -> None:
        """Have somebody work on the job. Twice is harmless."""
        await self._queue.send({"job": job_id})

    async def read_text(self, job_id: str, source: Source) -> str:
        """The text that a job is about.

        Raises:
            Unprocessable: There is none, or it can't be had.
        """
        if source.url is not None:
            data, media_type = await fetch_file(self._fetch, source.url, self.allowed_hosts)
            return extract(data, media_type)
        stored = await self.bucket.get(object_key(job_id))
        if stored is None or source.media_type is None:
            raise Unprocessable("The upload was cut off before the file was stored.")
        return extract(bytes(await stored.bytes()), source.media_type)
