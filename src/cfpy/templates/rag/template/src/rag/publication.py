"""Publishes new revisions of documents, once a search finds their vectors.

Vectorize takes seconds, sometimes minutes, to process what was written. Until then a document is
served from the revision before, and the new one is pending.
"""

from __future__ import annotations

from rag.limits import SETTLE_BATCH
from rag.store import Store
from rag.vectors import Vectors


async def publish_visible(store: Store, vectors: Vectors) -> int:
    """Publish pending revisions that the index has by now; return how many.

    Every search does this first, so that nobody has to wait for the cron. Vectorize processes
    writes in their order: with the vector of its last chunk, a revision is complete.
    """
    last_chunks = await store.pending(SETTLE_BATCH)
    visible = await vectors.present(last_chunks)
    if visible:
        await store.publish(visible)
    return len(visible)
