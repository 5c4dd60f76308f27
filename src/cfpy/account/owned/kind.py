"""What an account owns of one kind: :class:`OwnedKind`. Pure.

Everything that treats kinds differently asks them here, and names none of them: the desired and
the observed state, plans, their notices, teardowns, and the steps of ``cfpy provision`` and
``destroy``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Protocol

from cfpy.account.comparison import Comparison, Removal
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.drift import Drift
from cfpy.account.live import target
from cfpy.account.observed import ObservedState
from cfpy.account.owned.outside import Answers, Changing, Reading, in_jurisdiction, nothing
from cfpy.account.plan import Action, Do
from cfpy.bindings.kind import BindingKind


class OwnedKind:
    """One kind: what is wanted of it, how it is read, and the steps that follow.

    A kind overrides what is true of it; by default, it is not wanted, not read and has no steps.
    ``name`` is its name in plans and records. ``parts`` are other kinds of steps that it plans:
    parts of its resources, which go with them, so the record does not have them. ``listed`` is its
    key in ``cfpy env list --json``; empty if it is not listed.
    """

    name: ClassVar[str]
    parts: ClassVar[tuple[str, ...]] = ()
    listed: ClassVar[str] = ""
    #: Whether wrangler itself retries a creation whose answer was lost. It then reports that the
    #: resource exists, so that does not show who created it.
    retried_by_wrangler: ClassVar[bool] = False

    def wanted(self, scope: Scope) -> Iterable[object]:
        """What one environment wants of it, as values of a class that the kind's module defines.

        Raises:
            ProjectError: A table names no resource, or an invalid one.
        """
        del scope
        return ()

    def names(self, desired: DesiredState) -> Sequence[str]:
        """The names of what is wanted of it."""
        del desired
        return ()

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        """Start the requests for what the account has of it, if ``desired`` uses it."""
        del reading, desired
        return nothing

    def plan(self, now: Comparison) -> Iterable[Action]:
        """The steps after which the account has what is wanted, each after those that it depends
        on."""
        del now
        return ()

    def notices(self, now: Comparison) -> Iterable[str]:
        """Sentences about what a deployment affects, but is not a step of a plan."""
        del now
        return ()

    def drift(self, now: Comparison) -> Iterable[Drift]:
        """What was changed by hand in the account and is no step of a plan. Only after a thorough
        look at it."""
        del now
        return ()

    def adopts(self, now: Comparison, action: Action) -> str:
        """The edit of the files after which a deployment does not take this step; empty if it is
        not known."""
        del now, action
        return ""

    def unseen(self, now: Comparison) -> Iterable[str]:
        """What the API or the token did not show, as sentences."""
        del now
        return ()

    def is_changed_by_deployment(self, desired: DesiredState) -> bool:
        """Whether a deployment changes resources of this kind, so that its token must be able to
        edit them."""
        del desired
        return False

    def teardown(self, now: Removal) -> Iterable[Action]:
        """What happens to it when the environment is deleted."""
        del now
        return ()

    def is_needed(self, other: DesiredState, name: str, id_: str) -> bool:
        """Whether an environment needs the resource with this name and id."""
        del id_
        return name in self.names(other)

    def is_left(self, now: Comparison, name: str, id_: str) -> bool:
        """Whether a resource that cfpy created is still there, but no longer wanted."""
        del id_
        return name not in self.names(now.desired)

    def is_gone(self, now: Comparison, name: str, id_: str) -> bool:
        """Whether it was read that the account no longer has a resource that cfpy created."""
        del now, name, id_
        return False

    def create(self, changing: Changing, action: Action) -> None:
        """Carry out a step that creates something, with one command.

        Raises:
            WranglerError: It could not be created, or the answer was lost.
        """
        raise NotImplementedError(f"{action.key} is created by something else")

    def update(self, changing: Changing, action: Action) -> None:
        """Carry out a step that changes something, with one command.

        Raises:
            WranglerError: It could not be changed, or the answer was lost.
        """
        raise NotImplementedError(f"{action.key} is never changed")

    def delete(self, changing: Changing, action: Action) -> None:
        """Carry out a step that deletes something, with one command, by the id in the plan.

        Raises:
            WranglerError: It could not be deleted, or the answer was lost.
        """
        raise NotImplementedError(f"{action.key} is never deleted")

    def exists(self, observed: ObservedState, desired: DesiredState, action: Action) -> bool:
        """Whether the account still has what a step deletes."""
        del desired
        return (self.name, action.id) in observed.found

    def environments(self, now: Comparison, name: str, id_: str) -> str:
        """The other environments that need a resource, in words; empty if none does."""
        found = [other for other in now.others if self.is_needed(other, name, id_)]
        names = ", ".join(other.environment or "the top level" for other in found)
        return f"{names} of the configuration" if found else ""

    def outsiders(self, now: Comparison, name: str, id_: str) -> Iterable[str]:
        """Who uses a resource and is not in the configuration, each in words."""
        ours = self.our_workers(now, name, id_)
        workers = now.users.get(target(self.name, id_), ())
        return [f"the Worker {worker}" for worker in workers if worker not in ours]

    def our_workers(self, now: Comparison, name: str, id_: str) -> set[str]:
        """The Workers of the environments that need a resource."""
        needing = (other.worker for other in now.others if self.is_needed(other, name, id_))
        return {now.desired.worker, *needing}

    def users(self, now: Comparison, name: str, id_: str) -> str:
        """Who else uses a resource, in words; empty if nobody does."""
        found = [self.environments(now, name, id_), *self.outsiders(now, name, id_)]
        *most, last = [said for said in found if said] or [""]
        return f"{', '.join(most)} and {last}" if most else last

    def decided(
        self,
        now: Removal,
        name: str,
        id_: str = "",
        *,
        holds: str = "",
        bindings: tuple[str, ...] = (),
        jurisdiction: str = "",
    ) -> Action:
        """The step for something that exists: it is deleted, unless somebody else uses it or it may
        not be deleted. ``holds`` names the data that it has."""
        id_ = id_ or name
        users = self.users(now, name, id_)
        refusal = now.permission.refusal(f"{self.name}:{name}", id_, holds=holds)
        reason = f"also used by {users}" if users else refusal
        do = Do.KEEP if reason else Do.DELETE
        return Action(
            do, self.name, name, reason, id=id_, bindings=bindings, jurisdiction=jurisdiction
        )


class OwnedResource(OwnedKind):
    """A kind of resource that bindings refer to: ``binding`` is their kind, ``listed_at`` the path
    in an account of a list of them, which shows whether a token may read them. ``shared`` is what
    those have in common that use the same one."""

    binding: ClassVar[BindingKind]
    listed_at: ClassVar[str]
    shared: ClassVar[str] = "data"

    def called(self, name: str) -> object:
        """What is wanted if only the name of a resource is known."""
        raise NotImplementedError(name)

    def as_found(self, name: str, id_: str, observed: ObservedState) -> object:
        """What is wanted if only the record has a resource: as the account has it."""
        del id_, observed
        return self.called(name)

    def is_gone(self, now: Comparison, name: str, id_: str) -> bool:
        del id_
        return name in self.names(now.desired) and (self.name, name) not in now.observed.found

    def identified(self, now: Comparison) -> Iterable[tuple[str, str]]:
        """The name and the id of each that is wanted."""
        return ((name, name) for name in self.names(now.desired))

    def notices(self, now: Comparison) -> Iterator[str]:
        for name, id_ in self.identified(now):
            if users := self.environments(now, name, id_):
                yield f"{self.name}:{name} is also used by {users}: they share its {self.shared}"

    def create(self, changing: Changing, action: Action) -> None:
        """A jurisdiction overrides a location hint."""
        options = in_jurisdiction(action.jurisdiction)
        if not options and action.location:
            options = (f"--location={action.location}",)
        changing.commands.create(f"{self.binding.subcommand} create", action.name, *options)

    def delete(self, changing: Changing, action: Action) -> None:
        options = in_jurisdiction(action.jurisdiction)
        changing.commands.delete(f"{self.binding.subcommand} delete", action.id, *options)


class Placed(Protocol):
    """Something that is wanted in a place: a jurisdiction, or near a location."""

    @property
    def jurisdiction(self) -> str: ...

    @property
    def location(self) -> str: ...


def new_in(place: Placed, reason: str = "") -> str:
    """The reason of a step that creates something, which names its place."""
    within = f"in the jurisdiction {place.jurisdiction}" if place.jurisdiction else ""
    near = f"near {place.location}" if place.location and not place.jurisdiction else ""
    return "; ".join(text for text in (within, near, reason) if text)


def elsewhere(wanted: str, found: str) -> str:
    """Why a resource can't be used if the account has it in the jurisdiction ``found``."""
    return (
        f"the project wants it in the jurisdiction {wanted or 'default'}; the account has it in "
        f"{found or 'default'}, and that can't be changed"
    )
