"""Requests and replies, free of the runtime: ``entry.py`` translates."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

from rag.limits import MAX_BODY_BYTES, MAX_NESTING
from rag.problems import Problem

# Strings, because brackets inside them don't count, and brackets.
_STRUCTURE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)


class Headers(Protocol):
    """Request headers; names are case-insensitive."""

    def get(self, name: str, /) -> str | None: ...


class Piece(Protocol):
    """A part of a body, as JavaScript hands it over."""

    def to_bytes(self) -> bytes: ...


@dataclass(frozen=True)
class Request:
    """A request. ``path`` and ``parameters`` are percent-decoded; ``body`` may be absent."""

    method: str
    path: str
    parameters: Mapping[str, str]
    headers: Headers
    body: AsyncIterator[Piece] | None


@dataclass(frozen=True)
class Reply:
    """A response: ``body`` at once, or ``stream`` piece by piece."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncGenerator[bytes, None] | None = None


@dataclass(frozen=True)
class Call:
    """One request on its way through. ``log`` is what its log line says besides the usual."""

    request: Request
    id: str = field(default_factory=lambda: uuid4().hex)
    started: float = field(default_factory=time.monotonic)
    log: dict[str, Any] = field(default_factory=dict)


def json_reply(status: int, data: Any, content_type: str = "application/json") -> Reply:
    """``data`` as JSON."""
    body = json.dumps(data, ensure_ascii=False).encode()
    return Reply(status, body, {"Content-Type": content_type})


async def read_json(request: Request) -> Any:
    """The parsed body of a request.

    Raises:
        Problem: It is too large, or no JSON.
    """
    content_type = (request.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise Problem(415, "not-json", "Send JSON, with the header Content-Type: application/json.")
    body = await _read_body(request)
    _check_nesting(body)
    try:
        return json.loads(body)
    except ValueError as error:
        raise Problem(400, "not-json", f"The body is no valid JSON: {error}") from None


async def _read_body(request: Request) -> bytes:
    # The announced length spares reading a large body; the count catches one that announces none.
    announced = request.headers.get("content-length") or ""
    if announced.isdigit() and len(announced) < 16 and int(announced) > MAX_BODY_BYTES:
        raise _too_large()
    body = bytearray()
    if request.body is not None:
        async for piece in request.body:
            body += piece.to_bytes()
            if len(body) > MAX_BODY_BYTES:
                raise _too_large()
    return bytes(body)


def _check_nesting(body: bytes) -> None:
    """Refuse what would overflow the stack of the JSON parser, which in WebAssembly is a crash."""
    depth = 0
    for token in _STRUCTURE.finditer(body):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
        if depth > MAX_NESTING:
            detail = f"The JSON is nested more than {MAX_NESTING} deep."
            raise Problem(400, "not-json", detail)


def _too_large() -> Problem:
    return Problem(413, "too-large", f"A body may have at most {MAX_BODY_BYTES} bytes.")
