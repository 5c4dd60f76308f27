"""What is compared to plan a change: the two states, and what else decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cfpy.account.desired import DesiredState
from cfpy.account.observed import ObservedState


@dataclass(frozen=True)
class Comparison:
    """What an environment needs, and what its account has.

    ``created`` is what cfpy created for the environment: ids by key, such as ``d1:shop-db``; an id
    is empty if the record does not have it. ``others`` are the needs of the other environments of
    the same configuration, and ``theirs`` the keys of what cfpy created for them. ``users`` are
    other Workers of the account, by the resource that they are bound to, in the form of
    :func:`cfpy.account.live.target`; only of a comparison for a command that destroys data, because
    it takes a request for each Worker.
    """

    desired: DesiredState
    observed: ObservedState
    created: Mapping[str, str] = field(default_factory=dict)
    others: Sequence[DesiredState] = ()
    theirs: frozenset[str] = frozenset()
    users: Mapping[str, Sequence[str]] = field(default_factory=dict)


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


@dataclass(frozen=True, kw_only=True)
class Removal(Comparison):
    """A comparison to delete an environment. What ``others`` and ``users`` use is kept."""

    permission: Permission
