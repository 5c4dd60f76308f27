"""The application: items with background work, files and metrics, behind FastAPI.

Top to bottom: the shapes of data, who may call, the cache, items, background work, files, metrics,
and the Worker's entry point. What every request goes through around it is in edge.py. Nothing may
touch a binding, the clock or randomness while this module is imported: that happens once, at
deployment, and is shared by every request.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol
from uuid import uuid4, uuid7

from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pyodide.ffi import JsException
from workers import Request as WorkersRequest
from workers import WorkerEntrypoint

import edge
from edge import Problem, log, problems, variable

if TYPE_CHECKING:
    from bindings import (
        AnalyticsEngine,
        D1Database,
        Fetcher,
        KVNamespace,
        Message,
        MessageBatch,
        Queue,
        R2Bucket,
        R2Object,
        RateLimit,
    )


class Env(Protocol):
    """What wrangler.toml binds. Secrets and empty variables may be missing: see ``variable``."""

    DB: D1Database
    CACHE: KVNamespace
    QUEUE: Queue
    FILES: R2Bucket
    METRICS: AnalyticsEngine
    ASSETS: Fetcher
    RATE_LIMITER: RateLimit


# The shortest time after which KV lets an entry expire.
CACHE_SECONDS = 60
# Far more rows than D1 holds, far less than JavaScript counts exactly.
MAX_ID = 2**40
# Who watches an item longer than this asks again. Each second costs a read of one row.
WATCH_SECONDS = 60
FILE_TYPES = edge.SHOWN_TYPES | {
    *("application/pdf", "application/zip", "text/plain", "text/csv", "text/markdown")
}


# Shapes of data


class ItemIn(BaseModel):
    """What a client says of an item."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    # The pattern says in OpenAPI what stripping means: a name of spaces alone is refused.
    name: str = Field(min_length=1, max_length=100, pattern=r"\S")
    description: str = Field(default="", max_length=2_000)


class Findings(BaseModel):
    """What the background work found out.

    Stored as JSON for as long as the item: give a new field a default.
    """

    words: int
    characters: int


class Item(BaseModel):
    """An item as it is stored. Its ETag is its ``version`` in quotes.

    Without the rules of ``ItemIn``: what was stored under older rules can still be read.
    """

    id: int
    name: str
    description: str
    version: int
    status: Literal["new", "queued", "done", "failed"]
    result: Findings | None
    created_at: str
    updated_at: str


class Page(BaseModel):
    """Some items; ``next_cursor`` leads to those after them."""

    items: list[Item]
    next_cursor: int | None


class ProcessIn(BaseModel):
    """Which item to work on."""

    model_config = ConfigDict(extra="forbid")

    item_id: Annotated[int, BeforeValidator(edge.whole)] = Field(ge=1, le=MAX_ID, strict=True)


class File(BaseModel):
    """An upload. Who knows its ``url`` can read it."""

    url: str
    name: str
    size: int


class Files(BaseModel):
    """Some uploads; ``next_cursor`` leads to those after them."""

    files: list[File]
    next_cursor: str | None


class EventCount(BaseModel):
    """How often something happened, and how long it took on average, in milliseconds."""

    event: str
    count: int
    average_ms: float


class Metrics(BaseModel):
    """What happened. Local runs keep no data points: ``events`` is empty, and a note says so."""

    source: Literal["analytics-engine", "local"]
    note: str
    hours: int
    events: list[EventCount]
    items: dict[str, int]


# Who may call, and with what


def get_env(request: Request) -> Env:
    env: Env = request.scope["env"]
    return env


Bound = Annotated[Env, Depends(get_env)]
_bearer = HTTPBearer(auto_error=False, description="The secret API_TOKEN")


async def authorize(
    env: Bound, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Let in whoever has the token, and not too often. Without a secret nothing is open."""
    token = variable(env, "API_TOKEN")
    if not token:
        raise Problem(503, "misconfigured", "The secret API_TOKEN is not set.")
    expected = hashlib.sha256(token.encode()).hexdigest()
    digest = hashlib.sha256((given.credentials if given else "").encode()).hexdigest()
    # Digests have one length, so the comparison tells nothing of the token's, either.
    if not hmac.compare_digest(digest, expected):
        hint = "Send the header Authorization: Bearer <API_TOKEN>."
        raise Problem(401, "unauthorized", hint, {"WWW-Authenticate": "Bearer"})
    if not (await env.RATE_LIMITER.limit({"key": expected}))["success"]:
        wait = {"Retry-After": "60"}
        raise Problem(429, "rate-limited", "Too many requests in a minute.", wait)


app = FastAPI(
    title="myapp",
    version="1.0.0",
    # public/docs.html shows it, under a Content-Security-Policy of its own.
    docs_url=None,
    redoc_url=None,
    exception_handlers=edge.HANDLERS,
    responses=problems(422, 500, 502),
)
api = APIRouter(dependencies=[Depends(authorize)], responses=problems(401, 413, 415, 429, 503))
Digits = BeforeValidator(edge.check_digits)
ItemId = Annotated[int, Path(ge=1, le=MAX_ID), Digits]
# With * nobody has read the item.
IfMatch = Annotated[str, Header(pattern='"', description="The ETag of the item that was read")]
IfNoneMatch = Annotated[str | None, Header()]


def missing(what: str) -> Problem:
    return Problem(404, "not-found", f"There is no {what}.")


# The cache, in place of Redis. KV is quick to read everywhere and slow to agree: for up to a minute
# a read may give an item as it was. So a change checks the version in D1, and not here.

# A deployment that changes the shape of an item, or a rollback, must not read the other's entries.
_SHAPE = hashlib.sha256(json.dumps(Item.model_json_schema()).encode()).hexdigest()[:8]


def cache_key(item_id: int) -> str:
    return f"item:{_SHAPE}:{item_id}"


async def cached(env: Env, item_id: int) -> Item | None:
    """The item from the cache, or from the database into the cache."""
    try:
        found = await env.CACHE.get(cache_key(item_id))
    except JsException as error:
        # Without the cache the database answers.
        found = None
        log("error", event="cache", item=item_id, error=str(error))
    if found is not None:
        return Item.model_validate_json(found)
    item = await read_item(env, item_id)
    # A queued item is about to change, and its client is waiting for just that.
    if item is not None and item.status != "queued":
        with suppress(JsException):
            options = {"expirationTtl": CACHE_SECONDS}
            await env.CACHE.put(cache_key(item_id), item.model_dump_json(), options)
    return item


async def forget(env: Env, item_id: int) -> None:
    """Drop an item from the cache, or let it expire: KV takes one write a second for a key."""
    try:
        await env.CACHE.delete(cache_key(item_id))
    except JsException as error:
        log("error", event="cache", item=item_id, error=str(error))


# Items, in D1 in place of Postgres


def to_item(row: Mapping[str, Any]) -> Item:
    result = json.loads(row["result"]) if row["result"] else None
    return Item.model_validate({**row, "result": result})


COLUMNS = "id, name, description, version, status, result, created_at, updated_at"
# A version goes up by one with every change, whoever makes it.
CHANGED = "version = version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
EXPECTED = "version IN (SELECT value FROM json_each(?))"


async def read_item(env: Env, item_id: int) -> Item | None:
    row = await env.DB.prepare(f"SELECT {COLUMNS} FROM items WHERE id = ?").bind(item_id).first()
    return to_item(row) if row else None


def etag(item: Item) -> str:
    return f'"{item.version}"'


async def unchanged(env: Env, item_id: int) -> Problem:
    """Why a change found no row: the item is gone, or has another version."""
    # The cache may still have what the client has read.
    await forget(env, item_id)
    item = await read_item(env, item_id)
    if item is None:
        return missing(f"item {item_id}")
    hint = "The item has another version. Read it again."
    return Problem(412, "version-mismatch", hint, {"ETag": etag(item)})


@api.get("/api/items")
async def list_items(
    env: Bound,
    limit: Annotated[int, Query(ge=1, le=100), Digits] = 20,
    cursor: Annotated[int, Query(ge=0, le=MAX_ID), Digits] = 0,
) -> Page:
    """Items by age, from the one after `cursor` on."""
    statement = f"SELECT {COLUMNS} FROM items WHERE id > ? ORDER BY id LIMIT ?"
    found = await env.DB.prepare(statement).bind(cursor, limit).all()
    items = [to_item(row) for row in found["results"]]
    return Page(items=items, next_cursor=items[-1].id if len(items) == limit else None)


@api.post("/api/items", status_code=201, responses=problems(400))
async def create_item(env: Bound, body: ItemIn, response: Response) -> Item:
    """Make an item."""
    statement = f"INSERT INTO items (name, description) VALUES (?, ?) RETURNING {COLUMNS}"
    row = await env.DB.prepare(statement).bind(body.name, body.description).first()
    assert row is not None
    item = to_item(row)
    response.headers.update({"Location": f"/api/items/{item.id}", "ETag": etag(item)})
    return item


@api.get(
    "/api/items/{item_id}",
    responses=problems(404) | {304: {"description": "Not Modified"}},
    response_model=Item,
)
async def get_item(
    env: Bound, item_id: ItemId, response: Response, if_none_match: IfNoneMatch = None
) -> Item | Response:
    """An item, from the cache where it is there."""
    item = await cached(env, item_id)
    if item is None:
        raise missing(f"item {item_id}")
    if edge.names(if_none_match, etag(item)):
        return Response(status_code=304, headers={"ETag": etag(item)})
    response.headers["ETag"] = etag(item)
    return item


@api.put("/api/items/{item_id}", responses=problems(400, 404, 412, 428))
async def change_item(
    env: Bound, item_id: ItemId, body: ItemIn, response: Response, if_match: IfMatch
) -> Item:
    """Change an item, if it still is the one that was read."""
    # What was found out about the old text does not fit the new one.
    statement = (
        "UPDATE items SET name = ?, description = ?, result = NULL, "
        f"status = CASE status WHEN 'queued' THEN status ELSE 'new' END, {CHANGED} "
        f"WHERE id = ? AND {EXPECTED} RETURNING {COLUMNS}"
    )
    values = (body.name, body.description, item_id, edge.expected_versions(if_match))
    row = await env.DB.prepare(statement).bind(*values).first()
    if row is None:
        raise await unchanged(env, item_id)
    await forget(env, item_id)
    item = to_item(row)
    response.headers["ETag"] = etag(item)
    return item


@api.delete("/api/items/{item_id}", status_code=204, responses=problems(404, 412, 428))
async def delete_item(env: Bound, item_id: ItemId, if_match: IfMatch) -> None:
    """Delete an item, if it still is the one that was read."""
    statement = f"DELETE FROM items WHERE id = ? AND {EXPECTED} RETURNING id"
    versions = edge.expected_versions(if_match)
    if await env.DB.prepare(statement).bind(item_id, versions).first() is None:
        raise await unchanged(env, item_id)
    await forget(env, item_id)


# Background work, in a queue in place of Celery


@api.post("/api/process", status_code=202, responses=problems(400, 404))
async def process(env: Bound, body: ProcessIn, response: Response) -> Item:
    """Have an item worked on, and answer at once."""
    run = uuid4().hex
    statement = (
        f"UPDATE items SET status = 'queued', run = ?, {CHANGED} WHERE id = ? RETURNING {COLUMNS}"
    )
    row = await env.DB.prepare(statement).bind(run, body.item_id).first()
    if row is None:
        raise missing(f"item {body.item_id}")
    await forget(env, body.item_id)
    try:
        await env.QUEUE.send({"item_id": body.item_id, "run": run})
    except JsException:
        await finish(env, body.item_id, run, None)
        raise
    item = to_item(row)
    count(env, "queued", 0)
    response.headers.update({"Location": f"/api/items/{item.id}", "ETag": etag(item)})
    return item


async def existing(env: Bound, item_id: ItemId) -> Item:
    """The item of a path, as the database has it."""
    item = await read_item(env, item_id)
    if item is None:
        raise missing(f"item {item_id}")
    return item


@api.get("/api/items/{item_id}/events", response_class=EventSourceResponse, responses=problems(404))
async def watch_item(env: Bound, item: Annotated[Item, Depends(existing)]) -> AsyncIterator[Item]:
    """Server-sent events: the item as it is, and after each change, until no work is waiting."""
    end, seen = time.monotonic() + WATCH_SECONDS, item
    yield item
    while seen.status == "queued" and time.monotonic() < end:
        await asyncio.sleep(1)
        found = await read_item(env, item.id)
        if found is None:
            return
        if found != seen:
            seen = found
            yield found


async def work_on(item: Item) -> Findings:
    """The work itself. Yours goes here; it may be done more than once.

    All messages of a batch share the processor time that wrangler.toml allows (``cpu_ms``): raise
    it there for more work, or make batches smaller. Waiting for services does not count.
    """
    text = f"{item.name} {item.description}"
    return Findings(words=len(text.split()), characters=len(text.strip()))


async def finish(
    env: Env, item_id: int, run: str, work: Callable[[Item], Awaitable[Findings]] | None
) -> bool:
    """End a run with what ``work`` finds out, or as failed.

    Returns:
        ``False`` if the run has ended already, or a later one has begun.
    """
    current = "id = ? AND run = ? AND status = 'queued'"
    select = env.DB.prepare(f"SELECT {COLUMNS} FROM items WHERE {current}").bind(item_id, run)
    update = env.DB.prepare(
        f"UPDATE items SET status = ?, result = ?, {CHANGED} WHERE {current} AND version = ? "
        "RETURNING id"
    )
    while row := await select.first():
        item = to_item(row)
        found = (await work(item)).model_dump_json() if work else None
        ended = ("done" if work else "failed", found, item_id, run, item.version)
        # Whoever has edited the item meanwhile wants to know about the new text.
        if await update.bind(*ended).first() is not None:
            return True
    return False


async def consume(env: Env, message: Message) -> None:
    """One delivery. A message comes at least once: the run that it names makes it harmless."""
    started = time.monotonic()
    item_id, run = int(message.body["item_id"]), str(message.body["run"])
    if await finish(env, item_id, run, work_on):
        count(env, "done", (time.monotonic() - started) * 1000)


async def bury(env: Env, message: Message) -> None:
    """One dead letter: every attempt has failed, and so has the item."""
    item_id, run = int(message.body["item_id"]), str(message.body["run"])
    if await finish(env, item_id, run, None):
        count(env, "failed", 0)


def consumer_of(queue: str) -> Callable[[Env, Message], Awaitable[None]]:
    """The function that reads a queue, by the end of its name: environments differ in the rest."""
    if queue.endswith("-work"):
        return consume
    if queue.endswith("-work-dead-letters"):
        return bury
    raise LookupError(f"Nothing reads the queue {queue!r}.")


# Files, in R2. Each upload gets an address of its own that nobody can guess. So no upload replaces
# another one, and a page can show a picture without a token.

KEY_FORM = "^[0-9a-f]{32}$"
KEY_RULE = "The first part of a file's address is 32 characters, 0-9 and a-f."
NAME_FORM = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
NAME_RULE = (
    "A file name is 1 to 100 characters: A-Z, a-z, 0-9, dot, dash and underscore. "
    "The first one is a letter or a digit."
)
CURSOR_FORM = r"^(/files/[\s\S]+)?\s*$"
CURSOR_RULE = "A cursor is a next_cursor of this list: the address of its last file."
FileKey = Annotated[
    str,
    Path(description=KEY_RULE, json_schema_extra={"pattern": KEY_FORM}),
    edge.matches(KEY_FORM, KEY_RULE),
]
FileName = Annotated[
    str,
    Path(description=NAME_RULE, json_schema_extra={"pattern": NAME_FORM}),
    edge.matches(NAME_FORM, NAME_RULE),
]
FileCursor = Annotated[
    str,
    Query(max_length=1_000, description=CURSOR_RULE, json_schema_extra={"pattern": CURSOR_FORM}),
    edge.matches(CURSOR_FORM, CURSOR_RULE),
]


def to_file(stored: R2Object) -> File:
    return File(url=f"/files/{stored.key}", name=stored.key.rpartition("/")[2], size=stored.size)


@api.post(
    "/files/{name}",
    status_code=201,
    responses=problems(411),
    openapi_extra=edge.accepts(FILE_TYPES),
)
async def add_file(env: Bound, request: Request, name: FileName, response: Response) -> File:
    """Store a file."""
    # A UUID of version 7 begins with the time: R2 lists by key, so it lists the oldest first.
    stored = await edge.store_file(env.FILES, f"{uuid7().hex}/{name}", request, FILE_TYPES)
    file = to_file(stored)
    response.headers.update({"Location": file.url, "ETag": stored.httpEtag})
    return file


@api.get("/api/files")
async def list_files(
    env: Bound,
    limit: Annotated[int, Query(ge=1, le=100), Digits] = 20,
    cursor: FileCursor = "",
) -> Files:
    """Files by age."""
    # R2 takes any text for a cursor of its own, and finds nothing after most.
    after = {"startAfter": cursor.removeprefix("/files/")} if cursor else {}
    found = await env.FILES.list({"limit": limit, **after})
    files = [to_file(stored) for stored in found["objects"]]
    return Files(files=files, next_cursor=files[-1].url if found["truncated"] else None)


@app.get(
    "/files/{key}/{name}",
    response_class=Response,
    responses=problems(404, 412, 416) | edge.FILE_REPLIES,
)
async def get_file(env: Bound, request: Request, key: FileKey, name: FileName) -> Response:
    """A file, or with Range a part of it. Who knows its address needs no token."""
    reply = await edge.file_response(env.FILES, f"{key}/{name}", request)
    if reply is None:
        raise missing(f"file {name!r} of this address")
    return reply


@api.delete("/files/{key}/{name}", status_code=204, responses=problems(404, 412))
async def delete_file(env: Bound, request: Request, key: FileKey, name: FileName) -> None:
    """Delete a file."""
    path = f"{key}/{name}"
    found = await env.FILES.head(path)
    if found is None:
        raise missing(f"file {name!r} of this address")
    edge.check_expected(request, found.httpEtag)
    await env.FILES.delete(path)


# Metrics, in Analytics Engine in place of Prometheus

METRICS_HOURS = 24
# Sampled points stand for _sample_interval points each.
METRICS_SQL = """
SELECT blob1 AS event, SUM(_sample_interval) AS count,
       SUM(double1 * _sample_interval) / SUM(_sample_interval) AS average_ms
FROM {dataset} WHERE timestamp > NOW() - INTERVAL '{hours}' HOUR
GROUP BY event ORDER BY event FORMAT JSON
"""


def count(env: Env, event: str, ms: float) -> None:
    """Write a data point; it costs no time and can't fail."""
    env.METRICS.writeDataPoint({"indexes": [event], "blobs": [event], "doubles": [ms]})


@api.get("/api/metrics")
async def metrics(env: Bound) -> Metrics:
    """What happened lately, and how the items stand."""
    statement = "SELECT status, count(*) AS count FROM items GROUP BY status"
    found = await env.DB.prepare(statement).all()
    items = {row["status"]: row["count"] for row in found["results"]}
    account, token = variable(env, "ACCOUNT_ID"), variable(env, "ANALYTICS_TOKEN")
    if not account or not token:
        note = "Data points can be read only with ACCOUNT_ID and ANALYTICS_TOKEN; see the README."
        return Metrics(source="local", note=note, hours=0, events=[], items=items)
    query = METRICS_SQL.format(dataset=variable(env, "METRICS_DATASET"), hours=METRICS_HOURS)
    rows = await edge.query_analytics(account, token, query)
    events = [EventCount.model_validate(row) for row in rows]
    return Metrics(
        source="analytics-engine", note="", hours=METRICS_HOURS, events=events, items=items
    )


@app.get("/health", responses=problems(503))
async def health(env: Bound) -> dict[Literal["status"], str]:
    """Whether the Worker could work: configured and migrated."""
    if not variable(env, "API_TOKEN"):
        raise Problem(503, "misconfigured", "The secret API_TOKEN is not set.")
    await env.DB.prepare("SELECT 1 FROM items LIMIT 1").first()
    return {"status": "ok"}


app.include_router(api)


class Default(WorkerEntrypoint):
    """Called by the runtime, in a new instance for each event."""

    env: Env

    async def fetch(self, request: WorkersRequest) -> Any:
        return await edge.serve(app, request, self.env, self.ctx)

    # The runtime passes `env` and `ctx`, and both are None in Python.
    async def queue(self, batch: MessageBatch, env: None = None, ctx: None = None) -> None:
        await edge.deliver(self.env, batch, consumer_of)
