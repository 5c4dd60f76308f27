"""A client for Cloudflare's API: requests, retries, pages, and undocumented answers."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from cfpy.account.api_answers import api_address, checked, is_of_api, seconds_to_wait
from cfpy.errors import CloudflareError
from cfpy.tools.http_client import HttpClient

_TIMEOUT_SECONDS = 30.0
_ATTEMPTS = 4
_PAGE = 100
# A client, or the server, would resolve it: the request would be about something else.
_DOTS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Content:
    """A stored value; ``etag`` is that of the answer, empty if it has none."""

    body: bytes
    etag: str = ""


class CloudflareClient:
    """The API, used with ``token``.

    Raises:
        UsageError: A variable for the API's address, a proxy or certificates can't be used.
    """

    def __init__(self, token: str) -> None:
        #: The address of the API, for code that must ask the same one.
        self.address, source = api_address(os.environ)
        self._http = HttpClient(
            f"{self.address}/",
            source=source,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT_SECONDS,
        )

    def get(self, path: str, **parameters: str | int) -> Any:
        """The parsed answer; empty ``parameters`` are left out.

        Raises:
            NotAuthenticatedError: The token is not valid, or has no permission.
            CloudflareError: The API can't be reached, or refused the request.
        """
        given = {key: value for key, value in parameters.items() if value != ""}
        return self.request("GET", path, params=given)

    def pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        """The items of a paginated list. Pages may be shorter than requested.

        Raises:
            CfpyError: As :meth:`get`.
        """
        number, seen = 1, 0
        while True:
            page = self.get(path, page=number, per_page=_PAGE)
            items = page["result"]
            yield from items
            seen += len(items)
            total = (page.get("result_info") or {}).get("total_count")
            more = len(items) >= _PAGE or (isinstance(total, int) and seen < total)
            if not items or not more:
                return
            number += 1

    def graphql(self, body: Mapping[str, object]) -> Any:
        """The parsed answer of the GraphQL API, which reports its errors in ``errors``.

        Raises:
            CfpyError: As :meth:`get`.
        """
        return self.request("POST", "graphql", json=body)

    def request(self, method: str, path: str, **options: Any) -> Any:
        """The parsed answer. Requests that only read are retried.

        Raises:
            CfpyError: As :meth:`get`.
        """
        response = self._answer(method, path, **options)
        if path == "graphql" and response.is_success:
            with documented():
                return response.json()
        return checked(response, path)

    def content(self, path: str, headers: Mapping[str, str] | None = None) -> Content | None:
        """An answer that is a stored value; ``None`` if there is no such value.

        Raises:
            CloudflareError: As :meth:`get`, and if a firewall in front of the API refuses the
                address, whatever the token is.
            NotAuthenticatedError: As :meth:`get`.
        """
        response = self._answer("GET", path, headers=dict(headers or {}))
        if response.status_code == 404:
            return None
        if response.status_code == 403 and not is_of_api(response):
            raise CloudflareError(f"Cloudflare refused the address {path}", status=403)
        if not response.is_success:
            checked(response, path)
        etag = response.headers.get("etag", "").removeprefix("W/").strip('"')
        return Content(response.content, etag)

    def _answer(self, method: str, path: str, **options: Any) -> httpx.Response:
        if _DOTS.search(path):
            raise CloudflareError(
                f"a name or an id can't be . or .., so cfpy does not ask for {path}",
                hint="Correct it in the configuration. Nothing was changed.",
            )
        for attempt in range(_ATTEMPTS):
            last = attempt == _ATTEMPTS - 1
            try:
                response = self._http.request(method, path, **options)
            except httpx.HTTPError as error:
                if last:
                    raise CloudflareError(
                        f"Cloudflare's API can't be reached: {self._http.describe(error)}",
                        hint="Check the network, then try again. Nothing was changed.",
                    ) from error
                time.sleep(2.0**attempt / 4)
                continue
            passing = response.status_code == 429 or response.status_code >= 500
            if passing and not last:
                time.sleep(seconds_to_wait(response, attempt))
                continue
            return response
        raise AssertionError("unreachable")


@contextlib.contextmanager
def documented() -> Iterator[None]:
    """Turns an answer that differs from the API's documentation into a clear error.

    Raises:
        CloudflareError: The answer came from a proxy, a gateway or an outage.
    """
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise CloudflareError(
            "the answer of Cloudflare's API is not as documented "
            f"({type(error).__name__}: {error})",
            hint="Try again later, without a proxy if you use one. Nothing was changed.",
        ) from error
