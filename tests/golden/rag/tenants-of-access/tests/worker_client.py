"""Requests to a running Worker."""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

# People whom `cfpy dev` can sign in. It adds their tokens, as Cloudflare Access does.
TOKEN = "ada@example.com"
GRACE = "grace@example.com"


def send(
    url: str, method: str, path: str, body: Any = None, token: str = TOKEN, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """Send a request, a dictionary as JSON; return the response and its body.

    An underscore in the name of a header stands for a hyphen. ``token`` is the person whose token
    is added; empty for nobody.
    """
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, dict):
        body = json.dumps(body)
        named["Content-Type"] = "application/json"
    # A server may answer before it has read all of a body that is too large.
    with contextlib.suppress(BrokenPipeError):
        cookie = f"cfpy_caller={token or 'nobody'}"
        connection.request(method, path, body, {"Cookie": cookie, **named})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content
