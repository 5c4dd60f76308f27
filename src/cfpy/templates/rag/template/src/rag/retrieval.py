"""Finds passages: a wide net of near vectors, then a reranker that reads question and passage."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from rag.models import Models
from rag.publication import publish_visible
from rag.records import Passage, Scalar, searchable_text
from rag.requests import Filter, Query
from rag.settings import POOLING, Settings
from rag.store import Store
from rag.vectors import Vectors


class Retrieval:
    """The way from a question to passages."""

    def __init__(self, settings: Settings, store: Store, models: Models, vectors: Vectors) -> None:
        self._settings = settings
        self._store = store
        self._models = models
        self._vectors = vectors

    async def search(self, query: Query) -> list[Passage]:
        """The ``query.top_k`` best passages, best first, however bad they are.

        Raises:
            Problem: The index holds vectors of another model.
        """
        _, vector, _ = await asyncio.gather(
            self._store.check_index(self._settings.embedding_model, POOLING, record=False),
            self._models.embed_query(query.query),
            publish_visible(self._store, self._vectors),
        )
        ids = await self._vectors.nearest(vector, query.filter)
        found = await self._store.passages(ids)
        # An edit may have changed the metadata since the vectors were written.
        passages = [passage for passage in found if _fits(passage.metadata, query.filter)]
        if not passages:
            return []
        texts = [searchable_text(passage.title, passage.text) for passage in passages]
        scores = await self._models.rerank(query.query, texts)
        scored = [replace(p, score=score) for p, score in zip(passages, scores, strict=True)]
        scored.sort(key=lambda passage: (-passage.score, passage.document_id, passage.position))
        return scored[: query.top_k]

    async def evidence(self, query: Query) -> list[Passage]:
        """Those of the best passages that are good enough to answer from."""
        return [p for p in await self.search(query) if p.score >= self._settings.min_score]


def _fits(metadata: Mapping[str, Scalar], wanted: Filter) -> bool:
    return all(metadata.get(key) in rule["$in"] for key, rule in wanted.items())
