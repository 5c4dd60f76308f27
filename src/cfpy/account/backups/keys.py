"""Keys that no request can name. Pure.

A key is part of an address, and clients resolve the segments ``.`` and ``..`` of an address, also
written as ``%2E`` (url.spec.whatwg.org, "double-dot URL path segment"): ``a/../b`` asks for ``b``.
"""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN = 10


def has_dots(key: str) -> bool:
    """Whether a segment of the key is ``.`` or ``..``."""
    return not {".", ".."}.isdisjoint(key.split("/"))


def is_dots(key: str) -> bool:
    """Whether the whole key is: that of a namespace is one segment of the address."""
    return key in (".", "..")


def not_copied(keys: Sequence[str]) -> str:
    """The note about keys that can't be named."""
    return (
        "not copied, because a part of the key is . or .., so a request would reach another key: "
        f"{some(keys)}"
    )


def some(keys: Sequence[str]) -> str:
    """The first of some keys, for a note; the manifest has all of those that were missed."""
    left = len(keys) - _SHOWN
    return ", ".join(keys[:_SHOWN]) + (f" and {left} more" if left > 0 else "")
