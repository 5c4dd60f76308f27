"""Resources with ids that the configuration repeats: databases and namespaces. Pure.

:mod:`cfpy.account.identity` decides which resource a binding means.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from typing import ClassVar

from cfpy.account.comparison import Comparison, Removal
from cfpy.account.desired import DesiredState
from cfpy.account.identity import Identified, Reference, Resource, resolve, same_id
from cfpy.account.observed import ObservedState
from cfpy.account.owned.kind import OwnedResource, new_in
from cfpy.account.owned.outside import Reading
from cfpy.account.plan import Action, Do


class OwnedById(OwnedResource):
    """A kind whose resources are identified by an id.

    ``reference`` is the class of its bindings, ``found`` that of what the account has, and
    ``holds`` names the data of its resources.
    """

    reference: ClassVar[type[Reference]]
    found: ClassVar[type[Identified]]
    holds: ClassVar[str]

    def listing(self, reading: Reading) -> dict[str, Identified]:
        """Everything of this kind in the account, by id."""
        raise NotImplementedError

    def start(self, reading: Reading, desired: DesiredState) -> Future[dict[str, Identified]]:
        """Start to read everything of this kind; nothing, without a request, if none is wanted."""
        wanted = desired.all(self.reference)
        return reading.start(self.listing if wanted else lambda _: {})

    def names(self, desired: DesiredState) -> list[str]:
        return [item.name for item in desired.all(self.reference)]

    def as_found(self, name: str, id_: str, observed: ObservedState) -> object:
        """It may have another name now."""
        found = observed.get(self.found, id_)
        return self.called(found.name if found else name)

    def resources(self, now: Comparison) -> tuple[Resource, ...]:
        """The resources that the bindings refer to."""
        wanted, found = now.desired.all(self.reference), now.observed.all(self.found)
        return resolve(self.name, wanted, found, now.created)

    def plan(self, now: Comparison) -> Iterator[Action]:
        for item in self.resources(now):
            yield planned(item)

    def identified(self, now: Comparison) -> Iterator[tuple[str, str]]:
        return ((item.name, item.id) for item in self.resources(now))

    def teardown(self, now: Removal) -> Iterator[Action]:
        for item in self.resources(now):
            # An id is removed only from the tables that have one.
            bindings = tuple(i.binding for i in item.references if i.id)
            if item.problem:
                yield Action(Do.CONFLICT, self.name, item.name, item.problem, id=item.id)
            elif item.id:
                yield self.decided(now, item.name, item.id, holds=self.holds, bindings=bindings)
            elif item.missing:
                yield _missing(now, item, bindings)

    def is_needed(self, other: DesiredState, name: str, id_: str) -> bool:
        return any(item.means(name, id_) for item in other.all(self.reference))

    def is_left(self, now: Comparison, name: str, id_: str) -> bool:
        resources = self.resources(now)
        named = {item.name for item in resources}
        named |= {one.name for item in resources for one in item.references}
        if name in named or id_ in {item.id for item in resources if item.id}:
            return False
        # If the kind was read, it is known whether it exists.
        found = now.observed.all(self.found) if resources else {}
        return not (id_ and found) or id_ in found

    def is_gone(self, now: Comparison, name: str, id_: str) -> bool:
        """An id that the configuration still has is left to the step that removes it there."""
        wanted, found = now.desired.all(self.reference), now.observed.all(self.found)
        if not wanted or any(id_ and same_id(item.id, id_) for item in wanted):
            return False
        return id_ not in found if id_ else name not in {item.name for item in found.values()}


def planned(wanted: Resource) -> Action:
    """The step for a resource whose id belongs in the configuration."""
    do, reason, unwritten = Do.KEEP, "", wanted.unwritten
    if wanted.problem:
        do, reason = Do.CONFLICT, wanted.problem
    elif wanted.missing:
        do, reason = Do.CONFLICT, _why_missing(wanted)
    elif not wanted.id:
        do, reason = Do.CREATE, new_in(wanted)
        unwritten = tuple(item.binding for item in wanted.references)
    elif unwritten:
        do, reason = Do.ADOPT, "exists; its id will be written to the configuration"
    return Action(
        do,
        wanted.kind,
        wanted.name,
        reason,
        id=wanted.id,
        bindings=() if do in (Do.KEEP, Do.CONFLICT) else unwritten,
        jurisdiction=wanted.jurisdiction,
        location=wanted.location,
        unknown_ids=wanted.unknown if do is Do.CONFLICT else (),
    )


def _why_missing(wanted: Resource) -> str:
    if wanted.deleted:
        return (
            f"cfpy created it in this account, with the id {wanted.deleted}; it was deleted since, "
            "with its data"
        )
    return (
        f"the configuration names the id {wanted.unknown[0]}, which the account does not have: it "
        "may be of another account, as in an example"
    )


def _missing(now: Removal, item: Resource, bindings: tuple[str, ...]) -> Action:
    """An id that the account does not have: it is removed from the configuration if the record has
    it. Otherwise it may belong to another account."""
    named = [i.id for i in item.references if i.id]
    known = any(now.permission.covers(item.key, id_) for id_ in named)
    if known or item.key in now.permission.included:
        reason = "already deleted; its id will be removed from the configuration"
        return Action(Do.DELETE, item.kind, item.name, reason, bindings=bindings)
    reason = f"the configuration names the id {named[0]}, which the account does not have"
    return Action(Do.KEEP, item.kind, item.name, reason, bindings=bindings)
