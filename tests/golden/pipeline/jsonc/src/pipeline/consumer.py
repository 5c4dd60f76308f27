"""Works on jobs as the queue delivers them: at least once, in any order, cut off anywhere."""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pipeline.jobs import Claim, Status, Unprocessable
from pipeline.limits import (
    FIRST_DELAY_SECONDS,
    LEASE_SECONDS,
    MAX_DELAY_SECONDS,
    PARALLEL_JOBS,
)
from pipeline.services import Services
from workers_ai.errors import ai_problem

if TYPE_CHECKING:
    from bindings import Message, MessageBatch

#: What wrangler.jsonc appends to the name of a queue for its dead letters.
DEAD_LETTERS = "-dead-letters"


class Consumer:
    """Both consumers: of the queue, and of its dead letters."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def consume(self, batch: MessageBatch) -> None:
        """Work on a batch; each message is settled by itself, so nothing is raised."""
        handle = self._bury if batch.queue.endswith(DEAD_LETTERS) else self._work
        slots = asyncio.Semaphore(PARALLEL_JOBS)

        async def one(message: Message) -> None:
            async with slots:
                await _settled(handle, message)

        await asyncio.gather(*(one(message) for message in batch.messages))

    async def _work(self, message: Message, job_id: str) -> str:
        """One delivery of a job's message; the word is for the log."""
        store = self._services.store
        claim = await store.claim(job_id, worker=message.id, lease=uuid4().hex)
        if claim is None:
            # Finished, deleted, or in the hands of another message, which the queue still keeps.
            message.ack()
            return "nothing-to-do"
        try:
            await store.publish(claim, await self._result(claim))
        except Unprocessable as error:
            await store.release(claim, Status.FAILED, str(error))
            message.ack()
            raise
        except Exception as error:
            await store.release(claim, Status.QUEUED, explain(error))
            raise
        message.ack()
        return "done"

    async def _result(self, claim: Claim) -> Any:
        text = await self._services.read_text(claim.job_id, claim.source)
        return await self._services.summariser.summarise(text)

    async def _bury(self, message: Message, job_id: str) -> str:
        """A message that the queue has given up on."""
        store = self._services.store
        await store.bury(job_id, "It failed too often.")
        if await store.is_unfinished(job_id):
            # Its last delivery was cut off, and holds the claim until the lease ends.
            message.retry({"delaySeconds": LEASE_SECONDS})
            return "still-claimed"
        message.ack()
        return "buried"


async def _settled(handle: Any, message: Message) -> None:
    """Handle a message; one that fails comes again, later each time."""
    started = time.monotonic()
    log: dict[str, Any] = {"level": "info", "message": message.id, "attempt": message.attempts}
    try:
        # A message of somebody else's making has no job. It is acknowledged like any other that
        # there is nothing to do for.
        body = message.body if isinstance(message.body, Mapping) else {}
        log["job"] = str(body.get("job", ""))
        log["outcome"] = await handle(message, log["job"])
    except Unprocessable as error:
        log |= {"outcome": "failed", "error": str(error)}
        if error.__cause__:
            log |= {"level": "error", "error": "".join(traceback.format_exception(error))}
    except Exception as error:
        message.retry({"delaySeconds": delay_seconds(message.attempts)})
        log |= {"level": "error", "outcome": "retry"}
        log["error"] = "".join(traceback.format_exception(error))
    log["ms"] = round((time.monotonic() - started) * 1000)
    print(json.dumps(log))


def delay_seconds(attempts: int) -> int:
    """How long a message rests that has failed ``attempts`` times: 10 s, 20 s, 40 s, ..., 1 h."""
    return int(min(FIRST_DELAY_SECONDS * 2 ** (attempts - 1), MAX_DELAY_SECONDS))


def explain(error: Exception) -> str:
    """What a job's owner may know of an error that may pass. The log has all of it."""
    if isinstance(error, TimeoutError):
        return "The file took too long to fetch."
    if isinstance(error, OSError):
        return f"The file could not be fetched: {error}."
    problem = ai_problem(str(error))
    return problem.detail if problem else "A Cloudflare service failed."
