"""Between this package and the Workers runtime: Web Crypto, and the address of a team's keys."""

import asyncio
import functools
import json
import time
from collections.abc import Callable
from typing import Any, Protocol

import js
from pyodide.ffi import JsException, to_js
from workers import fetch

from access.keys import Keys, Unreadable
from access.tokens import HEADER, Caller, Refusal, check_site, read_application, read_caller

ALGORITHM = "RSASSA-PKCS1-v1_5"
FETCH_SECONDS = 5


class Headers(Protocol):
    """Request headers; names are case-insensitive."""

    def get(self, name: str, /) -> str | None: ...


async def admit(method: str, headers: Headers, variable: Callable[[str], object]) -> Caller:
    """Who is calling.

    Args:
        method: The method of the request.
        headers: Its headers.
        variable: Gives a variable of the Worker by name, ``None`` if it is not set.

    Raises:
        Refusal: Nobody who may, or the Worker can't know.
    """
    application = read_application(variable)
    check_site(method, headers.get("sec-fetch-site"), headers.get("origin"), headers.get("host"))
    now = time.time()
    keys = _keys_of(application.issuer)

    async def is_signed(id_: str, signed: bytes, signature: bytes) -> bool:
        key = await keys.get(id_, now)
        return key is not None and bool(
            await js.crypto.subtle.verify(ALGORITHM, key, to_js(signature), to_js(signed))
        )

    try:
        return await read_caller(headers.get(HEADER), application, is_signed, now)
    except Unreadable as error:
        detail = "The keys of Cloudflare Access can't be read."
        raise Refusal(503, "access-unavailable", detail, str(error)) from error


@functools.cache
def _keys_of(issuer: str) -> Keys:
    return Keys(functools.partial(_load, issuer))


async def _load(issuer: str) -> dict[str, Any]:
    """The public keys of a team, as Web Crypto takes them."""
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            answer = await fetch(f"{issuer}/cdn-cgi/access/certs", redirect="manual")
            if answer.status != 200:
                raise Unreadable(f"{issuer} answered {answer.status}")
            found = json.loads(await answer.text())["keys"]
        return {key["kid"]: await _imported(key) for key in found if key["kty"] == "RSA"}
    except (JsException, OSError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"the keys of {issuer}: {error}") from error


async def _imported(key: dict[str, str]) -> Any:
    """A public key. Whatever else it says of itself, it is used for RS256 alone."""
    as_object = functools.partial(to_js, dict_converter=js.Object.fromEntries)
    public = as_object({name: key[name] for name in ("kty", "n", "e")})
    algorithm = as_object({"name": ALGORITHM, "hash": "SHA-256"})
    return await js.crypto.subtle.importKey("jwk", public, algorithm, False, to_js(["verify"]))
