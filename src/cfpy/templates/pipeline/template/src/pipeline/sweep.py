"""The cron's work: puts right what a crash, a lost message or a cut-off upload has left."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pipeline.jobs import Status, object_key
from pipeline.limits import MAX_SWEEPS, ORPHAN_SECONDS, SWEEP_OBJECTS
from pipeline.services import Services
from pipeline.store import Stuck


async def sweep(services: Services) -> None:
    """Look at some stuck jobs and at one page of the bucket; the next run continues there."""
    counts = {"requeued": 0, "failed": 0}
    for job in await services.store.stuck():
        counts[await _revive(services, job)] += 1
    orphans = await _delete_orphans(services)
    print(json.dumps({"level": "info", "sweep": counts, "orphans": orphans}))


async def _revive(services: Services, job: Stuck) -> str:
    if job.sweeps >= MAX_SWEEPS:
        await services.store.bury(job.id, "It was lost too often.")
        return "failed"
    if job.status is Status.RECEIVED and job.url is None:
        stored = await services.bucket.head(object_key(job.id))
        if stored is None:
            error = "The upload was cut off before the file was stored."
            await services.store.bury(job.id, error)
            return "failed"
    # Noted first: if the message is lost once more, the next sweep counts on.
    await services.store.swept(job.id)
    await services.enqueue(job.id)
    return "requeued"


async def _delete_orphans(services: Services) -> int:
    """Delete files whose job is gone. New files stay: their job may be about to be deleted."""
    options: dict[str, Any] = {"prefix": object_key(""), "limit": SWEEP_OBJECTS}
    cursor = await services.store.sweep_cursor()
    if cursor:
        options["cursor"] = cursor
    page = await services.bucket.list(options)
    ids = [item.key.removeprefix(object_key("")) for item in page["objects"]]
    orphans = await services.store.without_job(ids) if ids else set()
    keys = [object_key(job_id) for job_id in orphans]
    old = [key for key in keys if await _is_old(services, key)]
    if old:
        await services.bucket.delete(old)
    # At the end it starts again.
    await services.store.move_sweep_cursor(page["cursor"] if page["truncated"] else None)
    return len(old)


async def _is_old(services: Services, key: str) -> bool:
    stored = await services.bucket.head(key)
    if stored is None:
        return False
    # The SDK gives local time without a zone; so is now() here.
    return (datetime.now() - stored.uploaded).total_seconds() > ORPHAN_SECONDS
