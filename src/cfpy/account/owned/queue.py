"""Queues, with the Workers at both ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfpy.account.comparison import Comparison, Removal
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.observed import Found
from cfpy.account.owned.kind import OwnedResource, elsewhere, new_in
from cfpy.account.owned.outside import Answers, Reading, jurisdiction, nothing
from cfpy.account.plan import Action, Do
from cfpy.bindings.kinds.queue import CONSUMERS, QUEUE


@dataclass(frozen=True)
class Queue:
    """A queue to which the Worker sends, from which it gets messages (``consumed``), or that takes
    its dead letters."""

    name: str
    jurisdiction: str = ""
    consumed: bool = False
    location: str = ""


@dataclass(frozen=True)
class ObservedQueue(Found):
    """A queue in the account, with its consumers and producers (names of Workers).
    ``jurisdiction`` is ``None`` if the API does not return it."""

    kind = "queue"
    consumers: frozenset[str] = frozenset()
    producers: frozenset[str] = frozenset()
    jurisdiction: str | None = ""


class Queues(OwnedResource):
    name = "queue"
    listed = "queues"
    binding = QUEUE

    def called(self, name: str) -> Queue:
        return Queue(name)

    def wanted(self, scope: Scope) -> Iterator[Queue]:
        producers, consumers = scope.entries(QUEUE.table), scope.entries(CONSUMERS.table)
        consumed = {scope.text(item, "queue", CONSUMERS.table) for item in consumers}
        named = {
            *(scope.text(item, "queue", QUEUE.table) for item in producers),
            *consumed,
            *(str(i["dead_letter_queue"]) for i in consumers if i.get("dead_letter_queue")),
        }
        for name in sorted(named):
            where = scope.project.data_location("queues", name).jurisdiction
            yield Queue(name, where, name in consumed)

    def names(self, desired: DesiredState) -> list[str]:
        return [item.name for item in desired.all(Queue)]

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        return reading.start(_queues).result if desired.all(Queue) else nothing

    def plan(self, now: Comparison) -> Iterator[Action]:
        for item in now.desired.all(Queue):
            found = now.observed.get(ObservedQueue, item.name)
            if found and (conflict := _conflict(now.desired.worker, item, found)):
                yield Action(Do.CONFLICT, self.name, item.name, conflict)
                continue
            do, reason, id_ = Do.CREATE, new_in(item), ""
            if found:
                do, reason, id_ = Do.KEEP, "", item.name
            where = item.jurisdiction
            yield Action(do, self.name, item.name, reason, id=id_, jurisdiction=where)

    def teardown(self, now: Removal) -> Iterator[Action]:
        for item in now.desired.all(Queue):
            found = now.observed.get(ObservedQueue, item.name)
            if found is None:
                continue
            if users := sorted((found.consumers | found.producers) - {now.desired.worker}):
                yield Action(Do.KEEP, self.name, item.name, f"also used by {', '.join(users)}")
            else:
                yield self.decided(now, item.name, holds="messages may wait in it")


def _conflict(worker: str, wanted: Queue, found: ObservedQueue) -> str:
    """Why a queue in the account can't be used; empty if it can."""
    others = sorted(found.consumers - {worker})
    if others and wanted.consumed:
        # developers.cloudflare.com/queues/configuration/pull-consumers: one consumer per queue.
        # Cloudflare would refuse it only after the new version is live.
        return f"it is already consumed by the Worker {others[0]}, and a queue has one consumer"
    where = found.jurisdiction
    if where is None or wanted.jurisdiction in ("", where):
        return ""
    return elsewhere(wanted.jurisdiction, where)


def _queues(reading: Reading) -> list[ObservedQueue]:
    return [
        ObservedQueue(
            item["queue_name"],
            _workers(item.get("consumers") or ()),
            _workers(item.get("producers") or ()),
            jurisdiction(item),
        )
        for item in reading.api.pages(reading.path("queues"))
    ]


def _workers(ends: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The Workers at one end of a queue; the API has three names for the same thing."""
    names = (i.get("script") or i.get("script_name") or i.get("service") for i in ends)
    return frozenset(str(name) for name in names if name)
