"""What keeps tenants apart: none can find, list, read, change or delete what another one has.

A tenant's vectors are in a namespace of its own, and Vectorize never searches another one. In D1
and R2 the ids of its documents begin with its name, which no client sees; a slash ends the name,
and no name has one. Ids of chunks are made from those ids, so that no two tenants share one.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from rag.ingest import Ingestion
from rag.records import Document, Passage
from rag.store import Store, Stored
from web.problems import Problem


@contextmanager
def _as_shown(tenant: str) -> Iterator[None]:
    """Errors about documents, with their ids as the tenant knows them."""
    try:
        yield
    except Problem as problem:
        problem.detail = problem.detail.replace(f"'{tenant}/", "'")
        raise


@dataclass(frozen=True)
class TenantStore(Store):
    """What requests read: the documents whose ids begin with the tenant's name, without it."""

    async def get(self, document_id: str) -> Stored:
        with _as_shown(self.tenant):
            return await super().get(f"{self.tenant}/{document_id}") | {"id": document_id}

    async def text(self, document_id: str, start: int, limit: int) -> str:
        return await super().text(f"{self.tenant}/{document_id}", start, limit)

    async def page(self, after: str, limit: int, *, pending: bool = False) -> list[Stored]:
        # In the order of their ids, a tenant's documents are together: the next tenant's end them.
        found = await super().page(f"{self.tenant}/{after}", limit, pending=pending)
        own = [document for document in found if self._is_own(document["id"])]
        return [document | {"id": self._shown(document["id"])} for document in own]

    async def passages(self, scores: Mapping[str, float]) -> list[Passage]:
        found = await super().passages(scores)
        own = [passage for passage in found if self._is_own(passage.document_id)]
        return [replace(item, document_id=self._shown(item.document_id)) for item in own]

    def _is_own(self, document_id: str) -> bool:
        return document_id.startswith(f"{self.tenant}/")

    def _shown(self, document_id: str) -> str:
        return document_id.removeprefix(f"{self.tenant}/")


@dataclass(frozen=True)
class TenantIngestion(Ingestion):
    """What requests and jobs write: below the tenant's name, whatever they call a document."""

    tenant: str

    async def ingest(self, document: Document, owner: str) -> Literal["indexed", "unchanged"]:
        own = replace(document, id=f"{self.tenant}/{document.id}")
        with _as_shown(self.tenant):
            return await super().ingest(own, owner)

    async def delete(self, document_id: str, owner: str) -> None:
        with _as_shown(self.tenant):
            await super().delete(f"{self.tenant}/{document_id}", owner)
