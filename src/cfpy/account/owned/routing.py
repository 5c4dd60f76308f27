"""The routes of a configuration, as wrangler reads them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cfpy.account.desired import Scope


@dataclass(frozen=True)
class RouteEntry:
    """One entry of ``routes``, or the ``route``: a pattern, or the host of a custom domain.
    ``zone_id`` and ``zone_name`` are empty where the entry does not name the zone."""

    pattern: str
    zone_id: str = ""
    zone_name: str = ""
    custom_domain: bool = False

    @property
    def host(self) -> str:
        """The host whose zone it is in, as in wrangler (4.164.0, ``getHostFromRoute``); empty if
        the pattern has none."""
        return self.zone_name or host_of(self.pattern)


def route_entries(scope: Scope) -> tuple[RouteEntry, ...]:
    """The entries of an environment, in order. ``routes`` comes before ``route``, and an
    environment inherits both (wrangler 4.164.0, ``resolveRoutes``)."""
    several, one = scope.inherited("routes"), scope.inherited("route")
    found = several if isinstance(several, list) else [one] if one else []
    return tuple(entry for item in found if (entry := _entry(item)).pattern)


def host_of(pattern: str) -> str:
    """The host of a pattern without its wildcards; empty if it is only a wildcard."""
    host = pattern.partition("://")[2] or pattern
    host = host.partition("/")[0]
    return host.replace("*.", "").replace("*", "")


def _entry(item: Any) -> RouteEntry:
    if not isinstance(item, Mapping):
        return RouteEntry(str(item))
    return RouteEntry(
        str(item.get("pattern") or ""),
        str(item.get("zone_id") or ""),
        str(item.get("zone_name") or ""),
        bool(item.get("custom_domain")),
    )
