"""Finds passages: a wide net of near vectors and of shared words, then a reranker that reads the
question with each passage."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.limits import CANDIDATES, FUSION_RANK
from rag.models import Models
from rag.records import Passage, searchable_text
from rag.requests import Query
from rag.settings import Settings
from rag.store import Store


@dataclass(frozen=True)
class Retrieval:
    settings: Settings
    store: Store
    models: Models

    async def search(self, query: Query) -> list[Passage]:
        """The ``query.top_k`` best passages, best first, however bad they are."""
        _, near, matching = await asyncio.gather(
            self.store.check_index(self.settings.embedding_model, record=False),
            self._near(query),
            self._matching(query),
        )
        passages = [
            passage
            for passage in await self.store.passages(fuse(near, matching))
            # An edit may have changed the metadata since the vectors were written.
            if all(passage.metadata.get(key) in rule["$in"] for key, rule in query.filter.items())
        ]
        if query.mode == "reranked" and passages:
            passages = await self._reranked(query, passages)
        return passages[: query.top_k]

    async def evidence(self, query: Query) -> list[Passage]:
        """Those of the best passages that are good enough to answer from."""
        return [p for p in await self.search(query) if p.score >= self.settings.min_score]

    async def _near(self, query: Query) -> list[str]:
        if query.mode == "text":
            return []
        vector = await self.models.embed_query(query.query)
        return await self.store.nearest(vector, query.filter)

    async def _matching(self, query: Query) -> list[str]:
        await self.store.publish_visible()
        if query.mode == "vector":
            return []
        return await self.store.matching(query.query, query.filter)

    async def _reranked(self, query: Query, passages: Sequence[Passage]) -> list[Passage]:
        texts = [searchable_text(passage) for passage in passages]
        scores = await self.models.rerank(query.query, texts)
        scored = [replace(p, score=score) for p, score in zip(passages, scores, strict=True)]
        return sorted(scored, key=lambda p: (-p.score, p.document_id, p.position))


def fuse(*rankings: Sequence[str]) -> dict[str, float]:
    """The ``CANDIDATES`` best ids of some rankings, each best first, with their scores.

    Reciprocal rank fusion: 1 / (60 + rank) for each ranking that has the id. It needs no scores of
    the rankings, which could not be compared.
    """
    scores: defaultdict[str, float] = defaultdict(float)
    for ranking in rankings:
        for rank, id_ in enumerate(ranking, 1):
            scores[id_] += 1 / (FUSION_RANK + rank)
    best = sorted(scores, key=lambda id_: -scores[id_])
    return {id_: scores[id_] for id_ in best[:CANDIDATES]}
