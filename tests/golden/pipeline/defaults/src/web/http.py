"""Requests and replies, free of the runtime: ``edge.py`` translates."""

import json
import re
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol
from uuid import uuid4

from web.problems import Problem

# No honest document comes near it; far more would overflow the stack of the parser.
_MAX_NESTING = 32
# Strings, because brackets inside them don't count, and brackets. A string that never ends is one
# too, or each quote in it would be tried in turn, up to the end.
_STRUCTURE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
# Far more than any number means. Python reads 4,300, and refuses more in words for programmers.
_MAX_DIGITS = 1_000
# What follows the end of a gzip file is copied for the next one: never much.
_GZIP, _SLICE_BYTES = zlib.MAX_WBITS | 16, 16_384
# How much more than allowed is read, and forgotten: a client that still sends when it is answered
# may lose its connection instead of getting the answer.
_DISCARDED_BYTES = 10_000_000


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
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One request on its way through. ``log`` is what its log line says besides the usual."""

    request: Request
    id: str = field(default_factory=lambda: uuid4().hex)
    started: float = field(default_factory=time.monotonic)
    log: dict[str, Any] = field(default_factory=dict)


def json_reply(status: int, data: Any, headers: Mapping[str, str] | None = None) -> Reply:
    # Half a surrogate pair, which no UTF-8 holds, is escaped.
    body = json.dumps(data, ensure_ascii=False, allow_nan=False).encode(errors="backslashreplace")
    return Reply(status, body, {"Content-Type": "application/json", **(headers or {})})


def media_type(request: Request) -> str:
    """The media type of a request's body, without parameters; empty if it names none."""
    return (request.headers.get("content-type") or "").partition(";")[0].strip().lower()


def announced_length(request: Request) -> int | None:
    """The body's length in bytes, if the client says it."""
    length = request.headers.get("content-length") or ""
    # int() takes digits of other scripts, and numbers of any size.
    return int(length) if re.fullmatch("[0-9]{1,15}", length) else None


def content_encoding(request: Request) -> str:
    return (request.headers.get("content-encoding") or "identity").strip().lower()


async def read_json(request: Request, max_bytes: int) -> Any:
    if media_type(request) != "application/json":
        raise Problem(415, "not-json", "Send JSON, with the header Content-Type: application/json.")
    return parse_json(await read_body(request, max_bytes))


def parse_json(body: bytes) -> Any:
    check_nesting(body)
    try:
        # Of bytes the parser takes UTF-16 too, in which brackets hide from the check above. Some
        # clients begin with a byte order mark.
        text = body.decode("utf-8-sig")
        return json.loads(text, parse_int=_integer, parse_constant=_refuse)
    except ValueError as error:
        why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error
        raise Problem(400, "not-json", f"The body is no valid JSON: {why}") from None


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number has more than {_MAX_DIGITS:,} digits")
    return int(digits)


def _refuse(constant: str) -> NoReturn:
    """Python's parser takes NaN and Infinity, which no JSON has."""
    raise ValueError(f"JSON has no {constant}")


def check_nesting(body: bytes) -> None:
    """Refuse what would overflow the stack of the JSON parser, which in WebAssembly is a crash."""
    depth = 0
    for token in _STRUCTURE.finditer(body):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
        if depth > _MAX_NESTING:
            raise Problem(400, "not-json", f"The JSON is nested more than {_MAX_NESTING} deep.")


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body, decompressed; a 413 if it is larger than ``max_bytes``, either way."""
    encoding = content_encoding(request)
    if encoding not in ("identity", "gzip", "x-gzip"):
        detail = f"Send the body with gzip or as it is, and not with Content-Encoding: {encoding}."
        raise Problem(415, "unsupported-encoding", detail, headers={"Accept-Encoding": "gzip"})
    # The announced length spares reading a large body; the count catches one that announces none.
    if (announced_length(request) or 0) > max_bytes:
        raise too_large(max_bytes)
    body, size = bytearray(), 0
    if request.body is not None:
        async for piece in request.body:
            data = piece.to_bytes()
            size += len(data)
            if size <= max_bytes:
                body += data
            elif size > max_bytes + _DISCARDED_BYTES:
                break
    if size > max_bytes:
        raise too_large(max_bytes)
    return bytes(body) if encoding == "identity" else _unzipped(bytes(body), max_bytes)


def _unzipped(data: bytes, max_bytes: int) -> bytes:
    """What is in a gzip file, or in several in a row, which are one too (RFC 1952, 2.2)."""
    content, file = bytearray(), zlib.decompressobj(wbits=_GZIP)
    for start in range(0, len(data), _SLICE_BYTES):
        rest = data[start : start + _SLICE_BYTES]
        while rest:
            file = zlib.decompressobj(wbits=_GZIP) if file.eof else file
            try:
                # Not all at once: what is small on its way could fill the memory here.
                content += file.decompress(rest, max_bytes + 1 - len(content))
            except zlib.error as error:
                raise _no_gzip(str(error)) from None
            if len(content) > max_bytes:
                raise too_large(max_bytes)
            rest = file.unused_data
    if not file.eof:
        raise _no_gzip("it is cut off")
    return bytes(content)


def _no_gzip(why: str) -> Problem:
    return Problem(400, "not-gzip", f"The body is no valid gzip: {why}.")


def too_large(max_bytes: int) -> Problem:
    return Problem(413, "too-large", f"A body may have at most {max_bytes} bytes.")
