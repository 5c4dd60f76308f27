"""A question in, the passages that answer it out."""

from rag.index import Index
from rag.models import Models
from rag.prompt import Passage
from rag.queries import Query
from rag.settings import Settings
from rag.store import Store

# Vectors are compared coarsely and the reranker finely, so it gets more to choose from.
OVERFETCH = 4
MIN_CANDIDATES = 20


class Search:
    """Finds passages."""

    def __init__(self, settings: Settings, store: Store, index: Index, models: Models) -> None:
        self._settings = settings
        self._store = store
        self._index = index
        self._models = models

    async def passages(self, query: Query) -> list[Passage]:
        """The best passages for `query`, the best first; none if all score below the floor.

        Raises:
            Problem: 409 if the index was made with another model than the settings name.
        """
        await self._store.check_settings(self._settings, record=False)
        [vector] = await self._models.embed([query.text])
        count = max(MIN_CANDIDATES, query.top_k * OVERFETCH)
        ids = await self._index.nearest(vector, count, query.filter)
        candidates = await self._store.chunks(ids)
        if not candidates:
            return []
        ranked = await self._models.rerank(query.text, [chunk["text"] for chunk in candidates])
        return [
            Passage(
                chunk_id=candidates[position]["id"],
                document_id=candidates[position]["document_id"],
                title=candidates[position]["title"],
                source=candidates[position]["source"],
                text=candidates[position]["text"],
                score=score,
            )
            for position, score in ranked[: query.top_k]
            if score >= self._settings.min_score
        ]
