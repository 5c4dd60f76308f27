"""Between the Workers runtime and this package; with ``entry.py`` all that imports the runtime."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

from workers import Request as WorkersRequest
from workers import Response

from web.http import Reply, Request


def from_workers(request: WorkersRequest) -> Request:
    """A request as the application sees it."""
    url = urlsplit(request.url)
    return Request(
        # Not `request.method`: that one fails for methods that Python's enum does not have.
        method=str(request.js_object.method),
        path=unquote(url.path),
        parameters=dict(parse_qsl(url.query)),
        headers=request.headers,
        body=request.body or None,
    )


def to_workers(reply: Reply) -> Response:
    """A reply as the runtime sends it."""
    headers = list(reply.headers.items())
    return Response(reply.body or None, status=reply.status, headers=headers)
