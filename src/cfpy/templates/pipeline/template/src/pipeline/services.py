"""What the application stands on: Cloudflare's services, behind what it does with them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from jobs.fetching import Accepted
from jobs.job import Charset, Claim, Result, Unprocessable
from jobs.services import JobBindings, JobServices
from jobs.webhooks import Post, Webhooks
from pipeline.documents import ToMarkdown, convert, document_type, is_document
from pipeline.limits import MAX_FILE_BYTES, MAX_RESULT_BYTES, PARALLEL_CALLS
from pipeline.model import Model
from pipeline.operations import OPERATIONS
from pipeline.settings import Settings
from pipeline.store import Store
from pipeline.texts import fetched_type, in_pieces, read_text

if TYPE_CHECKING:
    from bindings import AI, RateLimit


@dataclass(frozen=True)
class Bindings(JobBindings):
    """What Cloudflare gives the Worker, as the Workers SDK wraps it, and a way out."""

    post: Post
    ai: AI
    to_markdown: ToMarkdown
    rate_limiter: RateLimit


class Services(JobServices):
    """The bindings of one deployment by its settings, for one event."""

    def __init__(self, bindings: Bindings, settings: Settings) -> None:
        accepted, hosts = Accepted(MAX_FILE_BYTES, fetched_type), settings.allowed_hosts
        webhooks = Webhooks(bindings.database, bindings.post, settings.webhook_secret, hosts)
        super().__init__(bindings, hosts, accepted, webhooks)
        self.has_webhooks = bool(settings.webhook_secret)
        self.rate_limiter = bindings.rate_limiter
        self.store = Store(bindings.database)
        self.operation = settings.operation
        self._ai = bindings.ai
        self._to_markdown = bindings.to_markdown
        self._model_name = settings.summary_model
        self._model_slots = asyncio.Semaphore(PARALLEL_CALLS)

    async def result(self, claim: Claim) -> Result:
        """Read a job's file, and do with it what OPERATION says."""
        model = await self.model(claim)
        pieces, charset = await self.read_pieces(claim, model)
        text = await OPERATIONS[self.operation](model, pieces)
        if (size := len(text.encode())) > MAX_RESULT_BYTES:
            raise Unprocessable(
                f"The {self.operation} has {size:,} bytes, and only {MAX_RESULT_BYTES:,} can be "
                "stored. Send the file in smaller parts."
            )
        return Result(self.operation, text, sum(map(len, pieces)), model.name, charset)

    async def model(self, claim: Claim) -> Model:
        """The model for one job, with what it has answered before."""
        answers = await self.deliveries.answers(claim)
        keep = partial(self.deliveries.keep_answer, claim)
        return Model(self._ai, self._model_name, self._model_slots, answers, keep)

    async def read_pieces(self, claim: Claim, model: Model) -> tuple[list[str], Charset | None]:
        """The text that a job is about, and how its file is written, if that is text.

        Raises:
            Unprocessable: There is none, or it can't be had.
            NotConvertedYet: Workers AI could not read the file this time.
        """
        data, media_type = await self.read_file(claim)
        # What is in a file counts more than its name, which may be wrong.
        document = document_type(data)
        if document is None and is_document(media_type):
            raise Unprocessable(f"The file is no {media_type}.")
        if document is None:
            return read_text(data, media_type)
        text = await model.once(data, lambda: convert(self._to_markdown, data, document))
        return in_pieces([text]), None
