"""The public keys of a team, and when to read them again.

Access changes its key every six weeks, and a changed one is valid for seven days more:
developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/
authorization-cookie/validating-json, "Access signing keys".
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

# A key that was withdrawn is believed for this long.
REFRESH_SECONDS = 3_600
# Whoever makes up ids of keys causes no more reads than this.
RETRY_SECONDS = 60
# Nor during an outage, which may be over sooner: refused callers are told to come back after this.
OUTAGE_SECONDS = 10


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
        self._read_at = self._tried_at = float("-inf")
        self._failure = ""

    async def get(self, id_: str, now: float) -> Any | None:
        """The key of this id; ``None`` if the team has none.

        Raises:
            Unreadable: The keys can't be read, and this one is not known.
        """
        if self._is_due(id_, now):
            if self._failure:
                # During an outage one request asks; the others do not wait for no answer too.
                self._tried_at = now
            try:
                # Requests that come meanwhile read them too: one can't wait for another's fetch.
                self._keys = await self._load()
                self._read_at, self._failure = now, ""
            except Unreadable as error:
                self._failure = str(error) or "no reason given"
            self._tried_at = now
        if self._failure and id_ not in self._keys:
            raise Unreadable(self._failure)
        return self._keys.get(id_)

    def _is_due(self, id_: str, now: float) -> bool:
        """Whether to read the keys now, for this one."""
        pause = OUTAGE_SECONDS if self._failure else RETRY_SECONDS
        is_old = now >= self._read_at + REFRESH_SECONDS
        return now >= self._tried_at + pause and (is_old or id_ not in self._keys)
