"""Between the Workers runtime and this package; with ``entry.py`` all that imports the runtime."""

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import js
from pyodide.ffi import JsException, to_js
from workers import Request as WorkersRequest
from workers import Response

from web.http import Reply, Request

# How long a client may go on sending what is refused.
_DISCARD_SECONDS = 5


def from_workers(request: WorkersRequest) -> Request:
    url = urlsplit(request.url)
    return Request(
        # Not `request.method`: that one fails for methods that Python's enum does not have.
        method=str(request.js_object.method),
        path=unquote(url.path),
        parameters=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers=request.headers,
        body=request.body or None,
    )


def to_workers(reply: Reply) -> Response:
    return Response(reply.body or None, status=reply.status, headers=dict(reply.headers))


def blob(content: bytes, media_type: str) -> Any:
    """A file as JavaScript's services take it."""
    return js.Blob.new([to_js(content)], type=media_type)


async def discard_rest(request: WorkersRequest) -> None:
    """Let a client finish sending a body that nobody reads: workerd closes the connection of one
    that still sends when it is answered, and many clients then never look at the answer."""
    if request.body and not request.js_object.bodyUsed:
        rest = asyncio.ensure_future(_discard(request.body))
        await asyncio.wait([rest], timeout=_DISCARD_SECONDS)


async def _discard(body: Any) -> None:
    # It fails if the client has gone.
    with suppress(JsException):
        await body.pipeTo(js.WritableStream.new())
