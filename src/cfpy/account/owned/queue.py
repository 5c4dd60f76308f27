"""Queues, with the Workers at both ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfpy.account.comparison import Comparison, Removal
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.drift import Drift
from cfpy.account.live import target
from cfpy.account.observed import Found
from cfpy.account.owned.kind import OwnedResource, elsewhere, new_in
from cfpy.account.owned.outside import Answers, Reading, if_allowed, jurisdiction, nothing
from cfpy.account.owned.r2 import R2Bucket
from cfpy.account.plan import Action, Do
from cfpy.bindings.kinds.queue import CONSUMERS, QUEUE
from cfpy.tools.invocation import command

# What a queue has if nobody set anything: developers.cloudflare.com/queues/platform/limits and
# /configuration/configure-queues; the free plan keeps messages for a day, the paid one for four.
_DELAY, _RETENTION = 0, (86_400, 345_600)


@dataclass(frozen=True)
class Queue:
    """A queue to which the Worker sends, from which it gets messages (``consumed``), or that takes
    its dead letters."""

    name: str
    jurisdiction: str = ""
    consumed: bool = False
    location: str = ""


@dataclass(frozen=True)
class QueueSettings:
    """Settings of a queue, in seconds; ``None`` where the API does not show one."""

    delivery_delay: int | None = None
    retention: int | None = None
    paused: bool = False


@dataclass(frozen=True)
class ConsumerSettings:
    """How a Worker gets the messages of a queue, by the keys of the configuration. ``values`` has
    only what the API shows."""

    values: tuple[tuple[str, int], ...]
    dead_letter_queue: str


@dataclass(frozen=True)
class ObservedQueue(Found):
    """A queue in the account, with its consumers and producers (names of Workers).
    ``jurisdiction`` is ``None`` if the API does not return it."""

    kind = "queue"
    consumers: frozenset[str] = frozenset()
    producers: frozenset[str] = frozenset()
    jurisdiction: str | None = ""
    settings: QueueSettings = QueueSettings()
    #: By Worker; by an empty name those of a consumer over HTTP.
    consumer_settings: tuple[tuple[str, ConsumerSettings], ...] = ()
    #: The buckets whose event notifications it gets.
    buckets: frozenset[str] = frozenset()


class Queues(OwnedResource):
    name = "queue"
    listed = "queues"
    binding = QUEUE
    listed_at = "queues"
    shared = "messages"

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
        if desired.all(Queue):
            return reading.start(_queues).result
        if reading.thorough:  # Somebody may have given the Worker a queue.
            return reading.start(_queues_if_allowed).result
        return nothing

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

    def drift(self, now: Comparison) -> Iterator[Drift]:
        """No file of the project has these settings: they are compared with Cloudflare's own."""
        for item in now.desired.all(Queue):
            if found := now.observed.get(ObservedQueue, item.name):
                yield from _changed(item.name, found.settings)

    def is_changed_by_deployment(self, desired: DesiredState) -> bool:
        """A deployment sets the consumers of queues."""
        return any(item.consumed for item in desired.all(Queue))

    def teardown(self, now: Removal) -> Iterator[Action]:
        for item in now.desired.all(Queue):
            found = now.observed.get(ObservedQueue, item.name)
            if found:
                yield self.decided(now, item.name, holds="messages may wait in it")

    def outsiders(self, now: Comparison, name: str, id_: str) -> Iterator[str]:
        """Also those at its ends, queues whose dead letters it takes, and buckets."""
        found = now.observed.get(ObservedQueue, name) or ObservedQueue(name)
        ours = self.our_workers(now, name, id_)
        bound = now.users.get(target(self.name, id_), ())
        for worker in sorted({*bound, *found.consumers, *found.producers} - ours):
            yield f"the Worker {worker}"
        for queue in now.observed.all(ObservedQueue).values():
            # Our own queue may have a consumer over HTTP.
            known = {*ours, ""} if queue.id in self.names(now.desired) else ours
            if any(
                settings.dead_letter_queue == name and worker not in known
                for worker, settings in queue.consumer_settings
            ):
                yield f"the queue {queue.id} (dead letters)"
        for bucket in sorted(found.buckets - {item.name for item in now.desired.all(R2Bucket)}):
            yield f"the bucket {bucket} (event notifications)"


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


def _changed(name: str, settings: QueueSettings) -> Iterator[Drift]:
    kept = "No file can keep it: note it where your team looks."
    update = ("wrangler", "queues", "update", name)
    if settings.delivery_delay not in (None, _DELAY):
        yield Drift(
            "queue",
            name,
            f"the queue {name} delays its messages by {settings.delivery_delay} seconds, not "
            f"{_DELAY}",
            kept,
            command(*update, f"--delivery-delay-secs={_DELAY}"),
        )
    if settings.retention not in (None, *_RETENTION):
        yield Drift(
            "queue",
            name,
            f"the queue {name} keeps its messages for {settings.retention} seconds, not "
            f"{_RETENTION[1]} (on the free plan {_RETENTION[0]})",
            kept,
            command(*update, f"--message-retention-period-secs={_RETENTION[1]}"),
        )
    if settings.paused:
        yield Drift(
            "queue",
            name,
            f"the queue {name} is paused: its messages wait",
            kept,
            command("wrangler", "queues", "resume-delivery", name),
        )


def _queues_if_allowed(reading: Reading) -> list[ObservedQueue]:
    none: list[ObservedQueue] = []
    return if_allowed(lambda: _queues(reading), none)


def _queues(reading: Reading) -> list[ObservedQueue]:
    return [
        ObservedQueue(
            item["queue_name"],
            _workers(item.get("consumers") or ()),
            _workers(item.get("producers") or ()),
            jurisdiction(item),
            _settings(item.get("settings") or {}),
            tuple(_consumer(one) for one in item.get("consumers") or ()),
            _buckets(item.get("producers") or ()),
        )
        for item in reading.api.pages(reading.path("queues"))
    ]


def _workers(ends: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The Workers at one end of a queue; the API has three names for the same thing."""
    return frozenset(name for i in ends if (name := _worker(i)))


def _buckets(producers: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """As wrangler shows them (4.164.0, ``wrangler queues info``)."""
    named = (i.get("bucket_name") for i in producers if i.get("type") == "r2_bucket")
    return frozenset(str(name) for name in named if name)


def _worker(end: Mapping[str, Any]) -> str:
    return str(end.get("script") or end.get("script_name") or end.get("service") or "")


def _settings(found: Mapping[str, Any]) -> QueueSettings:
    delay, kept = found.get("delivery_delay"), found.get("message_retention_period")
    return QueueSettings(
        None if delay is None else int(delay),
        None if kept is None else int(kept),
        bool(found.get("delivery_paused")),
    )


def _consumer(end: Mapping[str, Any]) -> tuple[str, ConsumerSettings]:
    """As wrangler sends them (4.164.0, ``updateQueueConsumers``)."""
    found = end.get("settings") or {}
    keys = {
        "max_batch_size": found.get("batch_size"),
        "max_batch_timeout": None
        if found.get("max_wait_time_ms") is None
        else int(found["max_wait_time_ms"]) // 1000,
        "max_retries": found.get("max_retries"),
        "max_concurrency": found.get("max_concurrency"),
        "retry_delay": found.get("retry_delay"),
    }
    values = tuple((key, int(value)) for key, value in keys.items() if value is not None)
    return _worker(end), ConsumerSettings(values, str(end.get("dead_letter_queue") or ""))
