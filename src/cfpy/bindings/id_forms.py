"""What ids of Cloudflare look like, so that a mistyped or invented one is found without an account.
Pure.

Whether a well-formed id exists, only an account can tell.
developers.cloudflare.com/api/resources/d1 (a UUID), .../kv and .../hyperdrive (32 hexadecimal
digits).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cfpy.bindings.finding import Finding
from cfpy.project.names import is_placeholder

_HEX = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


def not_uuids(items: Iterable[Mapping[str, Any]], key: str, fix: str) -> Iterator[Finding]:
    """A finding for each id that is not a UUID. A placeholder, as examples have, is only a warning:
    it counts as no id."""
    return _other_than(_UUID, "not a UUID", items, key, fix)


def not_hex(items: Iterable[Mapping[str, Any]], key: str, fix: str) -> Iterator[Finding]:
    """A finding for each id that is not 32 hexadecimal digits; as :func:`not_uuids`."""
    return _other_than(_HEX, "not 32 hexadecimal digits", items, key, fix)


def _other_than(
    form: re.Pattern[str], what: str, items: Iterable[Mapping[str, Any]], key: str, fix: str
) -> Iterator[Finding]:
    for item in items:
        given = str(item.get(key) or "").strip()
        said = f"{key} {given!r} of {item.get('binding')} is"
        if is_placeholder(given):
            yield Finding(False, f"{said} a placeholder", fix)
        elif given and not form.fullmatch(given):
            yield Finding(True, f"{said} {what}", fix)
        elif given != given.lower():
            # wrangler sends it as it is, and nothing says that Cloudflare accepts it.
            written = f"Write it as the account does: {given.lower()}"
            yield Finding(False, f"{said} in upper case", f"{written}.")
