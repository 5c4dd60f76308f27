"""Works on jobs as the queue delivers them: at least once, in any order, cut off anywhere."""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from jobs.job import BadAnswer, Claim, Unprocessable
from jobs.limits import (
    LEASE_SECONDS,
    MAX_ATTEMPTS,
    MAX_BAD_ANSWERS,
    QUEUE_DELAY_SECONDS,
    WORK_SECONDS,
)
from jobs.services import JobServices
from jobs.waits import delay_seconds, explain, wait_seconds

if TYPE_CHECKING:
    from bindings import Message, MessageBatch

#: What wrangler.jsonc appends to the name of a queue for its dead letters.
DEAD_LETTERS = "-dead-letters"


class Consumer:
    """Both consumers: of the queue, and of its dead letters."""

    def __init__(self, services: JobServices) -> None:
        self._services = services
        self._deliveries = services.deliveries

    async def consume(self, batch: MessageBatch) -> None:
        """Work on a batch; each message is settled by itself, so nothing is raised.

        One file after the other: several would not fit into the memory.
        """
        handle = self._put_back if batch.queue.endswith(DEAD_LETTERS) else self._deliver
        for message in batch.messages:
            await _settled(handle, message)

    async def _deliver(self, message: Message, job_id: str) -> str:
        """One delivery of a message; the word is for the log."""
        webhooks = self._services.webhooks
        if webhooks is None or not _is_webhook(message):
            return await self._work(message, job_id)
        outcome, wait = await webhooks.send(job_id)
        if wait is None:
            message.ack()
        else:
            message.retry({"delaySeconds": wait})
        return outcome

    async def _work(self, message: Message, job_id: str) -> str:
        claim = await self._deliveries.claim(job_id, worker=message.id, lease=uuid4().hex)
        if claim is None:
            # Finished, deleted, waiting, or in the hands of another message, which the queue keeps.
            message.ack()
            return "nothing-to-do"
        try:
            async with asyncio.timeout(WORK_SECONDS):
                result = await self._services.result(claim)
            await self._deliveries.publish(claim, result)
        except Unprocessable as error:
            await self._deliveries.fail(claim, str(error), keep_file=False)
            await self._announce(claim)
            message.ack()
            raise
        except Exception as error:
            await self._postpone(message, claim, error)
            raise
        await self._announce(claim)
        message.ack()
        return "done"

    async def _announce(self, claim: Claim) -> None:
        """Have a job's webhook sent. If this fails, the sweep does it."""
        if claim.has_webhook:
            await self._services.announce(claim.job_id)

    async def _postpone(self, message: Message, claim: Claim, error: Exception) -> None:
        """Have a job tried again: soon by the queue, or later by the sweep."""
        why = explain(error, self._services.service_error)
        is_bad = isinstance(error, BadAnswer)
        if claim.attempts >= MAX_ATTEMPTS or claim.bad_answers + is_bad >= MAX_BAD_ANSWERS:
            await self._deliveries.fail(claim, why, keep_file=True)
            await self._announce(claim)
            message.ack()
            return
        wait = wait_seconds(error, claim.attempts, time.time())
        by_queue = wait <= QUEUE_DELAY_SECONDS
        await self._deliveries.release(claim, why, None if by_queue else wait, bad_answer=is_bad)
        if by_queue:
            message.retry({"delaySeconds": wait})
        else:
            message.ack()

    async def _put_back(self, message: Message, job_id: str) -> str:
        """A message that the queue has given up on. The sweep sends what is due for webhooks."""
        if _is_webhook(message):
            message.ack()
            return "nothing-to-do"
        status = await self._deliveries.put_back(job_id)
        if status is None and await self._deliveries.is_unfinished(job_id):
            # Its last delivery was cut off, and holds the claim until the lease ends.
            message.retry({"delaySeconds": LEASE_SECONDS})
            return "still-claimed"
        message.ack()
        return status.value if status else "nothing-to-do"


def _is_webhook(message: Message) -> bool:
    return isinstance(message.body, Mapping) and bool(message.body.get("webhook"))


async def _settled(handle: Callable[[Message, str], Awaitable[str]], message: Message) -> None:
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
        # The first call counts: this one is for what is not settled yet, such as when D1 is away.
        message.retry({"delaySeconds": delay_seconds(message.attempts)})
        log |= {"level": "error", "outcome": "retry"}
        log["error"] = "".join(traceback.format_exception(error))
    log["ms"] = round((time.monotonic() - started) * 1000)
    print(json.dumps(log))
