"""What the application serves: every resource is one short method, and ``ROUTES`` lists them.

What a route takes and answers is published in ``public/openapi.json``: see ``scripts/openapi.py``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from jobs.services import JobBindings
from rag import requests
from rag.answering import Event, answer, answer_events, sources
from rag.app import StreamReply, encode_event
from rag.background import Background, shown
from rag.conversation import standalone
from rag.ingest import publish_visible
from rag.intake import Intake, parse, receive
from rag.limits import MAX_BODY_BYTES
from rag.mcp import answer_message
from rag.models import Models
from rag.originals import Originals
from rag.retrieval import Retrieval
from rag.settings import Settings
from rag.store import Store
from rag.tenants import TenantIngestion, TenantOriginals, TenantStore
from rag.text_index import TextIndex
from rag.tools import Tools
from rag.validation import Schema, check, check_parameters
from rag.vectors import Vectors
from web.auth import identify
from web.http import Call, Reply, json_reply, read_json
from web.problems import method_not_allowed, misconfigured, not_found, too_many_requests

if TYPE_CHECKING:
    from bindings import AI, RateLimit, Vectorize

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


@dataclass(frozen=True)
class Bindings(JobBindings):
    """What Cloudflare gives the Worker, as the Workers SDK wraps it, and what makes files."""

    ai: AI
    vectorize: Vectorize
    rate_limiter: RateLimit
    blob: Callable[[bytes, str], Any]


class Resources:
    def __init__(self, bindings: Bindings, settings: Settings) -> None:
        self._settings = settings
        self._rate_limiter = bindings.rate_limiter
        self._models = Models(bindings.ai, settings, bindings.blob)
        self._bindings = bindings
        # Until somebody is admitted: what the cron and /health look after, which is nobody's.
        self._store, self._ingestion = Store(bindings.database), self._ingestion_of("")
        self.background = Background(bindings, settings, self._intake_of)

    def _serve(self, tenant: str) -> None:
        """From here on, see what the tenant has, and nothing else."""
        database = self._bindings.database
        self._tenant, self._ingestion = tenant, self._ingestion_of(tenant)
        self._store, self._vectors = TenantStore(database, tenant), self._ingestion.vectors
        self._originals = TenantOriginals(self._bindings.bucket, tenant)
        services = (self._store, self._models, self._vectors)
        self._retrieval = Retrieval(self._settings, *services, TextIndex(database, tenant))
        self._tools = Tools(self._store, self._vectors, self._models, self._retrieval)

    def _ingestion_of(self, tenant: str) -> TenantIngestion:
        services = (
            Store(self._bindings.database),
            self._models,
            Vectors(self._bindings.vectorize, tenant),
            Originals(self._bindings.bucket),
        )
        return TenantIngestion(self._settings, *services, tenant)

    def _intake_of(self, tenant: str) -> Intake:
        return Intake(self._models, self._ingestion_of(tenant))

    def routes(self) -> Routes:
        return ROUTES

    async def route(self, call: Call) -> Reply:
        path, method = call.request.path, call.request.method
        collection, slash, id_ = path.removeprefix("/").partition("/")
        name = f"/{collection}/" + "{id}" if slash else path
        if name == "/documents/{id}" and id_.endswith("/original"):
            name, id_ = f"{name}/original", id_.removesuffix("/original")
        routes = self.routes().get(name)
        if routes is None:
            raise not_found("such resource")
        route = routes.get("GET" if method == "HEAD" else method)
        if route is None:
            raise method_not_allowed(routes)
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
        await self._ingestion.tidy(uuid4().hex)
        await self.background.tidy()

    async def _admit(self, call: Call) -> None:
        """Let in clients that have the token, but not too often. The limiter counts by token: an
        address may be shared by many, or changed by one."""
        owner = identify(call.request.headers.get("authorization"), self._settings.tokens)
        if not (await self._rate_limiter.limit({"key": owner}))["success"]:
            raise too_many_requests()
        call.log["tenant"] = owner
        self._serve(call.log["tenant"])

    async def health(self, _call: Call, _values: Values) -> Values:
        """Whether the Worker could work: configured, migrated, with an index that fits."""
        if not self._settings.tokens:
            raise misconfigured("The secret API_TOKENS is not set.")
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
        sent = await receive(call.request)
        if job := await self.background.accept(self._tenant, sent):
            call.log["job"] = job.id
            headers = {"Location": f"/jobs/{job.id}", "Retry-After": "2"}
            return json_reply(202, shown(job), headers)
        outcomes = await self._intake_of(self._tenant).add_all(parse(sent), call.id)
        statuses = [outcome["status"] for outcome in outcomes]
        call.log["indexed"] = statuses.count("indexed")
        complete = {"indexed", "unchanged"}.issuperset(statuses)
        return json_reply(200 if complete else 207, {"documents": outcomes})

    async def list_documents(self, _call: Call, values: Values) -> Values:
        limit, pending = values["limit"], "state" in values
        await publish_visible(self._store, self._vectors)
        documents = await self._store.page(values["cursor"], limit, pending=pending)
        cursor = documents[-1]["id"] if len(documents) == limit else None
        return {"documents": documents, "next_cursor": cursor}

    async def get_document(self, _call: Call, values: Values) -> Values:
        await publish_visible(self._store, self._vectors)
        return await self._store.get(values["id"])

    async def original(self, _call: Call, values: Values) -> Reply:
        await self._store.get(values["id"])
        return await self._originals.reply(values["id"])

    async def get_job(self, _call: Call, values: Values) -> Values:
        return shown(await self.background.job(self._tenant, values["id"]))

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
    "/documents/{id}/original": {"GET": Route(Resources.original)},
    "/jobs/{id}": {"GET": Route(Resources.get_job)},
}


async def _encoded(events: AsyncGenerator[Event, None], call: Call) -> AsyncGenerator[bytes, None]:
    async with aclosing(events) as all_events:
        async for name, data in all_events:
            if name == "done":
                _note_outcome(call, data)
            yield encode_event(name, data)


def _note_outcome(call: Call, outcome: Values) -> None:
    call.log["grounded"] = outcome["grounded"]
    call.log["dropped_citations"] = len(outcome["dropped_citations"])
