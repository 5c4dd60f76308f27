"""Vectorize: vectors in, ids of the nearest out."""

from collections.abc import Sequence
from typing import Any

# Limits of one call (developers.cloudflare.com/vectorize/platform/limits).
UPSERT_BATCH = 500
DELETE_BATCH = 100
MAX_TOP_K = 100


class Index:
    """A Vectorize index. Writes become visible some seconds after they are accepted."""

    def __init__(self, vectorize: Any) -> None:
        self._vectorize = vectorize

    async def upsert(self, vectors: Sequence[dict[str, Any]]) -> None:
        """Write vectors: `{"id", "values", "metadata"}` each."""
        for start in range(0, len(vectors), UPSERT_BATCH):
            await self._vectorize.upsert(list(vectors[start : start + UPSERT_BATCH]))

    async def delete(self, ids: Sequence[str]) -> None:
        """Delete vectors; ids that are not there do no harm."""
        for start in range(0, len(ids), DELETE_BATCH):
            await self._vectorize.deleteByIds(list(ids[start : start + DELETE_BATCH]))

    async def nearest(
        self, vector: list[float], count: int, filter: dict[str, Any] | None
    ) -> list[str]:
        """Ids of the `count` nearest vectors, the nearest first."""
        options: dict[str, Any] = {"topK": min(count, MAX_TOP_K), "returnMetadata": "none"}
        if filter is not None:
            options["filter"] = filter
        found = await self._vectorize.query(vector, options)
        return [match["id"] for match in found["matches"]]
