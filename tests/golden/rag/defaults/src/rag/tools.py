"""The tools for agents, in the shape that clients know: search, fetch, and ask."""

from dataclasses import dataclass
from typing import Any

from rag.answering import answer
from rag.limits import FETCH_CHUNKS
from rag.mcp import Tool
from rag.models import Models
from rag.requests import PART, QUESTION, read_question
from rag.retrieval import Retrieval
from rag.store import Store
from web.problems import Problem

Values = dict[str, Any]


@dataclass(frozen=True)
class Tools:
    store: Store
    models: Models
    retrieval: Retrieval

    def by_name(self) -> dict[str, Tool]:
        """All tools. A model chooses one by its description: add what your documents are about."""
        search = "Find passages of the documents by meaning and by words. Best for single facts."
        fetch = "Read a document that search found."
        ask = "Get an answer to a question, with citations, from the documents alone."
        return {
            "search": Tool("Search documents", search, QUESTION, self._search),
            "fetch": Tool("Read a document", fetch, PART, self._fetch),
            "ask": Tool("Ask a question", ask, QUESTION, self._ask),
        }

    async def _search(self, values: Values) -> Values:
        """The documents, the best first, each with the passages of it that were found."""
        results: dict[str, Values] = {}
        for passage in await self.retrieval.search(read_question(values)):
            id_, title = passage.document_id, passage.title or passage.document_id
            found = results.setdefault(id_, {"id": id_, "title": title, "url": passage.source})
            found.setdefault("score", round(passage.score, 4))
            found["text"] = "\n\n[…]\n\n".join(filter(None, (found.get("text"), passage.text)))
        return {"results": list(results.values())}

    async def _fetch(self, values: Values) -> Values:
        """The text of a document, a long one in parts, which are all of one revision."""
        position, _, revision = values["start"].partition("-")
        start, end = int(position or 0), int(position or 0) + FETCH_CHUNKS
        document = await self.store.read(values["id"], start, FETCH_CHUNKS)
        if not document["text"] or revision not in ("", document["revision"]):
            detail = "The document has changed since the part before. Read it again, without start."
            raise Problem(409, "document-changed", detail)
        return {
            "id": document["id"],
            "title": document["title"] or document["id"],
            "url": document["source"],
            "text": document["text"],
            "metadata": document["metadata"],
            "next_start": f"{end}-{document['revision']}" if end < document["chunks"] else None,
        }

    async def _ask(self, values: Values) -> Values:
        query = read_question(values)
        return await answer(self.models, query.query, await self.retrieval.evidence(query))
