"""What the application stands on: Cloudflare's services, behind what it does with them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from jobs.fetching import Accepted
from jobs.job import Claim, Result
from jobs.services import JobBindings, JobServices
from pipeline.limits import MAX_FILE_BYTES, PARALLEL_CALLS
from pipeline.model import Model
from pipeline.operations import OPERATIONS
from pipeline.settings import Settings
from pipeline.store import Store
from pipeline.texts import extract, fetched_type

if TYPE_CHECKING:
    from bindings import AI, RateLimit


@dataclass(frozen=True)
class Bindings(JobBindings):
    """What Cloudflare gives the Worker, as the Workers SDK wraps it, and a way out."""

    ai: AI
    rate_limiter: RateLimit


class Services(JobServices):
    """The bindings of one deployment by its settings, for one event."""

    def __init__(self, bindings: Bindings, settings: Settings) -> None:
        accepted = Accepted(MAX_FILE_BYTES, fetched_type)
        super().__init__(bindings, settings.allowed_hosts, accepted)
        self.rate_limiter = bindings.rate_limiter
        self.store = Store(bindings.database)
        self.operation = settings.operation
        self._ai = bindings.ai
        self._model_name = settings.summary_model
        self._model_slots = asyncio.Semaphore(PARALLEL_CALLS)

    async def result(self, claim: Claim) -> Result:
        """Read a job's file, and do with it what OPERATION says."""
        pieces = await self.read_pieces(claim)
        model = await self.model(claim)
        text = await OPERATIONS[self.operation](model, pieces)
        return Result(self.operation, text, sum(map(len, pieces)), model.name)

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
        return extract(*await self.read_file(claim))
