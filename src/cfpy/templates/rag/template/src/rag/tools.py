"""The tools for agents, in the shape that clients know: search, fetch, and ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rag.answering import answer
from rag.limits import FETCH_CHUNKS, MAX_QUERY_CHARS, MAX_TOP_K
from rag.mcp import Tool
from rag.models import Models
from rag.publication import publish_visible
from rag.records import FILTER_KEYS
from rag.requests import parse_fetch, parse_query
from rag.retrieval import Retrieval
from rag.store import Store
from rag.vectors import Vectors
from web.problems import not_found

_QUESTION = {
    "query": {"type": "string", "minLength": 1, "maxLength": MAX_QUERY_CHARS},
    "top_k": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_TOP_K,
        "description": "How many passages to find, 5 if not given",
    },
    "filter": {
        "type": "object",
        "properties": {key: {"type": "string"} for key in FILTER_KEYS},
        "additionalProperties": False,
        "description": "Find only documents with this metadata",
    },
}
_DOCUMENT = {
    "id": {"type": "string", "description": "The id from a result of search"},
    "start": {
        "type": "integer",
        "minimum": 0,
        "description": "Where to go on in a long document: the next_start of the part before",
    },
}


class Tools:
    """What agents can do."""

    def __init__(
        self, store: Store, vectors: Vectors, models: Models, retrieval: Retrieval
    ) -> None:
        self._store = store
        self._vectors = vectors
        self._models = models
        self._retrieval = retrieval

    def by_name(self) -> dict[str, Tool]:
        """All tools. A model chooses one by its description: add what your documents are about."""
        search = "Find passages of the documents by meaning. Best for single facts, in any wording."
        fetch = "Read a document that search found."
        ask = "Get an answer to a question, with citations, from the documents alone."
        return {
            "search": Tool("Search documents", search, _QUESTION, "query", self._search),
            "fetch": Tool("Read a document", fetch, _DOCUMENT, "id", self._fetch),
            "ask": Tool("Ask a question", ask, _QUESTION, "query", self._ask),
        }

    async def _search(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The documents, the best first, each with the passages of it that were found."""
        results: dict[str, dict[str, Any]] = {}
        for passage in await self._retrieval.search(parse_query(arguments)):
            found = results.setdefault(
                passage.document_id,
                {
                    "id": passage.document_id,
                    "title": passage.title or passage.document_id,
                    "url": passage.source,
                    "score": round(passage.score, 4),
                    "text": "",
                },
            )
            found["text"] += ("\n\n[…]\n\n" if found["text"] else "") + passage.text
        return {"results": list(results.values())}

    async def _fetch(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The text of a document, a long one in parts."""
        document_id, start = parse_fetch(arguments)
        await publish_visible(self._store, self._vectors)
        document = await self._store.get(document_id)
        text = await self._store.text(document_id, start, FETCH_CHUNKS)
        if document is None or not text:
            raise not_found(f"such document, or it has no text from {start} on")
        end = start + FETCH_CHUNKS
        return {
            "id": document.id,
            "title": document.title or document.id,
            "url": document.source,
            "text": text,
            "metadata": dict(document.metadata),
            "next_start": end if end < document.chunks else None,
        }

    async def _ask(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        query = parse_query(arguments)
        return await answer(self._models, query.query, await self._retrieval.evidence(query))
