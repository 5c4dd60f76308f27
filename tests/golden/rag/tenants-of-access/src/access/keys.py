"""The public keys of a team, and when to read them again.

Access changes its key every six weeks, and a changed one is valid for seven days more:
developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/
authorization-cookie/validating-json, "Access signing keys".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

# A key that was withdrawn is believed for this long.
REFRESH_SECONDS = 3_600
# Whoever makes up ids of keys causes no more reads than this.
RETRY_SECONDS = 60


class Unreadable(Exception):
    """The keys could not be read."""


class Keys:
    """Keys by their ids, kept from one request to the next.

    Args:
        load: Reads all keys; raises ``Unreadable``.
    """

    def __init__(self, load: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
        self._load = load
        self._keys: Mapping[str, Any] = {}
        self._read_at = float("-inf")

    async def get(self, id_: str, now: float) -> Any | None:
        """The key of this id; ``None`` if the team has none.

        Raises:
            Unreadable: The keys can't be read, and this one is not known.
        """
        known = id_ in self._keys
        if now >= self._read_at + (REFRESH_SECONDS if known else RETRY_SECONDS):
            try:
                # Requests that come meanwhile read them too: one can't wait for another's fetch.
                self._keys = await self._load()
                self._read_at = now
            except Unreadable:
                if not known:
                    raise
                # Try again in a minute.
                self._read_at = now + RETRY_SECONDS - REFRESH_SECONDS
        return self._keys.get(id_)
