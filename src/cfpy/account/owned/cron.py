"""Schedules of a Worker: its cron triggers.

A deployment replaces them by those of the configuration, and leaves them as they are if that has
no ``triggers.crons`` (wrangler 4.164.0, ``triggersDeploy``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cfpy.account.comparison import Comparison
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.drift import Drift
from cfpy.account.observed import Found
from cfpy.account.owned.kind import OwnedKind
from cfpy.account.owned.outside import Answers, Reading, if_allowed, nothing
from cfpy.account.plan import Action, Do


@dataclass(frozen=True)
class Schedules:
    """All schedules that are wanted, maybe none. It is only there if the configuration has them."""

    crons: tuple[str, ...]


@dataclass(frozen=True)
class LiveSchedule(Found):
    """A schedule of the Worker, its ``id`` the cron expression."""

    kind = "cron"


class Crons(OwnedKind):
    """They go with their Worker."""

    name = "cron"

    def wanted(self, scope: Scope) -> Iterator[Schedules]:
        triggers = scope.inherited("triggers")
        crons = triggers.get("crons") if isinstance(triggers, Mapping) else None
        if isinstance(crons, list):
            yield Schedules(tuple(dict.fromkeys(map(str, crons))))

    def names(self, desired: DesiredState) -> list[str]:
        return [cron for item in desired.all(Schedules) for cron in item.crons]

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        if not desired.all(Schedules) and not reading.thorough:
            return nothing
        return reading.start(_schedules, desired.worker).result

    def plan(self, now: Comparison) -> Iterator[Action]:
        live, wanted = now.observed.all(LiveSchedule), self.names(now.desired)
        for cron in wanted:
            do, reason = (Do.KEEP, "") if cron in live else (Do.DEPLOY, "new")
            yield Action(do, self.name, cron, reason, id=cron if cron in live else "")
        for cron in self._others(now) if now.desired.all(Schedules) else ():
            reason = "not in the configuration: it is removed"
            yield Action(Do.DEPLOY, self.name, cron, reason, id=cron)

    def drift(self, now: Comparison) -> Iterator[Drift]:
        edit = f"Set `crons = {json.dumps(self._others(now))}` in [triggers]"
        for cron in () if now.desired.all(Schedules) else self._others(now):
            yield Drift(
                self.name,
                cron,
                f"the Worker runs at {cron}, and the configuration has no triggers.crons",
                f"{edit} of the configuration.",
                "Set `triggers.crons` to [] in the configuration, then deploy.",
            )

    def adopts(self, now: Comparison, action: Action) -> str:
        del action
        crons = json.dumps(sorted(now.observed.all(LiveSchedule)))
        return f"Set `crons = {crons}` in [triggers] of the configuration."

    def _others(self, now: Comparison) -> list[str]:
        return sorted(now.observed.all(LiveSchedule).keys() - set(self.names(now.desired)))


def _schedules(reading: Reading, worker: str) -> list[LiveSchedule]:
    path = reading.path(f"workers/scripts/{worker}/schedules")
    page = if_allowed(lambda: reading.api.get(path), None)
    found = page["result"]["schedules"] if page else ()
    return [LiveSchedule(str(item["cron"])) for item in found]
