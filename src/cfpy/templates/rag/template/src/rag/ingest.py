"""Brings documents into the index, and out of it.

D1 and Vectorize share no transaction, so the order of the steps makes up for it:

1. claim the document, so that nobody else changes it meanwhile;
2. write the chunks of the new revision to D1, where nothing serves them yet;
3. embed them and write their vectors;
4. publish: the document's row names the new revision. This one statement is the moment of change;
5. delete the vectors, then the chunks, of every other revision; give the claim back.

A search drops vectors whose chunk belongs to no published revision. So a cut between any two
steps leaves the old revision served, or the new one, never a mixture; what it leaves behind is
known to D1 and is deleted by step 5 of the next ingestion, also of one that changes nothing.
"""

from __future__ import annotations

from typing import Literal

from rag.chunking import chunk
from rag.ids import chunk_id, revision
from rag.limits import EMBED_BATCH
from rag.models import Models
from rag.records import Chunk, Document, searchable_text
from rag.settings import POOLING, Settings
from rag.store import Store
from rag.vectors import Vectors
from web.problems import Problem, not_found


class Ingestion:
    """Writes to both stores in the one right order."""

    def __init__(self, settings: Settings, store: Store, models: Models, vectors: Vectors) -> None:
        self._settings = settings
        self._store = store
        self._models = models
        self._vectors = vectors

    async def check(self) -> None:
        """Make sure that new vectors fit those there are.

        Raises:
            Problem: They were made with another model or pooling.
        """
        await self._store.check_index(self._settings.embedding_model, POOLING, record=True)

    async def ingest(self, document: Document, owner: str) -> Literal["indexed", "unchanged"]:
        """Index a document, unless it is indexed as it is.

        Args:
            document: The document.
            owner: Something that names this request and no other.

        Raises:
            Problem: 409 if another request is changing the document.
        """
        wanted = revision(document)
        async with self._store.claim(document.id, owner) as served:
            if served != wanted:
                await self._index(document, wanted, owner)
            await self._sweep(document.id)
        return "unchanged" if served == wanted else "indexed"

    async def delete(self, document_id: str, owner: str) -> None:
        """Delete a document, its chunks and its vectors.

        Raises:
            Problem: 404 if there is none, 409 if another request is changing it.
        """
        if not await self._store.exists(document_id):
            raise not_found(f"document {document_id!r}")
        async with self._store.claim(document_id, owner):
            await self._store.withdraw(document_id, owner)
            await self._sweep(document_id)
            await self._store.delete_document(document_id, owner)

    async def _index(self, document: Document, wanted: str, owner: str) -> None:
        chunks = [
            Chunk(chunk_id(document.id, wanted, position), position, text)
            for position, text in enumerate(chunk(document.text))
        ]
        await self._store.add_chunks(document.id, wanted, chunks)
        # One batch at a time: vectors as Python floats take some 30 kB each.
        for start in range(0, len(chunks), EMBED_BATCH):
            some = chunks[start : start + EMBED_BATCH]
            texts = [searchable_text(document.title, item.text) for item in some]
            vectors = await self._models.embed_passages(texts)
            await self._vectors.put([item.id for item in some], vectors, document.metadata)
        try:
            await self._store.publish(document, wanted, len(chunks), owner)
        except Problem:
            # The claim ended, and its next holder may have swept our chunks before we wrote their
            # vectors. Noted once more, the next sweep deletes them.
            await self._store.add_chunks(document.id, wanted, chunks)
            raise

    async def _sweep(self, document_id: str) -> None:
        """Delete what belongs to no served revision: vectors first, while D1 still knows them."""
        while stale := await self._store.stale_chunks(document_id):
            await self._vectors.delete(stale)
            await self._store.delete_chunks(stale)
