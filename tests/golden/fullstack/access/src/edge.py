"""What every request goes through before and after the application in main.py.

Errors of one shape, limits for bodies, HEAD, one line in the log, and files from R2 in
parts. Nothing here knows of items: a new route or table needs no change in this file.
"""

from __future__ import annotations

import asyncio
import json
import mimetypes
import re
import time
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from http import HTTPMethod, HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote
from uuid import uuid4

import js
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import AfterValidator, BaseModel
from pydantic_core import PydanticCustomError
from pyodide.ffi import JsException, to_js
from starlette.exceptions import HTTPException
from starlette.routing import Match
from workers import Request as WorkersRequest
from workers import asgi, fetch

if TYPE_CHECKING:
    from bindings import MessageBatch, R2Bucket, R2Object, R2ObjectBody, ReadableStream
    from starlette.types import Message, Receive, Scope, Send

# A POST below this path has its body passed on as a stream, in `request.scope["upload"]`: the
# bridge to ASGI holds all other bodies in memory.
UPLOADS = "/files/"
# One R2 put takes up to 5 GB; a Worker on a Free or Pro zone is sent 100 MB at most.
MAX_FILE_BYTES = 50_000_000
MAX_JSON_BYTES = 100_000
# No honest document comes near it; far more would overflow the stack of the JSON parser, which in
# WebAssembly is a crash.
MAX_NESTING = 32
# Matches each string as a whole, so that brackets in it do not count. A string that is never closed
# matches up to the end: otherwise each quote in it would start another search through the rest.
STRUCTURE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[][{}]', re.DOTALL)
CHARSET = re.compile(r';\s*charset="?[\w.:+-]{1,40}"?', re.ASCII | re.IGNORECASE)
# A message that failed is delivered again after 10 s, 20 s, 40 s, ...
FIRST_DELAY_SECONDS = 10
MAX_DELAY_SECONDS = 3_600
# How long a client may go on sending what is refused.
DISCARD_SECONDS = 5
# All errors of R2's own have a number.
R2_ERROR = re.compile(r"\([0-9]+\)$", re.ASCII)
# Types that a browser may show by itself without running anything; others are downloaded.
SHOWN_TYPES = frozenset(["image/png", "image/jpeg", "image/gif", "image/webp"])
# What clients say if they know nothing, and Windows of CSV and ZIP: the name may tell more.
UNTOLD_TYPES = {
    *("", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"),
    *("application/vnd.ms-excel", "application/x-zip-compressed"),
}

# The SDK knows no others than Python's, and no Request can be made with CONNECT or TRACE. What has
# another method is passed on as POST, and refused.
PASSED_METHODS = HTTPMethod.__members__.keys() - {"CONNECT", "TRACE"}
# All that a route can have. HEAD comes with GET.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


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


class Problem(HTTPException):
    """An error with a code. Its detail is sent as it is."""

    def __init__(
        self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, headers)
        self.code = code


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for OpenAPI."""
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            # FastAPI puts the model among the schemas, but knows it as application/json only.
            "model": ProblemDetails,
            "content": {"application/problem+json": {"schema": schema}},
        }
        for status in statuses
    }


def problem_response(
    request_id: str, error: HTTPException, errors: list[FieldError] | None = None
) -> JSONResponse:
    title = HTTPStatus(error.status_code).phrase
    details = ProblemDetails(
        title=title,
        status=error.status_code,
        code=getattr(error, "code", title.lower().replace(" ", "-")),
        detail=error.detail,
        request_id=request_id,
        errors=errors,
    )
    media_type = "application/problem+json"
    content = details.model_dump(exclude_none=True)
    return JSONResponse(content, error.status_code, error.headers, media_type)


async def on_problem(request: Request, error: HTTPException) -> JSONResponse:
    """A Problem, or what the framework refuses by itself: paths, methods, and bodies at times."""
    if error.status_code == 405:
        error.headers = {"Allow": allowed_methods(request.app, request.scope["path"])}
    elif error.status_code == 400 and not isinstance(error, Problem):
        error = no_json()
    return problem_response(request.scope["request_id"], error)


async def on_error(request: Request, error: Exception) -> JSONResponse:
    """Mistakes in this program, and errors of Cloudflare's services."""
    problem = Problem(500, "internal-error", "Something went wrong in the Worker.")
    if isinstance(error, JsException):
        problem = Problem(502, "service-failed", "A Cloudflare service failed.")
    return problem_response(request.scope["request_id"], problem)


async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    errors = None
    wrong = {item["loc"]: item["type"] for item in error.errors()}
    # FastAPI leaves a body as it is, in bytes, unless its Content-Type is JSON.
    if isinstance(error.body, bytes):
        hint = "Send JSON, with the header Content-Type: application/json."
        problem = Problem(415, "not-json", hint)
    elif "json_invalid" in wrong.values():
        problem = no_json()
    elif ("header", "if-match") in wrong:
        hint = "Read it first, and send its ETag in the header If-Match."
        problem = Problem(428, "if-match-required", hint)
    else:
        problem = Problem(422, "invalid-request", "The request has invalid fields.")
        errors = [field_error(item) for item in error.errors()]
    return problem_response(request.scope["request_id"], problem, errors)


def field_error(item: Mapping[str, Any]) -> FieldError:
    # A pointer in a fragment (RFC 6901, 6): a key of the body may have any characters.
    keys = (str(key).replace("~", "~0").replace("/", "~1") for key in item["loc"][1:])
    return FieldError(pointer="/".join(["#", *map(quote, keys)]), detail=item["msg"])


HANDLERS: dict[int | type[Exception], Any] = {
    HTTPException: on_problem,
    RequestValidationError: on_invalid,
    Exception: on_error,
}


def allowed_methods(app: FastAPI, path: str) -> str:
    """The header ``Allow``. The framework would name the methods of one route of the path only."""
    scope = {"type": "http", "path": path}
    return ", ".join(
        method
        for method in METHODS
        for route in app.routes
        if route.matches(scope | {"method": method.replace("HEAD", "GET")})[0] is Match.FULL
    )


# Requests and replies


async def serve(app: FastAPI, request: WorkersRequest, env: Any, ctx: Any) -> Any:
    """Have the application answer a request."""
    # Decoded, as routes are matched: /%66iles/a.txt is the path of an upload, too.
    method, path = str(request.js_object.method), unquote(js.URL.new(request.url).pathname)
    upload = method == "POST" and path.startswith(UPLOADS)
    exchange, passed, body = Exchange(app, method), request, b""
    try:
        check_headers(request, upload)
        if upload:
            exchange.upload = request.body
        # With GET a body means nothing (RFC 9110, 9.3.1), and the application must not get it.
        elif request.body and method not in ("GET", "HEAD"):
            body = await read_json(request)
    except Problem as problem:
        exchange.refused = problem
    if request.body or method not in PASSED_METHODS:
        known = method if method in PASSED_METHODS else "POST"
        init = {"method": known, "headers": request.js_object.headers}
        init |= {"body": to_js(body)} if body else {}
        passed = WorkersRequest(js.Request.new(request.url, **init))
    reply = await asgi.fetch(exchange, passed, env, ctx)
    if exchange.body:
        reply = js.Response.new(to_js(exchange.body), reply)
    elif exchange.length is not None:
        # The runtime sends no Content-Length for a stream, unless the stream has a length.
        sized = js.FixedLengthStream.new(exchange.length)
        reply = js.Response.new(reply.body.pipeThrough(sized), reply)
    await discard_rest(request)
    return reply


def check_headers(request: WorkersRequest, upload: bool) -> None:
    """Refuse a body that is compressed or too large, or may be."""
    limit = MAX_FILE_BYTES if upload else MAX_JSON_BYTES
    length = request.headers.get("content-length")
    # R2 takes a stream only if its length is known. Other bodies are counted as they come.
    if length is None and upload:
        raise Problem(411, "length-required", "Send the header Content-Length.")
    if length and (not re.fullmatch(r"[0-9]{1,12}", length, re.ASCII) or int(length) > limit):
        raise too_large(limit)
    # Nothing is decompressed here: what is small on its way could fill the memory.
    encoding = (request.headers.get("content-encoding") or "identity").strip().lower()
    if encoding != "identity":
        detail = f"Send the body as it is, without Content-Encoding: {encoding}."
        raise Problem(415, "unsupported-encoding", detail, {"Accept-Encoding": "identity"})


async def read_json(request: WorkersRequest) -> bytes:
    """A body that FastAPI may parse. It does so before it checks a token."""
    body = bytearray()
    try:
        async for piece in request.body:
            body += piece.to_bytes()
            if len(body) > MAX_JSON_BYTES:
                raise too_large(MAX_JSON_BYTES)
    except JsException as error:
        raise cut_off() from error
    # The parser takes UTF-16 too, in which brackets can hide from a search for bytes.
    if b"\0" in body:
        raise no_json()
    depth = 0
    for token in STRUCTURE.finditer(body):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
        if depth > MAX_NESTING:
            raise Problem(400, "not-json", f"The JSON is nested more than {MAX_NESTING} deep.")
    return bytes(body)


class Exchange:
    """A request and its reply: an id, headers that every reply has, and one line in the log."""

    def __init__(self, app: FastAPI, method: str) -> None:
        self._app = app
        self._method = method
        self.upload: ReadableStream | None = None
        self.refused: Problem | None = None
        # What was sent in one piece. The bridge would never free its memory: `serve` sends it.
        self.body = b""
        # How many bytes are sent in more pieces, if the application has said so.
        self.length: int | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started, status, gone, method = time.monotonic(), 0, False, self._method
        length: int | None = None
        # HEAD is handled as GET, and the runtime leaves out the body. `head` is for routes that can
        # spare making it.
        scope.update(request_id=uuid4().hex, upload=self.upload, head=method == "HEAD")
        scope["method"] = "GET" if scope["head"] else method
        added = added_headers(scope)

        async def reply(message: Message) -> None:
            nonlocal status, gone, length
            if message["type"] == "http.response.start":
                status = message["status"]
                own = {name.lower(): value for name, value in message["headers"]}
                length = int(own[b"content-length"]) if b"content-length" in own else None
                message["headers"] += [pair for pair in added if pair[0] not in own]
            elif message.get("more_body"):
                self.length = length
            else:
                self.body, message["body"] = message.get("body", b""), b""
            try:
                await send(message)
            except JsException:
                gone = True
                raise

        fields: dict[str, object] = {}
        try:
            if self.refused:
                response = problem_response(scope["request_id"], self.refused)
                await response(scope, receive, reply)
            else:
                await self._app(scope, receive, reply)
        except Exception as error:
            # The handlers above have answered; the log gets all of it. That a client goes before it
            # has read everything is no error.
            if not gone:
                fields["error"] = "".join(traceback.format_exception(error))
            if not status:
                raise
        finally:
            fields |= {"request_id": scope["request_id"], "method": method}
            fields |= {"path": scope["path"], "status": status}
            fields["ms"] = round((time.monotonic() - started) * 1000)
            log("error" if status >= 500 else "info", **fields)


def added_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """What every reply has."""
    added = {
        "x-request-id": scope["request_id"],
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    return [(name.encode(), value.encode()) for name, value in added.items()]


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


def too_large(limit: int) -> Problem:
    return Problem(413, "too-large", f"A body may have at most {limit} bytes here.")


def no_json() -> Problem:
    return Problem(400, "not-json", "The body is no valid JSON in UTF-8.")


def cut_off() -> Problem:
    """The client has gone, in the middle of a body: only the log sees this answer."""
    return Problem(400, "cut-off", "The body ended too early. Send all of it.")


def variable(env: Any, name: str) -> str:
    """A variable or secret; empty where it is not set."""
    return str(getattr(env, name, None) or "")


def log(level: str, **fields: object) -> None:
    """One line of JSON, which Workers Logs takes apart. No body and no token is in it."""
    print(json.dumps({"level": level, **fields}))


# ETags, and files in parts. RFC 9110 would refuse a weak ETag (W/) in If-Match. But ours become
# weak where a proxy compresses what we send, as Cloudflare's may, and still name one version.


def names(header: str | None, etag: str) -> bool:
    """Whether ``If-Match`` or ``If-None-Match`` names an ETag."""
    header = header or ""
    return header.strip() == "*" or etag in re.findall(r'"[^"]*"', header)


def expected_versions(if_match: str) -> str:
    """The versions in ``If-Match``, as JSON: a client has seen one, and wants to change it."""
    # An ETag that never was one of ours can't be the item's.
    return json.dumps([int(version) for version in re.findall(r'"([1-9][0-9]{0,14})"', if_match)])


def check_expected(request: Request, etag: str) -> None:
    """Refuse what ``If-Match`` asks of another file than the one there is."""
    if_match = request.headers.get("if-match")
    if if_match is not None and not names(if_match, etag):
        raise Problem(412, "version-mismatch", "The file has another ETag.")


def whole(value: object) -> object:
    """JSON has one kind of number: 5.0 is the integer 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check_digits(value: object) -> object:
    """Of strings the model would take 1.0 and 1_0 for integers, too."""
    if isinstance(value, str) and not re.fullmatch("0|[1-9][0-9]{0,14}", value):
        raise PydanticCustomError("form", "Send a whole number, in digits alone.")
    return value


def matches(pattern: str, rule: str) -> AfterValidator:
    """A check of a string, whose error is a sentence in place of the regular expression."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise PydanticCustomError("form", "{rule}", {"rule": rule})
        return value

    return AfterValidator(check)


def accepts(kinds: frozenset[str]) -> dict[str, Any]:
    """The body of an upload, for OpenAPI."""
    return {
        "requestBody": {"required": True, "content": {k: {"schema": {}} for k in sorted(kinds)}}
    }


async def store_file(
    bucket: R2Bucket, key: str, request: Request, kinds: frozenset[str]
) -> R2Object:
    """Store the body of an upload."""
    said = request.headers.get("content-type", "")
    kind = said.partition(";")[0].strip().lower()
    if kind in UNTOLD_TYPES:
        guessed, compression = mimetypes.guess_file_type(key)
        kind = guessed if guessed in kinds and not compression else kind
    if kind not in kinds:
        known = ", ".join(sorted(kinds))
        raise Problem(415, "unsupported-type", f"Send a file of one of these types: {known}.")
    # Without it, whoever reads the file takes it for UTF-8.
    charset = CHARSET.search(said) if kind.startswith("text/") else None
    options = {"httpMetadata": {"contentType": kind + (charset[0].lower() if charset else "")}}
    try:
        stored = await bucket.put(key, request.scope["upload"] or b"", options)
    except JsException as error:
        if R2_ERROR.search(str(error)):
            raise
        raise cut_off() from error
    assert stored is not None
    return stored


FILE_REPLIES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"*/*": {"schema": {}}}},
    206: {"description": "Partial Content"},
    304: {"description": "Not Modified"},
}


async def file_response(bucket: R2Bucket, key: str, request: Request) -> Response | None:
    """The reply to GET or HEAD of a file; ``None`` if there is none."""
    asked, is_head = request.headers, request.scope["head"]
    part = {} if is_head else wanted_part(asked.get("range", ""))
    found = await (bucket.head(key) if is_head else read_file(bucket, key, part))
    # Who has a part of another file gets all of this one.
    if part and found and asked.get("if-range", found.httpEtag) != found.httpEtag:
        part, found = {}, await bucket.get(key)
    if found is None:
        return None
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
    body, start = getattr(found, "body", None), first_byte(part, found.size)
    check_expected(request, found.httpEtag)
    if names(asked.get("if-none-match"), found.httpEtag):
        if body:
            await body.cancel()
        return Response(status_code=304, headers=headers)
    if part and start >= found.size:
        whole = {"Content-Range": f"bytes */{found.size}"}
        detail = f"The file has {found.size} bytes."
        raise Problem(416, "range-not-satisfiable", detail, whole)
    length = min(part.get("length", found.size), found.size - start)
    headers |= {"Content-Type": kind, "Content-Length": str(length)}
    if part:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{found.size}"
    status = 206 if part else 200
    if body is None:
        return Response(status_code=status, headers=headers)
    return StreamingResponse(pieces(body), status, headers)


async def read_file(
    bucket: R2Bucket, key: str, part: Mapping[str, int]
) -> R2Object | R2ObjectBody | None:
    """A file, or a part of it; without a body if the file ends before the part begins."""
    try:
        return await bucket.get(key, {"range": part} if part else {})
    except JsException:
        # Its error differs: the local R2 has another one for an empty file.
        found = await bucket.head(key) if part else None
        if found is None or first_byte(part, found.size) < found.size:
            raise
        return found


def first_byte(part: Mapping[str, int], size: int) -> int:
    return part.get("offset", size - min(part.get("suffix", size), size))


def wanted_part(header: str) -> dict[str, int]:
    """The part that ``Range`` asks for, as R2 takes it; empty for the whole.

    More than one part, or another unit, is answered with the whole, as RFC 9110 allows.
    """
    found = re.fullmatch(r"bytes=([0-9]{0,15})-([0-9]{0,15})", header, re.ASCII)
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


# Services that need more than a call


async def deliver(env: Any, batch: MessageBatch, consumer_of: Callable[[str], Any]) -> None:
    """Have each message of a batch handled: a failure delays that message, and no other one."""
    for message in batch.messages:
        try:
            await consumer_of(batch.queue)(env, message)
        except Exception as error:
            delay = FIRST_DELAY_SECONDS * 2 ** (message.attempts - 1)
            message.retry({"delaySeconds": min(delay, MAX_DELAY_SECONDS)})
            trace = "".join(traceback.format_exception(error))
            log("error", event="retry", message=message.id, error=trace)
        else:
            message.ack()


async def query_analytics(account: str, token: str, query: str) -> list[dict[str, Any]]:
    """The rows that Analytics Engine finds."""
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
    rows: list[dict[str, Any]] = (await answer.json())["data"]
    return rows
