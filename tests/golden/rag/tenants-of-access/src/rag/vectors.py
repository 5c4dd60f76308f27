"""The vectors of the chunks, in Vectorize.

Writes are asynchronous: a vector is found some seconds after it was written, and for as long after
it was deleted. They take effect in their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.limits import CANDIDATES, DELETE_BATCH, GET_BATCH
from rag.records import FILTER_KEYS, Scalar
from rag.requests import Filter

if TYPE_CHECKING:
    from bindings import Vectorize


@dataclass(frozen=True)
class Vectors:
    index: Vectorize
    # Of the tenant: what is written is found there, and nowhere else.
    namespace: str

    async def put(
        self, ids: Sequence[str], vectors: Sequence[Sequence[float]], metadata: Mapping[str, Scalar]
    ) -> None:
        """Write vectors of one document; those there are, of the same ids, are replaced."""
        filterable = {key: metadata[key] for key in FILTER_KEYS if key in metadata}
        pairs = zip(ids, vectors, strict=True)
        common = {"metadata": filterable, "namespace": self.namespace}
        items = [{"id": id_, "values": values, **common} for id_, values in pairs]
        await self.index.upsert(items)

    async def nearest(self, vector: Sequence[float], wanted: Filter) -> list[str]:
        """Ids of the chunks nearest to ``vector``, at most ``CANDIDATES``, best first."""
        options: dict[str, Any] = {"topK": CANDIDATES, "namespace": self.namespace}
        options |= {"filter": wanted} if wanted else {}
        found = await self.index.query(vector, options)
        return [match["id"] for match in found["matches"]]

    async def present(self, ids: Sequence[str]) -> list[str]:
        """Those of ``ids`` that the index has processed: a search finds their vectors."""
        batches = [list(ids[start : start + GET_BATCH]) for start in range(0, len(ids), GET_BATCH)]
        found = await asyncio.gather(*(self.index.getByIds(batch) for batch in batches))
        return [vector["id"] for vectors in found for vector in vectors]

    async def delete(self, ids: Sequence[str]) -> None:
        """Delete vectors; those that are not there do no harm."""
        for start in range(0, len(ids), DELETE_BATCH):
            await self.index.deleteByIds(list(ids[start : start + DELETE_BATCH]))
