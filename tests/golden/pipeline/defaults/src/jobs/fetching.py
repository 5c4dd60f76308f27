"""Fetches a file from an address that somebody sent. Only the consumer does, never a request."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Set
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from jobs.job import Unprocessable
from jobs.limits import FETCH_SECONDS, MAX_REDIRECTS
from jobs.urls import UrlRefused, check_url, follow
from web.http import Headers, Piece

_REDIRECTS = frozenset([301, 302, 303, 307, 308])
# What may be different in a minute.
_TEMPORARY = frozenset([408, 425, 429])
# What the runtime decodes by itself. It asks for no other, and some servers do not listen.
_ENCODINGS = frozenset(["", "identity", "gzip", "br"])
_UNKNOWN = "application/octet-stream"


@dataclass(frozen=True)
class Fetched:
    """A response whose body has not been read yet."""

    status: int
    headers: Headers
    body: AsyncIterator[Piece] | None
    close: Callable[[], Awaitable[None]]


#: Sends one GET without following redirects, and without anybody's credentials.
Fetch = Callable[[str], Awaitable[Fetched]]


@dataclass(frozen=True)
class Accepted:
    """Which files may be fetched.

    ``type_of`` gets the Content-Type, the path and, once it is read, the content of a file, and
    gives its media type; ``None`` if the content has to tell. It raises ``Unprocessable``.
    """

    max_bytes: int
    type_of: Callable[[str, str, bytes | None], str | None]


async def fetch_file(
    fetch: Fetch, url: str, allowed_hosts: Set[str], accepted: Accepted
) -> tuple[bytes, str]:
    """The file at ``url`` and its media type.

    Raises:
        Unprocessable: The address, or what is there, is not allowed.
        OSError: It could not be fetched this time.
    """
    try:
        address = check_url(url, allowed_hosts)
        async with asyncio.timeout(FETCH_SECONDS):
            for _ in range(MAX_REDIRECTS + 1):
                response = await fetch(address)
                try:
                    if response.status not in _REDIRECTS:
                        return await _read(response, address, accepted)
                    location = response.headers.get("location") or ""
                    address = follow(address, location, allowed_hosts)
                finally:
                    await response.close()
    except UrlRefused as error:
        raise Unprocessable(f"The address {error}.") from None
    except TimeoutError:
        raise ConnectionError("its server took too long") from None
    raise Unprocessable(f"The address redirects more than {MAX_REDIRECTS} times.")


async def _read(response: Fetched, address: str, accepted: Accepted) -> tuple[bytes, str]:
    if response.status in _TEMPORARY or response.status >= 500:
        raise ConnectionError(f"its server answered {response.status}")
    if response.status != 200:
        raise Unprocessable(f"Its server answered {response.status}.")
    encoding = (response.headers.get("content-encoding") or "").strip().lower()
    if encoding not in _ENCODINGS:
        raise Unprocessable(f"Its server sent it with Content-Encoding: {encoding}, unasked.")
    said, path = response.headers.get("content-type") or "", unquote(urlsplit(address).path)
    media_type = accepted.type_of(said, path, None)
    data = await _body(response, accepted.max_bytes)
    return data, media_type or accepted.type_of(said, path, data) or _UNKNOWN


async def _body(response: Fetched, max_bytes: int) -> bytes:
    data = bytearray()
    if response.body is None:
        return b""
    async for piece in response.body:
        data += piece.to_bytes()
        if len(data) > max_bytes:
            raise Unprocessable(f"It has more than {max_bytes} bytes.")
    return bytes(data)
