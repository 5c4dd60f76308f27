"""Tail Workers: other Workers that get the log of this one. A deployment sets them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cfpy.account.comparison import Comparison
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.drift import DEPLOY, Drift
from cfpy.account.observed import Found
from cfpy.account.owned.kind import OwnedKind
from cfpy.account.owned.outside import Answers, Reading, if_allowed, nothing
from cfpy.account.owned.worker import ObservedWorker
from cfpy.account.plan import Action, Do

#: By the table of the configuration: the kind of its steps.
_TABLES = {
    "tail_consumers": "tail_consumer",
    "streaming_tail_consumers": "streaming_tail_consumer",
}


@dataclass(frozen=True)
class TailWorker:
    """A Worker that is to get the log; ``table`` is the configuration's."""

    service: str
    table: str


@dataclass(frozen=True)
class TailWorkers(Found):
    """The Workers that get the log of one, its ``id``, by table; a table is not there if the API
    does not show it."""

    kind = "tail_consumer"
    services: tuple[tuple[str, frozenset[str]], ...]

    def of(self, table: str) -> frozenset[str] | None:
        return dict(self.services).get(table)


class TailConsumers(OwnedKind):
    """They are other Workers: cfpy neither creates nor deletes them."""

    name = "tail_consumer"
    parts = ("streaming_tail_consumer",)

    def wanted(self, scope: Scope) -> Iterator[TailWorker]:
        for table in _TABLES:
            names = [scope.text(item, "service", table) for item in scope.entries(table)]
            yield from (TailWorker(name, table) for name in sorted(set(names)))

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        if not desired.all(TailWorker) and not reading.thorough:
            return nothing
        return reading.start(_tails, desired.worker).result

    def plan(self, now: Comparison) -> Iterator[Action]:
        for item in now.desired.all(TailWorker):
            kind, live = _TABLES[item.table], _live(now, item.table)
            if live is None and now.observed.get(ObservedWorker, now.desired.worker):
                reason = "set by each deployment; the account does not show it"
                yield Action(Do.KEEP, kind, item.service, reason)
            elif item.service in (live or ()):
                yield Action(Do.KEEP, kind, item.service, "", id=item.service)
            else:
                yield Action(Do.DEPLOY, kind, item.service, "gets the log of the Worker")

    def drift(self, now: Comparison) -> Iterator[Drift]:
        for table, kind in _TABLES.items():
            wanted = {i.service for i in now.desired.all(TailWorker) if i.table == table}
            for name in sorted((_live(now, table) or frozenset()) - wanted):
                empty = "" if wanted else f"Set `{table}` to [] in the configuration, then run "
                yield Drift(
                    kind,
                    name,
                    f"the Worker {name} gets the log, and the configuration does not name it",
                    f'Add it to `{table}` in the configuration: service "{name}"',
                    f"{empty}{DEPLOY}",
                )


def _live(now: Comparison, table: str) -> frozenset[str] | None:
    found = now.observed.get(TailWorkers, now.desired.worker)
    return found.of(table) if found else None


def _tails(reading: Reading, worker: str) -> list[TailWorkers]:
    path = reading.path(f"workers/scripts/{worker}/script-settings")
    page = if_allowed(lambda: reading.api.get(path), None)
    if page is None:
        return []
    shown = {table: page["result"][table] for table in _TABLES if table in page["result"]}
    found = (
        (table, frozenset(str(item["service"]) for item in items or ()))
        for table, items in shown.items()
    )
    return [TailWorkers(worker, tuple(found))]
