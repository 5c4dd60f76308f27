"""Computes what has to be deleted to remove a project from an account. Pure, in order.

A Worker can't be deleted while it consumes a queue, nor a queue while a Worker consumes it. So the
consumers go first, then the Worker, then the resources that it was bound to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cfpy.account.diff import elsewhere
from cfpy.account.identity import Reference, Resource, resolve
from cfpy.account.live import target
from cfpy.account.notices import leftovers, sharing
from cfpy.account.observed import ObservedQueue, ObservedState
from cfpy.account.plan import Action, Do, Plan
from cfpy.account.resources import DesiredState
from cfpy.errors import UsageError


@dataclass(frozen=True)
class Permission:
    """What may be deleted.

    ``created`` are the ids of what cfpy created, by key; ``included`` the keys of other resources
    that the user named. ``data`` is whether resources with data may be deleted.
    """

    created: Mapping[str, str]
    included: frozenset[str]
    data: bool

    def covers(self, key: str, id_: str) -> bool:
        """Whether cfpy created it. A namespace can be renamed, but its id stays."""
        if key in self.created:
            return self.created[key] in ("", id_)
        kind = key.partition(":")[0]
        return id_ != "" and any(
            id_ == known and name.startswith(f"{kind}:") for name, known in self.created.items()
        )

    def refusal(self, key: str, id_: str, *, holds: str) -> str:
        """Why ``key``, whose id is ``id_`` and which ``holds`` data, may not be deleted; empty if
        it may.

        A resource that cfpy created is identified by its id if the record has one: somebody may
        have deleted it and created another one with the same name.
        """
        if not self.covers(key, id_) and key not in self.included:
            return f"not created by cfpy; to delete it, add --include {key}"
        if holds and not self.data:
            return f"{holds}; to delete it, add --delete-data"
        return ""


def teardown(
    desired: DesiredState,
    observed: ObservedState,
    permission: Permission,
    others: Sequence[DesiredState] = (),
    users: Mapping[str, Sequence[str]] | None = None,
) -> Plan:
    """The plan that deletes an environment. It only contains what the project names.

    Args:
        desired: What the environment needs.
        observed: What the account has.
        permission: What may be deleted.
        others: What the other environments of the same configuration need; it is kept.
        users: Other Workers of the account, by the resource that they are bound to; it is kept,
            too.

    Raises:
        UsageError: ``included`` has something that the project does not name.
    """
    actions = tuple(_Teardown(desired, observed, permission, others, users or {}).actions())
    known = {action.key for action in actions}
    if unknown := sorted(permission.included - known):
        raise UsageError(
            f"the account has no {unknown[0]} of this project",
            hint=f"It has: {', '.join(sorted(known)) or 'nothing'}. Nothing was changed.",
        )
    resources = (
        *resolve("d1", desired.databases, observed.databases, permission.created),
        *resolve("kv", desired.namespaces, observed.namespaces, permission.created),
    )
    left = tuple(leftovers(desired, observed, permission.created, resources))
    return Plan(observed.account_id, desired.worker, desired.environment, actions, left)


@dataclass(frozen=True)
class _Teardown:
    desired: DesiredState
    observed: ObservedState
    permission: Permission
    others: Sequence[DesiredState]
    users: Mapping[str, Sequence[str]]

    def actions(self) -> Iterator[Action]:
        worker = self._worker()
        queues = list(self._queues())
        yield from self._consumers(worker, queues)
        yield from worker
        yield from queues
        for index in self.desired.indexes:
            name = index.index_name
            if name in self.observed.indexes:
                yield self._decided("vectorize", name, name, "it holds vectors")
        yield from self._by_id("d1", self.desired.databases, "it holds rows")
        yield from self._by_id("kv", self.desired.namespaces, "it holds values")
        for bucket in self.desired.buckets:
            where, name = self.observed.buckets.get(bucket.name), bucket.name
            if where == bucket.jurisdiction:
                yield self._decided("r2", name, name, "it may hold objects", jurisdiction=where)
            elif where is not None:
                yield Action(Do.CONFLICT, "r2", name, elsewhere(bucket, where), id=name)
        for dataset in self.desired.datasets:
            reason = "can't be deleted: its data points expire after three months"
            yield Action(Do.KEEP, "analytics_engine", dataset, reason)

    def _worker(self) -> list[Action]:
        if self.observed.secrets is None:
            return []
        name = self.desired.worker
        return [self._decided("worker", name, name, "")]

    def _queues(self) -> Iterator[Action]:
        for wanted in self.desired.queues:
            found = self.observed.queues.get(wanted.name)
            if found is None:
                continue
            users = sorted((found.consumers | found.producers) - {self.desired.worker})
            if users:
                yield Action(Do.KEEP, "queue", wanted.name, f"also used by {', '.join(users)}")
            else:
                yield self._decided("queue", wanted.name, wanted.name, "messages may wait in it")

    def _consumers(self, worker: Sequence[Action], queues: Sequence[Action]) -> Iterator[Action]:
        for action in queues:
            found = self.observed.queues.get(action.name, ObservedQueue())
            if self.desired.worker in found.consumers:
                goes = Do.DELETE in (action.do, *(item.do for item in worker))
                do, reason = (Do.DELETE, "") if goes else (Do.KEEP, "its Worker stays")
                yield Action(do, "queue_consumer", action.name, reason, id=action.name)

    def _by_id(self, kind: str, references: Sequence[Reference], holds: str) -> Iterator[Action]:
        found = self.observed.databases if kind == "d1" else self.observed.namespaces
        for item in resolve(kind, references, found, self.permission.created):
            # An id is removed only from the tables that have one.
            bindings = tuple(i.binding for i in item.references if i.id)
            if item.problem:
                yield Action(Do.CONFLICT, kind, item.name, item.problem, id=item.id)
            elif item.id:
                yield self._decided(kind, item.name, item.id, holds, bindings=bindings)
            elif item.missing:
                yield self._missing(item, bindings)

    def _missing(self, item: Resource, bindings: tuple[str, ...]) -> Action:
        """An id that the account does not have: it is removed from the configuration if the record
        has it. Otherwise it may belong to another account."""
        named = [i.id for i in item.references if i.id]
        known = any(self.permission.covers(item.key, id_) for id_ in named)
        if known or item.key in self.permission.included:
            reason = "already deleted; its id will be removed from the configuration"
            return Action(Do.DELETE, item.kind, item.name, reason, bindings=bindings)
        reason = f"the configuration names the id {named[0]}, which the account does not have"
        return Action(Do.KEEP, item.kind, item.name, reason, bindings=bindings)

    def _decided(
        self,
        kind: str,
        name: str,
        id_: str,
        holds: str,
        *,
        bindings: tuple[str, ...] = (),
        jurisdiction: str = "",
    ) -> Action:
        reason = self._shared(kind, name, id_) or self._bound(kind, id_)
        reason = reason or self.permission.refusal(f"{kind}:{name}", id_, holds=holds)
        do = Do.KEEP if reason else Do.DELETE
        return Action(do, kind, name, reason, id=id_, bindings=bindings, jurisdiction=jurisdiction)

    def _shared(self, kind: str, name: str, id_: str) -> str:
        """Whether another environment of the same configuration needs it."""
        users = sharing(self.others, kind, name, id_)
        return f"also used by {users} of the configuration" if users else ""

    def _bound(self, kind: str, id_: str) -> str:
        """Whether a Worker that is not of this configuration is bound to it."""
        users = self.users.get(target(kind, id_), ())
        return f"also used by the Worker {', '.join(users)}" if users else ""
