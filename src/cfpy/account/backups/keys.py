"""Keys that a request can't name, or perhaps not. Pure.

A key is part of an address, and clients resolve the segments ``.`` and ``..`` of an address, also
written as ``%2E`` (url.spec.whatwg.org, "double-dot URL path segment"): ``a/../b`` asks for ``b``.
With its slashes encoded, as in ``a%2F..%2Fb``, a key is one segment and stays. What a server makes
of that is not documented, so it is good for a read that proves what it got, and not for a write.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

#: How many keys a note names.
SHOWN = 10


def has_dots(key: str) -> bool:
    """Whether a segment of the key is ``.`` or ``..``."""
    return not {".", ".."}.isdisjoint(key.split("/"))


def may_lead_elsewhere(key: str) -> bool:
    """Whether a request to delete the key could reach another bucket, or anything else of the
    account, if something on its way decodes the address once more, or takes ``\\`` for ``/``."""
    return any(has_dots(form.replace("\\", "/")) for form in (key, unquote(key)))


def is_dots(key: str) -> bool:
    """Whether the whole key is: that of a namespace is one segment of the address."""
    return key in (".", "..")


def not_given(keys: Sequence[str]) -> str:
    """The note about keys whose values the API does not give."""
    return f"not copied, because Cloudflare's API refuses to give them: {some(keys)}"


def not_copied(keys: Sequence[str]) -> str:
    """The note about keys that can't be named."""
    return (
        "not copied, because a part of the key is . or .., so a request would reach another key: "
        f"{some(keys)}"
    )


def some(keys: Sequence[str]) -> str:
    """The first of some keys, for a note; the manifest has all of those that were missed. Who uses
    an application may choose keys, so they must not be able to control a terminal."""
    left = len(keys) - SHOWN
    shown = (key if key.isprintable() else ascii(key) for key in keys[:SHOWN])
    return ", ".join(shown) + (f" and {left} more" if left > 0 else "")
