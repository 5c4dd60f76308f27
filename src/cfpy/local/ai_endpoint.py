"""Reads from ``CFPY_AI_*`` variables which OpenAI-compatible endpoint a local run uses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from cfpy.errors import UsageError
from cfpy.local.configuration import LocalAI


def read_endpoint(environment: Mapping[str, str]) -> LocalAI:
    """The user's own endpoint, or the built-in stand-ins if no address is set.

    Raises:
        UsageError: A variable is not valid. The message never shows a key or password.
    """
    names = ("BASE_URL", "API_KEY", "CHAT_MODEL", "EMBED_MODEL", "TIMEOUT")
    values = {name: environment.get(f"CFPY_AI_{name}", "").strip() for name in names}
    if values["BASE_URL"]:
        _check_address(values["BASE_URL"])
    key = values["API_KEY"]
    if not (key.isascii() and key.isprintable()):
        raise UsageError(
            "CFPY_AI_API_KEY has characters that an HTTP header can't contain",
            hint="Copy the key again.",
        )
    return LocalAI(
        base_url=values["BASE_URL"],
        api_key=key,
        chat_model=values["CHAT_MODEL"],
        embed_model=values["EMBED_MODEL"],
        timeout=_seconds(values["TIMEOUT"]),
    )


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
        parts = None
    if parts is not None and (parts.username is not None or parts.password is not None):
        raise UsageError(
            "CFPY_AI_BASE_URL contains a user name or a password",
            hint="Put the key in CFPY_AI_API_KEY, and only the address in CFPY_AI_BASE_URL.",
        )
    if not valid or parts is None or parts.query or parts.fragment:
        raise UsageError(
            "CFPY_AI_BASE_URL is not the URL of an endpoint",
            hint="Use a URL such as http://localhost:11434/v1, without ? and #.",
        )


def _seconds(text: str) -> int:
    """How long to wait for an answer, in seconds; 0 if the variable is empty."""
    if not text:
        return 0
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= 3600:
        raise UsageError(
            f"CFPY_AI_TIMEOUT is {text!r}", hint="Use a whole number of seconds, 1 to 3600."
        )
    return int(text)
