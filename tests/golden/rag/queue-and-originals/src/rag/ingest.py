"""Brings documents into the index, and out of it.

D1 and Vectorize share no transaction, so the order of the steps makes up for it:

1. claim the document, so that nobody else changes it meanwhile;
2. write the chunks of the new revision to D1, where nothing serves them yet;
3. embed them and write their vectors;
4. note the new revision as pending, instead of one that was pending before;
5. delete the vectors, then the chunks, of revisions that are neither served nor pending; give the
   claim back.

When Vectorize finds the new vectors, ``Store.publish_visible`` serves the pending revision, in one
statement. A search answers from served revisions alone, whichever vectors it meets: a cut between
any two steps leaves the old revision served, or the new one, never a mixture and never neither.
What it leaves behind is known to D1: the next ingestion or the cron deletes it.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rag.chunking import chunk
from rag.limits import EMBED_BATCH
from rag.models import Models
from rag.originals import FileDocument, Originals, identified
from rag.records import Document, chunk_id, fingerprint, revision, searchable_text
from rag.settings import Settings
from rag.store import Store
from web.problems import Problem, not_found


@dataclass(frozen=True)
class Ingestion:
    settings: Settings
    store: Store
    models: Models
    originals: Originals

    async def check(self) -> None:
        """Make sure that new vectors fit those there are."""
        await self.store.check_index(self.settings.embedding_model, record=True)

    async def ingest(self, document: Document, owner: str) -> Literal["indexed", "unchanged"]:
        """Index a document, unless it is indexed as it is; a 409 if another request is changing it.

        ``owner`` names this request and no other.
        """
        async with self.store.claim(document.id, owner) as latest:
            same = fingerprint(identified(document))
            unchanged = not document.again and latest is not None and latest.startswith(same)
            if not unchanged:
                await self._index(document, owner)
            await self._sweep(document.id, owner)
        return "unchanged" if unchanged else "indexed"

    async def delete(self, document_id: str, owner: str) -> None:
        """Delete a document, its chunks and its vectors; a 404 if there is none."""
        async with self.store.claim(document_id, owner) as latest:
            await self.store.withdraw(document_id, owner)
            await self._sweep(document_id, owner)
        if latest is None:
            raise not_found("such document")

    async def tidy(self, owner: str) -> None:
        """Delete what others have left behind, and publish what Vectorize finds by now."""
        for document_id in await self.store.unswept():
            # A conflict: somebody is changing the document, and sweeps it.
            with contextlib.suppress(Problem):
                async with self.store.claim(document_id, owner):
                    await self._sweep(document_id, owner)
        await self.store.publish_visible(-1)

    async def _index(self, document: Document, owner: str) -> None:
        wanted = revision(identified(document), owner)
        chunks = chunk(document.title, document.text)
        ids = [chunk_id(document.id, wanted, position) for position in range(len(chunks))]
        await self.store.add_chunks(document.id, wanted, ids, chunks)
        if isinstance(document, FileDocument):
            await self.originals.keep(ids[0], document.original)
        try:
            # One batch at a time: vectors as Python floats take some 30 kB each.
            for start in range(0, len(chunks), EMBED_BATCH):
                await self.store.renew(document.id, owner)
                some = slice(start, start + EMBED_BATCH)
                texts = [searchable_text(item) for item in chunks[some]]
                vectors = await self.models.embed_passages(texts)
                await self.store.put_vectors(ids[some], vectors, document.metadata)
            await self.store.hold(document, wanted, ids, owner)
        except Problem:
            # The claim ended, and its next holder may have swept before we wrote all this: nobody
            # else knows it.
            await self._delete(ids)
            raise

    async def _sweep(self, document_id: str, owner: str) -> None:
        """Delete what no search will serve."""
        while stale := await self.store.stale_chunks(document_id, owner):
            await self._delete(stale)

    async def _delete(self, chunk_ids: Sequence[str]) -> None:
        await self.originals.drop(chunk_ids)
        await self.store.delete_chunks(chunk_ids)
