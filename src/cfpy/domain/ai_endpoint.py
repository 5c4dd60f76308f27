"""Reads which OpenAI-compatible endpoint a local run shall ask, from ``CFPY_AI_*`` variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from cfpy.domain.local import LocalAI
from cfpy.errors import UsageError


def read_endpoint(environment: Mapping[str, str]) -> LocalAI:
    """The user's own endpoint; without an address the built-in stand-ins.

    Raises:
        UsageError: A variable can't mean what it says; the message never shows a key or password.
    """
    names = ("BASE_URL", "API_KEY", "CHAT_MODEL", "EMBED_MODEL", "TIMEOUT")
    values = {name: environment.get(f"CFPY_AI_{name}", "").strip() for name in names}
    if values["BASE_URL"]:
        _check_address(values["BASE_URL"])
    key = values["API_KEY"]
    if not (key.isascii() and key.isprintable()):
        raise UsageError(
            "CFPY_AI_API_KEY has characters that no header can carry", hint="Copy the key again."
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
            "CFPY_AI_BASE_URL holds a user name or a password",
            hint="Put the key into CFPY_AI_API_KEY, and the address alone into CFPY_AI_BASE_URL.",
        )
    if not valid or parts is None or parts.query or parts.fragment:
        raise UsageError(
            "CFPY_AI_BASE_URL is not the address of an endpoint",
            hint="It is like http://localhost:11434/v1, with no ? and no # in it.",
        )


def _seconds(text: str) -> int:
    """How long to wait for an answer, in seconds; 0 where nothing is said."""
    if not text:
        return 0
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= 3600:
        raise UsageError(
            f"CFPY_AI_TIMEOUT is {text!r}", hint="It is a whole number of seconds, 1 to 3600."
        )
    return int(text)
