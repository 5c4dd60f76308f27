"""The cron's work: ends waits, and puts right what a crash or a cut-off upload has left."""

import json
import time
from typing import Any

from jobs.deliveries import Stuck
from jobs.job import Status, object_key
from jobs.limits import MAX_SWEEPS, ORPHAN_SECONDS, SWEEP_CALLS, SWEEP_OBJECTS
from jobs.services import JobServices


async def sweep(services: JobServices) -> None:
    """Look at what waits, at some stuck jobs and at one page of the bucket.

    The next run continues there.
    """
    counts = {"due": await send_due(services), "requeued": 0, "failed": 0}
    counts["webhooks"] = await _announce_overdue(services)
    for job in await services.deliveries.stuck():
        counts[await _revive(services, job)] += 1
    orphans = await _delete_orphans(services)
    print(json.dumps({"level": "info", "sweep": counts, "orphans": orphans}))


async def send_due(services: JobServices, calls: int = SWEEP_CALLS) -> int:
    """Put jobs whose wait is over back into the queue, at most ``calls`` times ``SWEEP_JOBS``."""
    sent = 0
    for _ in range(calls):
        job_ids = await services.deliveries.due()
        if not job_ids:
            break
        # Sent first: if this is cut off, they are sent once more.
        await services.enqueue(*job_ids)
        await services.deliveries.sent(job_ids)
        sent += len(job_ids)
    return sent


async def _announce_overdue(services: JobServices) -> int:
    """Send a message for each webhook whose wait is over, or whose message was lost."""
    sent = 0
    if services.webhooks is None:
        return sent
    for _ in range(SWEEP_CALLS):
        job_ids = await services.webhooks.overdue(skip=sent)
        if not job_ids:
            break
        await services.announce(*job_ids)
        sent += len(job_ids)
    return sent


async def _revive(services: JobServices, job: Stuck) -> str:
    if job.sweeps >= MAX_SWEEPS:
        await services.deliveries.bury(job.id, "It was lost too often.")
        return "failed"
    if job.status is Status.RECEIVED and job.url is None:
        stored = await services.bucket.head(object_key(job.id))
        if stored is None:
            error = "The upload was cut off before the file was stored. Send it again."
            await services.deliveries.bury(job.id, error)
            return "failed"
    # Noted first: if the message is lost once more, the next sweep counts on.
    await services.deliveries.swept(job.id)
    await services.enqueue(job.id)
    return "requeued"


async def _delete_orphans(services: JobServices) -> int:
    """Delete files whose job is gone. New files stay: their job may be about to be deleted."""
    options: dict[str, Any] = {"prefix": object_key(""), "limit": SWEEP_OBJECTS}
    cursor = await services.deliveries.sweep_cursor()
    if cursor:
        options["cursor"] = cursor
    page = await services.bucket.list(options)
    # The SDK leaves the objects of a list, and the dates in them, as JavaScript has them.
    before = (time.time() - ORPHAN_SECONDS) * 1000
    old = [item.key for item in page["objects"] if item.uploaded.getTime() < before]
    ids = [key.removeprefix(object_key("")) for key in old]
    orphans = await services.deliveries.without_job(ids) if ids else set()
    if orphans:
        await services.bucket.delete([object_key(job_id) for job_id in orphans])
    # At the end it starts again.
    await services.deliveries.move_sweep_cursor(page["cursor"] if page["truncated"] else None)
    return len(orphans)
