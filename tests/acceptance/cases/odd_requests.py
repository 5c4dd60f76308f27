"""Requests that no client of the tests would send, byte by byte, and what a Worker saw of them."""

from __future__ import annotations

import http.client
import json
import re
import socket
from typing import Any
from urllib.parse import urlsplit

_HELLO = "Content-Length: 5\r\n\r\nhello"
_CHUNKS = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
_TWICE = "X-A: 1\r\nx-a: 2\r\nCookie: a=1\r\nCookie: b=2\r\nContent-Type: a/b\r\nContent-Type: c/d"
_HOP_BY_HOP = (
    "Connection: keep-alive, X-Q\r\nX-Q: 1\r\nTE: trailers\r\nTrailer: x\r\n"
    "Keep-Alive: timeout=5\r\nUpgrade: foo"
)

#: Each is a method, a target, and what follows the Host header.
WITH_HOST: tuple[tuple[str, str, str], ...] = (
    *((method, "/a", _HELLO) for method in ("GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "PUT")),
    *((method, "/a", _HELLO) for method in ("PATCH", "PROPFIND", "QUERY", "FOO", "get")),
    *((method, "/a", _CHUNKS) for method in ("GET", "HEAD", "POST")),
    *((method, "/a", "Content-Length: 0\r\n\r\n") for method in ("GET", "POST")),
    *((method, "/a", "\r\n") for method in ("DELETE", "POST", "TRACE", "PURGE", "OPTIONS")),
    ("CONNECT", "a:443", "\r\n"),
    ("OPTIONS", "*", "\r\n"),
    ("POST", "/a", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("POST", "/a", "Content-Length: 5\r\n" + _CHUNKS),
    ("POST", "/a", "Content-Length: 5\r\n" + _HELLO),
    ("POST", "/a", "Content-Length: five\r\n\r\nhello"),
    ("POST", "/a", "Expect: 100-continue\r\n" + _HELLO),
    ("POST", "/a", "Expect: something\r\n" + _HELLO),
    ("GET", "http://example.com/b?x=1", "\r\n"),
    *(("GET", target, "\r\n") for target in ("//b//c", "//example.com/c", "///", "/a/../b/./c")),
    *(("GET", target, "\r\n") for target in ("/café?q=中", "/caf%C3%A9/%2e%2e/x%2Fy?q=%zz+%FF")),
    *(("GET", target, "\r\n") for target in ("/a\\b", "/a b", "/a#b", "/a?", "/a?x='\"<>^", "a")),
    ("GET", "/a", _TWICE + "\r\n\r\n"),
    ("GET", "/a", "X-A:\r\nX-B:  b  \r\n\r\n"),
    ("GET", "/a", "X-A: a\x01b\tc\x7f\r\n\r\n"),
    ("GET", "/a", "X A: a\r\n\r\n"),
    ("GET", "/a", "X-A: a\r\n b\r\n\r\n"),
    ("GET", "/a", _HOP_BY_HOP + "\r\n\r\n"),
    ("GET", "/a", "x-cfpy-head: %7B%7D\r\nx-cfpy-key: 0\r\nx-cfpy-kind: page\r\n\r\n"),
    ("GET", "/a", "CF-Connecting-IP: 1.1.1.1\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"),
)
#: What follows the method and the target.
WITHOUT: tuple[str, ...] = (
    "HTTP/1.1\r\n\r\n",
    "HTTP/1.0\r\nHost: example.com\r\nConnection: keep-alive\r\n\r\n",
    *(
        f"HTTP/1.1\r\nHost: {host}\r\n\r\n"
        for host in ("", "a b/c", "user:word@h", "EXAMPLE.com:80")
    ),
    "HTTP/1.1\r\nHost: café.com\r\n\r\n",
    "HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
)


def odd_requests(url: str) -> list[str]:
    """All of them, for the server at ``url``."""
    host = urlsplit(url).netloc
    return [
        *(f"{m} {target} HTTP/1.1\r\nHost: {host}\r\n{rest}" for m, target, rest in WITH_HOST),
        *(f"GET /a {rest}" for rest in WITHOUT),
        "\x16\x03\x01\r\n\r\n",
    ]


def seen(url: str, request: str) -> tuple[Any, ...]:
    """Status, reason, and the body, which is JSON if the Worker answered."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall(request.encode())
        answer = http.client.HTTPResponse(connection, method=request.partition(" ")[0])
        try:
            answer.begin()
            body = answer.read()
        except (http.client.HTTPException, OSError) as error:
            return (type(error).__name__,)
    text = re.sub(rf"\b{parts.port}\b", "PORT", body.decode())
    method = answer.headers.get("x-method")
    return answer.status, answer.reason, method, json.loads(text) if method and text else text
