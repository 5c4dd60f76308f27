"""The address of Cloudflare's API, and the errors in its answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from cfpy.account.permissions import refusal
from cfpy.errors import CloudflareError
from cfpy.tools.credentials import variable

_LONGEST_WAIT_SECONDS = 30.0
# "Could not route to": the account, or what is asked for in it, does not exist.
_NO_ROUTE = 7003


def api_address(environ: Mapping[str, str]) -> tuple[str, str]:
    """The address of Cloudflare's API, from the variables that wrangler also reads (its
    getCloudflareApiBaseUrl), and where it comes from, for messages."""
    name, address = variable(environ, "CLOUDFLARE_API_BASE_URL")
    if address:
        return address.rstrip("/"), f"the environment variable {name}"
    region = ".fed" if environ.get("CLOUDFLARE_COMPLIANCE_REGION") == "fedramp_high" else ""
    stage = ".staging" if environ.get("WRANGLER_API_ENVIRONMENT") == "staging" else ""
    return f"https://api{region}{stage}.cloudflare.com/client/v4", "the API's address"


def seconds_to_wait(response: httpx.Response, attempt: int) -> float:
    asked = response.headers.get("retry-after", "")
    seconds = float(asked) if asked.isdigit() else 2.0**attempt / 4
    return min(seconds, _LONGEST_WAIT_SECONDS)


def is_of_api(response: httpx.Response) -> bool:
    """Whether an answer is one of the API, and not of a firewall in front of it."""
    try:
        return "success" in response.json()
    except (ValueError, TypeError):
        return False


def checked(response: httpx.Response, path: str) -> Any:
    try:
        document = response.json()
        ok = bool(document["success"])
        errors = document.get("errors") or []
    except (ValueError, KeyError, TypeError, AttributeError):
        document, ok, errors = {}, False, []
    if ok and response.is_success:
        return document
    code = next((int(item.get("code", 0)) for item in errors), 0)
    said = "; ".join(_sentence(item) for item in errors)
    said = said or f"status {response.status_code}"
    kind = path.split("/")[2] if path.count("/") >= 2 else ""
    if error := refusal(response.status_code, _codes(errors), said, kind, "read"):
        raise error
    hint = "Nothing was changed."
    if _NO_ROUTE in _codes(errors) and path.startswith("accounts/"):
        where = "`account_id` in the configuration, or the variable CLOUDFLARE_ACCOUNT_ID"
        hint = f"Check the account's id ({where}): it may be of another account. {hint}"
    raise CloudflareError(
        f"Cloudflare's API refused {path.partition('?')[0]}: {said}",
        hint=hint,
        api_code=code,
        status=response.status_code,
    )


def _codes(errors: Iterable[Mapping[str, Any]]) -> frozenset[int]:
    """The API's error codes, including those of nested errors, which may be the most specific."""
    found = [item for error in errors for item in (error, *(error.get("error_chain") or ()))]
    return frozenset(int(item.get("code") or 0) for item in found)


def _sentence(error: Mapping[str, Any]) -> str:
    chain = [f"{item.get('message')}" for item in error.get("error_chain") or ()]
    said = ": ".join([f"{error.get('message')}", *chain])
    return f"{said} [code: {error.get('code')}]"
