"""The whole application: pages, API, uploads, cache, background work and metrics.

Top to bottom: what the platform gives, the shapes of data, errors, who may call, the cache, items,
background work, uploads, metrics, the outside of it all, and the Worker's entry point. Nothing may
touch a binding, the clock or randomness while this module is imported: that happens once, at
deployment, and is shared by every request.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from contextvars import ContextVar
from http import HTTPMethod, HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol
from urllib.parse import unquote
from uuid import uuid4, uuid7

import js
from fastapi import Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from pyodide.ffi import JsException
from starlette.exceptions import HTTPException
from starlette.routing import Match
from workers import Request as WorkersRequest
from workers import Response as Reply
from workers import WorkerEntrypoint, asgi, fetch

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
        R2ObjectBody,
        RateLimit,
        ReadableStream,
    )
    from starlette.types import Receive, Scope, Send


class Env(Protocol):
    """What wrangler.toml binds. Secrets and empty variables may be missing: see ``variable``."""

    DB: D1Database
    CACHE: KVNamespace
    QUEUE: Queue
    FILES: R2Bucket
    METRICS: AnalyticsEngine
    ASSETS: Fetcher
    RATE_LIMITER: RateLimit


# Limits, each with its reason. Where a number is Cloudflare's, it is the one of November 2026.

# The bridge to ASGI holds a body in memory before the application sees it.
MAX_JSON_BYTES = 100_000
# No honest document comes near it; far more would overflow the stack of the JSON parser, which in
# WebAssembly is a crash.
MAX_NESTING = 32
# Matches each string as a whole, so that brackets in it do not count. A string that is never closed
# matches up to the end: otherwise each quote in it would start another search through the rest.
STRUCTURE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[][{}]', re.DOTALL)
# One R2 put takes up to 5 GB; a Worker on a Free or Pro zone is sent 100 MB at most.
MAX_FILE_BYTES = 50_000_000
# R2's error for a range that begins behind the end of a file.
RANGE_ERROR = "10039"
# How long a client may go on sending what is refused.
DISCARD_SECONDS = 5
# The shortest time after which KV lets an entry expire.
CACHE_SECONDS = 60
# Far more rows than D1 holds, far less than JavaScript counts exactly.
MAX_ID = 2**40
# A message that failed is delivered again after 10 s, 20 s, 40 s, ...
FIRST_DELAY_SECONDS = 10
MAX_DELAY_SECONDS = 3_600

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
# What web pages of CORS_ORIGINS may send, and may read of the answer.
ALLOWED_HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Range"
EXPOSED_HEADERS = "Content-Range, ETag, Location, Retry-After, X-Request-Id"
# Types that a browser may show by itself without running anything; others are downloaded.
SHOWN_TYPES = frozenset(["image/png", "image/jpeg", "image/gif", "image/webp"])
FILE_TYPES = SHOWN_TYPES | {"application/pdf", "application/zip", "text/plain", "text/csv"}
CHARSET = re.compile(r';\s*charset="?[\w.:+-]{1,40}"?', re.ASCII | re.IGNORECASE)


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

    item_id: int = Field(ge=1, le=MAX_ID)


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


# Errors: RFC 9457 problem details, all of one shape


class FieldError(BaseModel):
    """One thing that is wrong with a request. ``pointer`` is a JSON pointer (RFC 6901)."""

    pointer: str
    detail: str


class ProblemDetails(BaseModel):
    """``code`` is a stable word for programs, ``detail`` a sentence for people."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[FieldError] | None = None


class Problem(Exception):
    """An error with an HTTP status. Its detail is sent as it is."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None):
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.errors: list[FieldError] | None = None


def problem_response(problem: Problem, request_id: str) -> JSONResponse:
    details = ProblemDetails(
        title=HTTPStatus(problem.status).phrase,
        status=problem.status,
        code=problem.code,
        detail=problem.detail,
        request_id=request_id,
        errors=problem.errors,
    )
    return JSONResponse(
        details.model_dump(exclude_none=True),
        problem.status,
        problem.headers,
        media_type="application/problem+json",
    )


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors that a route documents besides those that every route with a token has."""
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            # FastAPI puts the model among the schemas, but knows it as application/json only.
            "model": ProblemDetails,
            "content": {"application/problem+json": {"schema": schema}},
        }
        for status in sorted({*statuses, 401, 413, 415, 422, 429, 500, 502, 503})
    }


def missing(what: str) -> Problem:
    return Problem(404, "not-found", f"There is no {what}.")


# Who may call, and with what


def variable(env: Env, name: str) -> str:
    """A variable or secret; empty where it is not set."""
    return str(getattr(env, name, None) or "")


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
        raise Problem(
            401,
            "unauthorized",
            "Send the header Authorization: Bearer <API_TOKEN>.",
            {"WWW-Authenticate": "Bearer"},
        )
    if not (await env.RATE_LIMITER.limit({"key": expected}))["success"]:
        wait = {"Retry-After": "60"}
        raise Problem(429, "rate-limited", "Too many requests in a minute.", wait)


class Route(APIRoute):
    """A route that checks a body before FastAPI parses it.

    FastAPI parses a body before it runs ``authorize``: anybody can send one.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            refuse_nesting(await request.body())
            return await handle(request)

        return checked


def refuse_nesting(body: bytes) -> None:
    # The parser takes UTF-16 too, in which brackets can hide from a search for bytes.
    if b"\0" in body:
        raise Problem(400, "not-json", "Send JSON in UTF-8.")
    depth = 0
    for token in STRUCTURE.finditer(body):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
        if depth > MAX_NESTING:
            raise Problem(400, "not-json", f"The JSON is nested more than {MAX_NESTING} deep.")


app = FastAPI(
    title="myapp",
    version="1.0.0",
    # public/docs.html shows it, with files of this very host.
    docs_url=None,
    redoc_url=None,
)
app.router.route_class = Route
protected = [Depends(authorize)]
ItemId = Annotated[int, Path(ge=1, le=MAX_ID)]
IfMatch = Annotated[str, Header(min_length=1, description="The ETag of the item that was read")]


@app.exception_handler(Problem)
async def on_problem(request: Request, problem: Problem) -> JSONResponse:
    return problem_response(problem, request.scope["request_id"])


@app.exception_handler(Exception)
async def on_error(request: Request, error: Exception) -> JSONResponse:
    """Mistakes in this program, and errors of Cloudflare's services."""
    if isinstance(error, JsException):
        problem = Problem(502, "service-failed", "A Cloudflare service failed.")
    else:
        problem = Problem(500, "internal-error", "Something went wrong in the Worker.")
    return problem_response(problem, request.scope["request_id"])


@app.exception_handler(HTTPException)
async def on_http_error(request: Request, error: HTTPException) -> JSONResponse:
    """What the framework refuses by itself: unknown paths and methods."""
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    problem = Problem(error.status_code, code, str(error.detail), dict(error.headers or {}))
    if problem.status == 405:
        problem.headers["Allow"] = allowed_methods(request.scope["path"])
    return problem_response(problem, request.scope["request_id"])


@app.exception_handler(RequestValidationError)
async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    problem = Problem(422, "invalid-request", "The request has invalid fields.")
    absent = [item["loc"] for item in error.errors() if item["type"] == "missing"]
    # FastAPI leaves a body as it is, in bytes, unless its Content-Type is JSON.
    if isinstance(error.body, bytes):
        hint = "Send JSON, with the header Content-Type: application/json."
        problem = Problem(415, "not-json", hint)
    elif ("header", "if-match") in absent:
        hint = "Send the item's ETag in the header If-Match."
        problem = Problem(428, "if-match-required", hint)
    else:
        problem.errors = [field_error(item) for item in error.errors()]
    return problem_response(problem, request.scope["request_id"])


def field_error(item: Mapping[str, Any]) -> FieldError:
    if item["type"] == "json_invalid":
        # There are no fields to point to, only the offset where the parser gave up.
        return FieldError(pointer="#", detail="The body is no valid JSON.")
    return FieldError(pointer="/".join(["#", *map(str, item["loc"][1:])]), detail=item["msg"])


def allowed_methods(path: str) -> str:
    """The header ``Allow``. The framework would name the methods of one route of the path only."""
    scope = {"type": "http", "path": path}
    return ", ".join(
        method
        for method in METHODS
        for route in app.routes
        if route.matches(scope | {"method": method.replace("HEAD", "GET")})[0] is Match.FULL
    )


# The cache, in place of Redis. KV is quick to read everywhere and slow to agree: for up to a minute
# a read may give an item as it was. So a change checks the version in D1, and not here.


# A deployment that changes the shape of an item, or a rollback, must not read the other's entries.
_SHAPE = hashlib.sha256(json.dumps(Item.model_json_schema()).encode()).hexdigest()[:8]


def cache_key(item_id: int) -> str:
    return f"item:{_SHAPE}:{item_id}"


async def cached(env: Env, item_id: int) -> Item | None:
    """The item from the cache, or from the database into the cache."""
    found = await env.CACHE.get(cache_key(item_id))
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


async def read_item(env: Env, item_id: int) -> Item | None:
    row = await env.DB.prepare(f"SELECT {COLUMNS} FROM items WHERE id = ?").bind(item_id).first()
    return to_item(row) if row else None


def etag(item: Item) -> str:
    return f'"{item.version}"'


def expected_version(if_match: str) -> int:
    """The version that a client wants to change: the one that it has seen."""
    # RFC 9110 would refuse a weak ETag (W/). But ours become weak where a proxy compresses what we
    # send, as Cloudflare's may, and the version in them is exact all the same.
    found = re.fullmatch(r'(?:W/)?"([1-9][0-9]{0,14})"', if_match)
    # An ETag that never was one of ours can't be the item's.
    return int(found[1]) if found else 0


def already_has(if_none_match: str | None, etag: str) -> bool:
    """Whether ``If-None-Match`` names an ETag; W/ before one does not matter (RFC 9110, 13.1.2)."""
    header = if_none_match or ""
    return header.strip() == "*" or etag in re.findall(r'"[^"]*"', header)


async def check_changed(env: Env, item_id: int) -> None:
    """Say why a change found no row: the item is gone, or has another version."""
    if await read_item(env, item_id) is None:
        raise missing(f"item {item_id}")
    raise Problem(412, "version-mismatch", "The item has changed meanwhile. Read it again.")


@app.get("/api/items", dependencies=protected, responses=responses())
async def list_items(
    env: Bound,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[int, Query(ge=0, le=MAX_ID)] = 0,
) -> Page:
    """Items by age, from the one after `cursor` on."""
    statement = f"SELECT {COLUMNS} FROM items WHERE id > ? ORDER BY id LIMIT ?"
    found = await env.DB.prepare(statement).bind(cursor, limit).all()
    items = [to_item(row) for row in found["results"]]
    return Page(items=items, next_cursor=items[-1].id if len(items) == limit else None)


@app.post("/api/items", status_code=201, dependencies=protected, responses=responses(400, 415))
async def create_item(env: Bound, body: ItemIn, response: Response) -> Item:
    """Make an item."""
    statement = f"INSERT INTO items (name, description) VALUES (?, ?) RETURNING {COLUMNS}"
    row = await env.DB.prepare(statement).bind(body.name, body.description).first()
    assert row is not None
    item = to_item(row)
    response.headers.update({"Location": f"/api/items/{item.id}", "ETag": etag(item)})
    return item


@app.get(
    "/api/items/{item_id}",
    dependencies=protected,
    responses=responses(404) | {304: {"description": "Not Modified"}},
    response_model=Item,
)
async def get_item(
    env: Bound,
    item_id: ItemId,
    response: Response,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Item | Response:
    """An item, from the cache where it is there."""
    item = await cached(env, item_id)
    if item is None:
        raise missing(f"item {item_id}")
    if already_has(if_none_match, etag(item)):
        return Response(status_code=304, headers={"ETag": etag(item)})
    response.headers["ETag"] = etag(item)
    return item


@app.put(
    "/api/items/{item_id}",
    dependencies=protected,
    responses=responses(400, 404, 412, 415, 428),
)
async def change_item(
    env: Bound, item_id: ItemId, body: ItemIn, response: Response, if_match: IfMatch
) -> Item:
    """Change an item, if it still is the one that was read."""
    # What was found out about the old text does not fit the new one.
    statement = (
        "UPDATE items SET name = ?, description = ?, result = NULL, "
        f"status = CASE status WHEN 'queued' THEN status ELSE 'new' END, {CHANGED} "
        f"WHERE id = ? AND version = ? RETURNING {COLUMNS}"
    )
    values = (body.name, body.description, item_id, expected_version(if_match))
    row = await env.DB.prepare(statement).bind(*values).first()
    if row is None:
        await check_changed(env, item_id)
    assert row is not None
    await forget(env, item_id)
    item = to_item(row)
    response.headers["ETag"] = etag(item)
    return item


@app.delete(
    "/api/items/{item_id}",
    status_code=204,
    dependencies=protected,
    responses=responses(404, 412, 428),
)
async def delete_item(env: Bound, item_id: ItemId, if_match: IfMatch) -> None:
    """Delete an item, if it still is the one that was read."""
    statement = "DELETE FROM items WHERE id = ? AND version = ? RETURNING id"
    version = expected_version(if_match)
    if await env.DB.prepare(statement).bind(item_id, version).first() is None:
        await check_changed(env, item_id)
    await forget(env, item_id)


# Background work, in a queue in place of Celery


@app.post(
    "/api/process",
    status_code=202,
    dependencies=protected,
    responses=responses(400, 404, 415),
)
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


# Uploads, in R2. A body goes there as a stream, around the bridge that would hold it in memory.
# Each gets an address of its own that nobody can guess. So no upload replaces another one, and a
# page can show a picture without a token.

_upload: ContextVar[Any] = ContextVar("upload", default=None)
FileKey = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
FileName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


def to_file(stored: R2Object) -> File:
    return File(url=f"/files/{stored.key}", name=stored.key.rpartition("/")[2], size=stored.size)


@app.post(
    "/files/{name}",
    status_code=201,
    dependencies=protected,
    responses=responses(411),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": {}} for kind in sorted(FILE_TYPES)},
        }
    },
)
async def add_file(env: Bound, request: Request, name: FileName, response: Response) -> File:
    """Store a file. R2 takes a stream only if its length is known."""
    said = request.headers.get("content-type", "")
    kind = said.partition(";")[0].strip().lower()
    if kind not in FILE_TYPES:
        known = ", ".join(sorted(FILE_TYPES))
        raise Problem(415, "unsupported-type", f"Send the Content-Type, one of these: {known}.")
    # Without it, whoever reads the file takes it for UTF-8.
    charset = CHARSET.search(said) if kind.startswith("text/") else None
    metadata = {"httpMetadata": {"contentType": kind + (charset[0].lower() if charset else "")}}
    # A UUID of version 7 begins with the time: R2 lists by key, so it lists the oldest first.
    stored = await env.FILES.put(f"{uuid7().hex}/{name}", _upload.get() or b"", metadata)
    assert stored is not None
    file = to_file(stored)
    response.headers.update({"Location": file.url, "ETag": stored.httpEtag})
    return file


@app.get("/api/files", dependencies=protected, responses=responses())
async def list_files(
    env: Bound,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str, Query(max_length=1_000)] = "",
) -> Files:
    """Files by age."""
    found = await env.FILES.list({"limit": limit, **({"cursor": cursor} if cursor else {})})
    files = [to_file(stored) for stored in found["objects"]]
    return Files(files=files, next_cursor=found["cursor"] if found["truncated"] else None)


@app.get(
    "/files/{key}/{name}",
    response_class=Response,
    responses=responses(404, 416)
    | {
        200: {"content": {"*/*": {"schema": {}}}},
        206: {"description": "Partial Content"},
        304: {"description": "Not Modified"},
    },
)
async def get_file(
    env: Bound,
    request: Request,
    key: FileKey,
    name: FileName,
    if_none_match: Annotated[str | None, Header()] = None,
    range_: Annotated[str | None, Header(alias="range")] = None,
) -> Response:
    """A file. If-Range needs no check: an address never gets another file."""
    path, head = f"{key}/{name}", request.scope["head"]
    part = {} if head else wanted_part(range_)
    found = await (env.FILES.head(path) if head else read_file(env, path, part))
    if found is None:
        raise missing(f"file {name!r} of this address")
    # Files that came by other ways may have no type.
    kind = found.httpMetadata.get("contentType") or "application/octet-stream"
    headers = {
        "ETag": found.httpEtag,
        "Accept-Ranges": "bytes",
        # Kept, but asked for again each time: it may have been deleted.
        "Cache-Control": "public, no-cache",
        # Whatever somebody uploads must not act as a page of this host.
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Disposition": "inline" if kind in SHOWN_TYPES else "attachment",
    }
    body = getattr(found, "body", None)
    if already_has(if_none_match, found.httpEtag):
        if body:
            await body.cancel()
        return Response(status_code=304, headers=headers)
    start = part.get("offset", found.size - min(part.get("suffix", found.size), found.size))
    length = min(part.get("length", found.size), found.size - start)
    headers |= {"Content-Type": kind, "Content-Length": str(length)}
    if part:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{found.size}"
    status = 206 if part else 200
    if body is None:
        return Response(status_code=status, headers=headers)
    return StreamingResponse(pieces(body), status, headers)


async def read_file(env: Env, path: str, part: Mapping[str, int]) -> R2ObjectBody | None:
    try:
        return await env.FILES.get(path, {"range": part} if part else {})
    except JsException as error:
        if RANGE_ERROR not in str(error) or not (found := await env.FILES.head(path)):
            raise
        whole = {"Content-Range": f"bytes */{found.size}"}
        detail = f"The file has {found.size} bytes."
        raise Problem(416, "range-not-satisfiable", detail, whole) from error


def wanted_part(header: str | None) -> dict[str, int]:
    """The part that ``Range`` asks for, as R2 takes it; empty for the whole.

    More than one part, or another unit, is answered with the whole, as RFC 9110 allows.
    """
    found = re.fullmatch(r"bytes=([0-9]{0,15})-([0-9]{0,15})", header or "", re.ASCII)
    first, last = found.groups() if found else ("", "")
    if first and last:
        length = int(last) - int(first) + 1
        return {"offset": int(first), "length": length} if length > 0 else {}
    if first:
        return {"offset": int(first)}
    return {"suffix": int(last)} if last else {}


async def pieces(stream: ReadableStream) -> AsyncIterator[bytes]:
    async for piece in stream:
        yield piece.to_bytes()


@app.delete(
    "/files/{key}/{name}", status_code=204, dependencies=protected, responses=responses(404)
)
async def delete_file(env: Bound, key: FileKey, name: FileName) -> None:
    """Delete a file."""
    path = f"{key}/{name}"
    if await env.FILES.head(path) is None:
        raise missing(f"file {name!r} of this address")
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


@app.get("/api/metrics", dependencies=protected, responses=responses())
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
    failed = Problem(502, "metrics-failed", "Analytics Engine did not answer the query.")
    try:
        answer = await fetch(
            f"https://api.cloudflare.com/client/v4/accounts/{account}/analytics_engine/sql",
            method=HTTPMethod.POST,
            headers={"Authorization": f"Bearer {token}"},
            body=query,
        )
    except OSError as error:
        raise failed from error
    if answer.status != 200:
        log("error", event="metrics", status=answer.status, error=await answer.text())
        raise failed
    events = [EventCount.model_validate(row) for row in (await answer.json())["data"]]
    return Metrics(
        source="analytics-engine", note="", hours=METRICS_HOURS, events=events, items=items
    )


@app.get("/health", responses={503: responses()[503]})
async def health(env: Bound) -> dict[Literal["status"], str]:
    """Whether the Worker could work: configured and migrated."""
    if not variable(env, "API_TOKEN"):
        raise Problem(503, "misconfigured", "The secret API_TOKEN is not set.")
    await env.DB.prepare("SELECT 1 FROM items LIMIT 1").first()
    return {"status": "ok"}


# The outside: one reply and one log line for each request, whatever happens


def log(level: str, **fields: object) -> None:
    """One line of JSON, which Workers Logs takes apart. No body and no token is in it."""
    print(json.dumps({"level": level, **fields}))


class Outside:
    """Gives each request an id, headers that every reply has, and a last answer to errors."""

    def __init__(self, inside: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._inside = inside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._inside(scope, receive, send)
        started, status = time.monotonic(), 0
        scope["request_id"] = uuid4().hex
        method = scope["method"]
        # HEAD is handled as GET, and the runtime leaves out the body. `head` is for routes that can
        # spare making it.
        scope["head"] = method == "HEAD"
        if scope["head"]:
            scope["method"] = "GET"
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        added = self._headers(scope, headers)

        async def reply(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = {name.lower() for name, _ in message["headers"]}
                extra = [(n.encode(), v.encode()) for n, v in added.items()]
                message["headers"] += [pair for pair in extra if pair[0] not in own]
            await send(message)

        fields: dict[str, object] = {}
        try:
            if scope["method"] == "OPTIONS":
                await Response(status_code=204)(scope, receive, reply)
            elif refused := refuse_body(scope, headers):
                await problem_response(refused, scope["request_id"])(scope, receive, reply)
            else:
                await self._inside(scope, receive, reply)
        except Exception as error:
            # The handlers above have answered; the log gets all of it.
            fields["error"] = "".join(traceback.format_exception(error))
            if not status:
                raise
        finally:
            fields |= {"request_id": scope["request_id"], "method": method}
            fields |= {"path": scope["path"], "status": status}
            fields["ms"] = round((time.monotonic() - started) * 1000)
            log("error" if status >= 500 else "info", **fields)

    def _headers(self, scope: Scope, headers: Mapping[str, str]) -> dict[str, str]:
        """What every reply has; for the origins in ``CORS_ORIGINS`` what a browser asks for."""
        added = {
            "x-request-id": scope["request_id"],
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
        }
        origins = variable(scope["env"], "CORS_ORIGINS")
        if not origins:
            return added
        added["vary"] = "Origin"
        origin = headers.get("origin", "")
        if origin in [allowed.strip() for allowed in origins.split(",")]:
            added["access-control-allow-origin"] = origin
            added["access-control-expose-headers"] = EXPOSED_HEADERS
            if scope["method"] == "OPTIONS":
                added["access-control-allow-methods"] = ", ".join(METHODS)
                added["access-control-allow-headers"] = ALLOWED_HEADERS
                added["access-control-max-age"] = "86400"
        return added


def is_upload(method: str, path: str) -> bool:
    return method == "POST" and path.startswith("/files/")


def may_be_large(request: WorkersRequest) -> bool:
    """Whether a body may be more than the bridge to ASGI may hold."""
    length = request.headers.get("content-length") or ""
    small = re.fullmatch(r"[0-9]{1,12}", length, re.ASCII) and int(length) <= MAX_JSON_BYTES
    return bool(request.body) and not small


def refuse_body(scope: Scope, headers: Mapping[str, str]) -> Problem | None:
    """The answer to a body that is compressed or too large, or may be."""
    upload = is_upload(scope["method"], scope["path"])
    limit = MAX_FILE_BYTES if upload else MAX_JSON_BYTES
    length = headers.get("content-length")
    if length is None:
        if not upload and _upload.get() is None:
            return None
        return Problem(411, "length-required", "Send the header Content-Length.")
    if not re.fullmatch(r"[0-9]{1,12}", length, re.ASCII) or int(length) > limit:
        return Problem(413, "too-large", f"A body may have at most {limit} bytes here.")
    # Nothing is decompressed here: what is small on its way could fill the memory.
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        detail = f"Send the body as it is, without Content-Encoding: {encoding}."
        return Problem(415, "unsupported-encoding", detail, {"Accept-Encoding": "identity"})
    return None


async def discard_rest(request: WorkersRequest) -> None:
    """Let a client finish sending a body that nobody reads: workerd closes the connection of one
    that still sends when it is answered, and many clients then never look at the answer."""
    if request.body and not request.js_object.bodyUsed:
        rest = asyncio.ensure_future(discard(request.body))
        await asyncio.wait([rest], timeout=DISCARD_SECONDS)


async def discard(body: Any) -> None:
    # It fails if the client has gone.
    with suppress(JsException):
        await body.pipeTo(js.WritableStream.new())


application = Outside(app)


# The entry point


class Default(WorkerEntrypoint):
    """Called by the runtime, in a new instance for each event."""

    env: Env

    async def fetch(self, request: WorkersRequest) -> Any:
        reply = await self._reply(request)
        await discard_rest(request)
        return reply

    async def _reply(self, request: WorkersRequest) -> Any:
        # Decoded, as routes are matched: /%66iles/a.txt is the path of an upload, too.
        method, path = str(request.js_object.method), unquote(js.URL.new(request.url).pathname)
        if method not in HTTPMethod.__members__:
            # The SDK fails on methods that Python's enumeration lacks.
            return Reply(None, status=405, headers={"Allow": allowed_methods(path)})
        if is_upload(method, path) or may_be_large(request):
            _upload.set(request.body)
            headers = request.js_object.headers
            bare = js.Request.new(request.url, method=method, headers=headers)
            request = WorkersRequest(bare)
        return await asgi.fetch(application, request, self.env, self.ctx)

    # The runtime passes `env` and `ctx`, and both are None in Python.
    async def queue(self, batch: MessageBatch, env: None = None, ctx: None = None) -> None:
        for message in batch.messages:
            try:
                await consumer_of(batch.queue)(self.env, message)
            except Exception as error:
                delay = FIRST_DELAY_SECONDS * 2 ** (message.attempts - 1)
                message.retry({"delaySeconds": min(delay, MAX_DELAY_SECONDS)})
                trace = "".join(traceback.format_exception(error))
                log("error", event="retry", message=message.id, error=trace)
            else:
                message.ack()
