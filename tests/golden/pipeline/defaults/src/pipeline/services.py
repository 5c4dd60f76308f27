"""What the application stands on: Cloudflare's services, behind what it does with them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pipeline.deliveries import Deliveries
from pipeline.fetching import Fetch, fetch_file
from pipeline.jobs import Claim, Unprocessable, object_key
from pipeline.limits import PARALLEL_CALLS
from pipeline.model import Model
from pipeline.settings import Settings
from pipeline.store import Store
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
    """The bindings of one deployment by its settings, for one event."""

    def __init__(self, bindings: Bindings, settings: Settings) -> None:
        self.bucket = bindings.bucket
        self.rate_limiter = bindings.rate_limiter
        self.store = Store(bindings.database)
        self.deliveries = Deliveries(bindings.database)
        self.operation = settings.operation
        self.allowed_hosts: Set[str] = settings.allowed_hosts
        self._ai = bindings.ai
        self._model_name = settings.summary_model
        self._model_slots = asyncio.Semaphore(PARALLEL_CALLS)
        self._queue = bindings.queue
        self._fetch = bindings.fetch

    async def enqueue(self, *job_ids: str) -> None:
        """Have somebody work on the jobs, at most 100. Twice is harmless."""
        await self._queue.sendBatch([{"body": {"job": job_id}} for job_id in job_ids])

    async def model(self, claim: Claim) -> Model:
        """The model for one job, with what it has answered before."""
        answers = await self.deliveries.answers(claim)
        keep = partial(self.deliveries.keep_answer, claim)
        return Model(self._ai, self._model_name, self._model_slots, answers, keep)

    async def read_pieces(self, claim: Claim) -> Sequence[str]:
        """The text that a job is about.

        Raises:
            Unprocessable: There is none, or it can't be had.
        """
        return extract(*await self._read_file(claim))

    async def _read_file(self, claim: Claim) -> tuple[bytes, str]:
        """A job's file and its media type; one at an address is stored first, for the next time."""
        source, key = claim.source, object_key(claim.job_id)
        if source.media_type is not None:
            stored = await self.bucket.get(key)
            if stored is not None:
                return bytes(await stored.bytes()), source.media_type
        if source.url is None:
            raise Unprocessable("The upload was cut off before the file was stored.")
        data, media_type = await fetch_file(self._fetch, source.url, self.allowed_hosts)
        await self.bucket.put(key, data)
        await self.deliveries.stored(claim, media_type)
        return data, media_type
