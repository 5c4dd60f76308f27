"""What the application serves: every resource is one short method."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from rag.answering import Event, answer, sources, stream_answer
from rag.ingest import Ingestion
from rag.limits import MAX_BODY_BYTES
from rag.mcp import answer_message
from rag.models import Models
from rag.publication import publish_visible
from rag.requests import parse_documents, parse_page, parse_query, parse_search
from rag.retrieval import Retrieval
from rag.settings import POOLING, Settings
from rag.sse import encode_event
from rag.store import Store
from rag.streaming import StreamReply
from rag.text_index import TextIndex
from rag.tools import Tools
from rag.vectors import Vectors
from web.auth import identify
from web.http import Call, Reply, json_reply, read_json
from web.problems import method_not_allowed, misconfigured, not_found, too_many_requests

if TYPE_CHECKING:
    from bindings import AI, D1Database, RateLimit, Vectorize

Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True)
class Bindings:
    """What Cloudflare gives the Worker, as the Workers SDK wraps it."""

    ai: AI
    database: D1Database
    vectorize: Vectorize
    rate_limiter: RateLimit


class Resources:
    """All resources of one deployment."""

    def __init__(self, bindings: Bindings, settings: Settings) -> None:
        self._settings = settings
        self._rate_limiter = bindings.rate_limiter
        self._store = Store(bindings.database)
        self._models = Models(bindings.ai, settings)
        self._vectors = Vectors(bindings.vectorize)
        self._ingestion = Ingestion(settings, self._store, self._models, self._vectors)
        words = TextIndex(bindings.database)
        self._retrieval = Retrieval(settings, self._store, self._models, self._vectors, words)
        self._tools = Tools(self._store, self._vectors, self._models, self._retrieval)

    async def route(self, call: Call) -> Reply:
        """Answer a request.

        Raises:
            Problem: It can't be answered.
        """
        path, method = call.request.path, call.request.method
        handlers = self._handlers(path)
        handler = handlers.get("GET" if method == "HEAD" else method)
        if handler is None:
            raise method_not_allowed(handlers)
        if path != "/health":
            await self._admit(call)
        return await handler(call)

    async def tidy(self) -> None:
        """The cron's work: publish and clean up, also where nobody searches."""
        await self._ingestion.tidy(uuid4().hex)

    def _handlers(self, path: str) -> dict[str, Handler]:
        """What a path takes, by method."""
        if path == "/health":
            return {"GET": self._health}
        if path == "/query":
            return {"POST": self._query}
        if path == "/search":
            return {"GET": self._search}
        if path == "/mcp":
            return {"POST": self._mcp}
        if path == "/documents":
            return {"GET": self._list_documents, "POST": self._post_documents}
        if path.startswith("/documents/"):
            return {"GET": self._get_document, "DELETE": self._delete_document}
        raise not_found("such resource")

    async def _admit(self, call: Call) -> None:
        """Let in clients that have the token, but not too often.

        The limiter counts by token: an address may be shared by many, or changed by one.
        """
        tokens = {"api": self._settings.api_token}
        owner = identify(call.request.headers.get("authorization"), tokens)
        if not (await self._rate_limiter.limit({"key": owner}))["success"]:
            raise too_many_requests()

    async def _health(self, _call: Call) -> Reply:
        """Whether the Worker could work: configured, migrated, with an index that fits."""
        if not self._settings.api_token:
            raise misconfigured("The secret API_TOKEN is not set.")
        await self._store.check_index(self._settings.embedding_model, POOLING, record=False)
        return json_reply(200, {"status": "ok"})

    async def _query(self, call: Call) -> Reply:
        query = parse_query(await read_json(call.request, MAX_BODY_BYTES))
        passages = await self._retrieval.evidence(query)
        call.log["passages"] = len(passages)
        call.log["best_score"] = passages[0].score if passages else None
        if query.stream:
            events = stream_answer(self._models, query.query, passages)
            headers = {"Content-Type": "text/event-stream; charset=utf-8"}
            return StreamReply(200, headers=headers, stream=_encoded(events, call))
        result = await answer(self._models, query.query, passages)
        _note_outcome(call, result)
        return json_reply(200, result)

    async def _search(self, call: Call) -> Reply:
        query = parse_search(call.request.parameters)
        passages = await self._retrieval.search(query)
        call.log["passages"] = len(passages)
        return json_reply(200, {"sources": sources(passages)})

    async def _mcp(self, call: Call) -> Reply:
        return await answer_message(call, self._tools.by_name(), self._settings.origins)

    async def _post_documents(self, call: Call) -> Reply:
        documents = parse_documents(await read_json(call.request, MAX_BODY_BYTES))
        await self._ingestion.check()
        outcomes = []
        for document in documents:
            status = await self._ingestion.ingest(document, call.id)
            outcomes.append({"id": document.id, "status": status})
        call.log["indexed"] = sum(outcome["status"] == "indexed" for outcome in outcomes)
        return json_reply(200, {"documents": outcomes})

    async def _list_documents(self, call: Call) -> Reply:
        limit, after, pending = parse_page(call.request.parameters)
        await publish_visible(self._store, self._vectors)
        documents = await self._store.page(after, limit, pending=pending)
        cursor = documents[-1].id if len(documents) == limit else None
        page = {"documents": [asdict(document) for document in documents], "next_cursor": cursor}
        return json_reply(200, page)

    async def _get_document(self, call: Call) -> Reply:
        document_id = call.request.path.removeprefix("/documents/")
        await publish_visible(self._store, self._vectors)
        document = await self._store.get(document_id)
        if document is None:
            raise not_found(f"document {document_id!r}")
        return json_reply(200, asdict(document))

    async def _delete_document(self, call: Call) -> Reply:
        await self._ingestion.delete(call.request.path.removeprefix("/documents/"), call.id)
        return Reply(204)


async def _encoded(events: AsyncGenerator[Event, None], call: Call) -> AsyncGenerator[bytes, None]:
    """The events of an answer as bytes."""
    async with aclosing(events) as all_events:
        async for name, data in all_events:
            if name == "done":
                _note_outcome(call, data)
            yield encode_event(name, data)


def _note_outcome(call: Call, outcome: dict[str, Any]) -> None:
    call.log["grounded"] = outcome["grounded"]
    call.log["dropped_citations"] = len(outcome["dropped_citations"])
