"""What the application serves: every resource is one short method, and ``ROUTES`` lists them.

What a route takes and answers is published in ``public/openapi.json``: see ``scripts/openapi.py``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from jobs.job import Job
from jobs.services import JobBindings
from rag import requests
from rag.answering import Event, answer, answer_events, sources, standalone
from rag.background import Background, shown
from rag.ingest import Ingestion
from rag.intake import add_all, receive
from rag.limits import MAX_BODY_BYTES
from rag.mcp import answer_message
from rag.models import Models
from rag.originals import Originals
from rag.retrieval import Retrieval
from rag.settings import Settings
from rag.store import Store
from rag.tools import Tools
from rag.validation import Schema, check, check_parameters
from web import problems
from web.app import App, write_log
from web.auth import identify
from web.http import Call, Reply, json_reply, read_json
from workers_ai.errors import ai_problem

if TYPE_CHECKING:
    from entry import Env

#: What a request says, checked: its body or its parameters, or the ``id`` in its path.
Values = dict[str, Any]


@dataclass(frozen=True)
class Route:
    """What answers a method of a path.

    ``run`` gets what the request says, checked by ``parameters`` or ``body``, and returns what
    becomes JSON, or a reply. If it is ``open``, it takes no token.
    """

    run: Callable[[Any, Call, Values], Awaitable[Any]]
    parameters: Schema | None = None
    body: Schema | None = None
    open: bool = False


#: By path, then by method.
Routes = Mapping[str, Mapping[str, Route]]


@dataclass(frozen=True, kw_only=True)
class StreamReply(Reply):
    stream: AsyncGenerator[bytes, None]


class Resources:
    """What one event needs. ``blob`` makes a JavaScript ``Blob`` of bytes and their media type."""

    def __init__(
        self,
        env: Env,
        settings: Settings,
        blob: Callable[[bytes, str], Any],
        jobs: JobBindings,
    ) -> None:
        self._env, self._settings = env, settings
        self._models = Models(env.AI, settings, blob)
        self._originals = Originals(env.BUCKET)
        self._store = store = Store(env.DB, env.VECTORIZE)
        self._ingestion = Ingestion(settings, store, self._models, self._originals)
        self._retrieval = Retrieval(settings, store, self._models)
        self._tools = Tools(store, self._models, self._retrieval)
        self.background = Background(jobs, settings, self._ingestion)

    def routes(self) -> Routes:
        return ROUTES

    async def route(self, call: Call) -> Reply:
        path, method = call.request.path, call.request.method
        collection, slash, id_ = path.removeprefix("/").partition("/")
        name = f"/{collection}/" + "{id}" if slash else path
        routes = self.routes().get(name)
        if routes is None:
            raise problems.not_found("such resource")
        route = routes.get("GET" if method == "HEAD" else method)
        if route is None:
            raise problems.method_not_allowed(routes)
        if not route.open:
            await self._admit(call)
        values: Values = {"id": id_}
        if route.parameters:
            values = check_parameters(call.request.parameters, route.parameters)
        elif route.body:
            values = check(await read_json(call.request, MAX_BODY_BYTES), route.body)
        result: Values | Reply = await route.run(self, call, values)
        return result if isinstance(result, Reply) else json_reply(200, result)

    async def tidy(self) -> None:
        """The cron's work: publish and clean up, also where nobody searches."""
        try:
            await self._ingestion.tidy(uuid4().hex)
        finally:
            # Jobs don't need Vectorize.
            await self.background.tidy()

    async def _admit(self, call: Call) -> None:
        """Let in clients that have the token, but not too often. The limiter counts by token: an
        address may be shared by many, or changed by one."""
        tokens = {"api": self._settings.api_token}
        owner = identify(call.request.headers.get("authorization"), tokens)
        if not (await self._env.RATE_LIMITER.limit({"key": owner}))["success"]:
            raise problems.too_many_requests()

    async def health(self, _call: Call, _values: Values) -> Values:
        """Whether the Worker could work: configured, migrated, with an index that fits."""
        if not self._settings.api_token:
            raise problems.misconfigured("The secret API_TOKEN is not set.")
        await self._store.check_index(self._settings.embedding_model, record=False)
        return {"status": "ok"}

    async def mcp(self, call: Call, _values: Values) -> Reply:
        return await answer_message(call, self._tools.by_name(), self._settings.origins)

    async def query(self, call: Call, values: Values) -> Values | Reply:
        query = requests.read_question(values)
        query = replace(query, query=await standalone(self._models, query.query, query.history))
        passages = await self._retrieval.evidence(query)
        best = passages[0].score if passages else None
        call.log.update(passages=len(passages), best_score=best)
        if query.stream:
            events = answer_events(self._models, query.query, passages)
            headers = {"Content-Type": "text/event-stream; charset=utf-8"}
            return StreamReply(200, headers=headers, stream=_encoded(events, call))
        result = await answer(self._models, query.query, passages)
        _note_outcome(call, result)
        return result

    async def search(self, call: Call, values: Values) -> Values:
        passages = await self._retrieval.search(requests.read_search(values))
        call.log["passages"] = len(passages)
        return {"sources": sources(passages)}

    async def post_documents(self, call: Call, _values: Values) -> Reply:
        content_type, body = await receive(call.request)
        items = await self.background.accept(content_type, body)
        if isinstance(items, Job):
            call.log["job"] = items.id
            headers = {"Location": f"/jobs/{items.id}", "Retry-After": "2"}
            return json_reply(202, shown(items), headers)
        outcomes = await add_all(self._ingestion, items, call.id)
        statuses = [outcome["status"] for outcome in outcomes]
        call.log["indexed"] = statuses.count("indexed")
        complete = {"indexed", "unchanged"}.issuperset(statuses)
        return json_reply(200 if complete else 207, {"documents": outcomes})

    async def list_documents(self, _call: Call, values: Values) -> Values:
        limit, pending = values["limit"], "state" in values
        await self._store.publish_visible()
        documents = await self._store.page(values["cursor"], limit, pending=pending)
        cursor = documents[-1]["id"] if len(documents) == limit else None
        return {"documents": documents, "next_cursor": cursor}

    async def get_document(self, _call: Call, values: Values) -> Values:
        await self._store.publish_visible()
        return await self._store.get(values["id"])

    async def original(self, _call: Call, values: Values) -> Reply:
        chunk = await self._store.first_chunk(values["id"])
        return await self._originals.reply(chunk, values["id"])

    async def get_job(self, _call: Call, values: Values) -> Values:
        return shown(await self.background.job(values["id"]))

    async def delete_document(self, call: Call, values: Values) -> Reply:
        await self._ingestion.delete(values["id"], call.id)
        return Reply(204)


ROUTES: Routes = {
    "/health": {"GET": Route(Resources.health, open=True)},
    "/mcp": {"POST": Route(Resources.mcp)},
    "/query": {"POST": Route(Resources.query, body=requests.QUERY)},
    "/search": {"GET": Route(Resources.search, parameters=requests.SEARCH)},
    "/documents": {
        "GET": Route(Resources.list_documents, parameters=requests.PAGE),
        "POST": Route(Resources.post_documents),
    },
    "/documents/{id}": {
        "GET": Route(Resources.get_document),
        "DELETE": Route(Resources.delete_document),
    },
    "/originals/{id}": {"GET": Route(Resources.original)},
    "/jobs/{id}": {"GET": Route(Resources.get_job)},
}


class RagApp(App):
    def explain(self, message: str) -> problems.Problem:
        if "dimensions" in message:
            detail = "The Vectorize index has other dimensions than the embedding model's vectors."
            return problems.Problem(500, "index-mismatch", detail)
        return ai_problem(message) or super().explain(message)

    def finish(self, reply: Reply, call: Call) -> Reply:
        if not isinstance(reply, StreamReply):
            return super().finish(reply, call)
        return replace(reply, stream=self._guarded(reply, call))

    async def _guarded(self, reply: StreamReply, call: Call) -> AsyncGenerator[bytes, None]:
        """A stream that ends in an event where it would break: the status is out by now. The log
        line comes when it ends."""
        try:
            async with aclosing(reply.stream) as pieces:
                async for piece in pieces:
                    yield piece
        except Exception as error:
            yield encode_event("error", self.problem(error, call).body(call.id))
        finally:
            write_log(call, reply.status)


def encode_event(name: str, data: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), json_reply(200, data).body)


async def _encoded(events: AsyncGenerator[Event, None], call: Call) -> AsyncGenerator[bytes, None]:
    async with aclosing(events) as all_events:
        async for name, data in all_events:
            if name == "done":
                _note_outcome(call, data)
            yield encode_event(name, data)


def _note_outcome(call: Call, outcome: Values) -> None:
    call.log["grounded"] = outcome["grounded"]
    call.log["dropped_citations"] = len(outcome["dropped_citations"])
