"""What has to be deleted so that an account is rid of a project: pure, and in order.

A Worker can't go while it consumes a queue, and a queue not while a Worker consumes it: first the
consumers, then the Worker, then what it was bound to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cfpy.domain.plan import Action, Do, ObservedQueue, ObservedState, Plan
from cfpy.domain.resources import DesiredState
from cfpy.errors import UsageError


@dataclass(frozen=True)
class Permission:
    """What may be deleted.

    ``created`` are the keys of what cfpy made, ``included`` of what it did not make and the user
    named all the same. ``data``: also what holds data.
    """

    created: frozenset[str]
    included: frozenset[str]
    data: bool

    def refusal(self, key: str, *, holds: str) -> str:
        """Why ``key``, which ``holds`` data, may not go; empty if it may."""
        if key not in self.created | self.included:
            return f"not made by cfpy: --include {key} deletes it"
        if holds and not self.data:
            return f"{holds}: --delete-data deletes it"
        return ""


def teardown(desired: DesiredState, observed: ObservedState, permission: Permission) -> Plan:
    """The plan that takes an environment down. Nothing that the project does not name is in it.

    Raises:
        UsageError: Something is included that the project does not name.
    """
    actions = tuple(_actions(desired, observed, permission))
    known = {action.key for action in actions}
    if unknown := sorted(permission.included - known):
        raise UsageError(
            f"the account has no {unknown[0]} of this project",
            hint=f"It has: {', '.join(sorted(known)) or 'nothing'}. Nothing was changed.",
        )
    return Plan(observed.account_id, desired.worker, desired.environment, actions)


def _actions(
    desired: DesiredState, observed: ObservedState, permission: Permission
) -> Iterator[Action]:
    worker = _worker(desired, observed, permission)
    there = [name for name in desired.queues if name in observed.queues]
    queues = [_queue(name, desired.worker, observed.queues[name], permission) for name in there]
    for action in queues:
        if desired.worker in observed.queues[action.name].consumers:
            goes = Do.DELETE in (action.do, *(item.do for item in worker))
            do, reason = (Do.DELETE, "") if goes else (Do.KEEP, "its Worker stays")
            yield Action(do, "queue_consumer", action.name, reason)
    yield from worker
    yield from queues
    for index in desired.indexes:
        if index.index_name in observed.indexes:
            yield _decided("vectorize", index.index_name, permission, "it holds vectors")
    for database in desired.databases:
        if database.name in observed.databases:
            yield _decided("d1", database.name, permission, "it holds rows")
        elif database.id:
            yield _forgotten("d1", database.name)
    for namespace in desired.namespaces:
        ids = observed.namespaces
        if namespace.title in ids or namespace.id in ids.values():
            yield _decided("kv", namespace.title, permission, "it holds values")
        elif namespace.id:
            yield _forgotten("kv", namespace.title)
    for bucket in desired.buckets:
        if bucket in observed.buckets:
            yield _decided("r2", bucket, permission, "it may hold objects")
    for dataset in desired.datasets:
        reason = "can't be deleted: its points end after three months"
        yield Action(Do.KEEP, "analytics_engine", dataset, reason)


def _worker(desired: DesiredState, observed: ObservedState, permission: Permission) -> list[Action]:
    if observed.secrets is None:
        return []
    return [_decided("worker", desired.worker, permission, "")]


def _queue(name: str, worker: str, found: ObservedQueue, permission: Permission) -> Action:
    others = sorted((found.consumers | found.producers) - {worker})
    if others:
        return Action(Do.KEEP, "queue", name, f"also used by {', '.join(others)}")
    return _decided("queue", name, permission, "messages may wait in it")


def _decided(kind: str, name: str, permission: Permission, holds: str) -> Action:
    reason = permission.refusal(f"{kind}:{name}", holds=holds)
    return Action(Do.KEEP if reason else Do.DELETE, kind, name, reason)


def _forgotten(kind: str, name: str) -> Action:
    return Action(Do.DELETE, kind, name, "gone already; its id leaves wrangler.toml")
