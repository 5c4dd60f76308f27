"""Routes: patterns of addresses in a zone, whose requests the Worker gets.

wrangler sets them in a deployment (4.164.0, ``triggersDeploy``, ``publishRoutes``): one request
replaces all routes of the Worker, if the token has access to all zones. Otherwise it adds those of
the configuration, zone by zone. A route of another Worker makes it fail after the new version is
live.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfpy.account.comparison import Comparison, Removal
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.drift import Drift
from cfpy.account.observed import Found
from cfpy.account.owned.going import Following
from cfpy.account.owned.outside import Answers, Reading, if_allowed, nothing
from cfpy.account.owned.routing import route_entries
from cfpy.account.plan import Action, Do

_DASHBOARD = "in the dashboard, under Workers Routes of the zone"


@dataclass(frozen=True)
class Route:
    """A pattern that the Worker wants. ``zone_id`` and ``host`` are where it is, as far as the
    configuration tells; ``inherited`` is whether an environment has it from the top level."""

    pattern: str
    zone_id: str = ""
    host: str = ""
    inherited: bool = False

    @property
    def zone(self) -> str:
        """The zone in words."""
        return self.zone_id or self.host or "unknown"


@dataclass(frozen=True)
class ObservedRoute(Found):
    """A route, its pattern as ``id``, and the Worker that it leads to; empty if to none."""

    kind = "route"
    worker: str


@dataclass(frozen=True)
class HiddenZone(Found):
    """A zone, as :attr:`Route.zone`, of which the token can't read the routes: ``reason``."""

    kind = "zone"
    reason: str


class Routes(Following):
    name = "route"

    def wanted(self, scope: Scope) -> Iterator[Route]:
        inherited = not {"route", "routes"} & scope.tables.keys()
        for item in route_entries(scope):
            if not item.custom_domain:
                yield Route(item.pattern, item.zone_id, item.host, inherited)

    def names(self, desired: DesiredState) -> list[str]:
        return [item.pattern for item in desired.all(Route)]

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        wanted = desired.all(Route)
        if not wanted and not reading.thorough:
            return nothing
        return reading.start(_routes, wanted, desired.worker).result

    def plan(self, now: Comparison) -> Iterator[Action]:
        worker, wanted = now.desired.worker, now.desired.all(Route)
        for item in wanted:
            found = now.observed.get(ObservedRoute, item.pattern)
            hidden = now.observed.get(HiddenZone, item.zone)
            if found and found.worker == worker:
                yield Action(Do.KEEP, self.name, item.pattern, "", id=item.pattern)
            elif found:
                yield Action(Do.CONFLICT, self.name, item.pattern, _taken(now, item, found))
            else:
                reason = f"set by each deployment; {hidden.reason}" if hidden else "new"
                do = Do.KEEP if hidden else Do.DEPLOY
                yield Action(do, self.name, item.pattern, reason)
        for pattern in self._others(now) if wanted else ():
            reason = "not in the configuration: it is removed"
            yield Action(Do.DEPLOY, self.name, pattern, reason, id=pattern)

    def drift(self, now: Comparison) -> Iterator[Drift]:
        """A deployment without any route leaves those of the Worker as they are."""
        for pattern in () if now.desired.all(Route) else self._others(now):
            yield Drift(
                self.name,
                pattern,
                f"the route {pattern} leads to the Worker, and the configuration has no routes",
                f"Set `routes = {json.dumps(self._others(now))}` in the configuration.",
                f"Delete it {_DASHBOARD}.",
            )

    def adopts(self, now: Comparison, action: Action) -> str:
        if now.desired.all(Route) and action.id:
            return f"Add {json.dumps(action.name)} to `routes` in the configuration."
        return f"Remove {json.dumps(action.name)} from `routes` in the configuration."

    def unseen(self, now: Comparison) -> Iterator[str]:
        for zone in now.observed.all(HiddenZone).values():
            yield f"routes of the zone {zone.id}: {zone.reason}"

    def goes(self, now: Removal) -> list[str]:
        return [i.id for i in self._of_worker(now)]

    def where(self) -> str:
        return _DASHBOARD

    def _of_worker(self, now: Comparison) -> list[ObservedRoute]:
        found = now.observed.all(ObservedRoute).values()
        return [item for item in found if item.worker == now.desired.worker]

    def _others(self, now: Comparison) -> list[str]:
        wanted = set(self.names(now.desired))
        return sorted(i.id for i in self._of_worker(now) if i.id not in wanted)


def _taken(now: Comparison, wanted: Route, found: ObservedRoute) -> str:
    if not found.worker:
        return f"the account has it without a Worker: delete it {_DASHBOARD}"
    reason = f"it leads to the Worker {found.worker}: "
    if wanted.inherited and now.desired.environment:
        return (
            f"{reason}the environment {now.desired.environment} inherits it from the top level; "
            "give the environment its own `routes`, which may be []"
        )
    return f"{reason}remove it from that Worker, or delete it {_DASHBOARD}"


def _routes(reading: Reading, wanted: Iterable[Route], worker: str) -> list[Found]:
    found: dict[tuple[str, str], Found] = {}
    zones: dict[str, str] = {}
    for item in wanted:
        if item.zone not in zones:
            zones[item.zone] = item.zone_id or _zone_of(reading, item.host)
            for one in _in_zone(reading, item.zone, zones[item.zone]):
                found[one.key] = one
    if reading.thorough:
        # As in wrangler (4.164.0, ``fetchWorkerConfig``): those of all zones.
        path = f"workers/services/{worker}/environments/production/routes"
        page = if_allowed(lambda: reading.api.get(reading.path(path), show_zonename="true"), None)
        for item in (page or {}).get("result") or ():
            one = ObservedRoute(str(item["pattern"]), worker)
            found.setdefault(one.key, one)
    return list(found.values())


def _zone_of(reading: Reading, host: str) -> str:
    """The id of the zone of a host, found like in wrangler (4.164.0, ``getZoneIdFromHost``); empty
    if the token sees none."""
    parts = host.split(".")
    while len(parts) > 1:
        given = {"name": ".".join(parts), "account.id": reading.account_id}
        page: Mapping[str, Any] | None = if_allowed(
            lambda given=given: reading.api.get("zones", **given),  # type: ignore[misc]
            None,
        )
        if page and page["result"]:
            return str(page["result"][0]["id"])
        parts = parts[1:]
    return ""


def _in_zone(reading: Reading, name: str, zone: str) -> list[Found]:
    if not zone:
        reason = "the token sees no such zone: is it in this account, and Zone: Read allowed?"
        return [HiddenZone(name, reason)]
    page = if_allowed(lambda: reading.api.get(f"zones/{zone}/workers/routes"), None)
    if page is None:
        return [HiddenZone(name, "the token may not read them: Workers Routes: Read")]
    return [ObservedRoute(str(i["pattern"]), str(i.get("script") or "")) for i in page["result"]]
