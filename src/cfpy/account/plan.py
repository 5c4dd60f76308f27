"""A plan: the steps that give an account what a project needs. Serialisable."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

#: Version of the serialised plan. It stays for additions and goes up for other changes.
PLAN_VERSION = 1


class Do(StrEnum):
    """What a plan does with a resource."""

    CREATE = "create"
    # It exists, but its id is not in the configuration yet.
    ADOPT = "adopt"
    UPDATE = "update"
    KEEP = "keep"
    DELETE = "delete"
    # wrangler creates, changes or removes it in a deployment, and nothing else does.
    DEPLOY = "deploy"
    # It exists with settings that can't be changed. Nothing is changed.
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Action:
    """One step. ``key`` names it; it comes after all of ``depends_on``.

    ``id`` is that of the resource in the account, empty until it exists, so that a step is applied
    to the resource that was shown. ``bindings`` are the ones that the step is about: an id is
    written to or removed from their tables, or their migrations are applied. ``files`` are the
    pending migrations. ``unknown_ids`` are those in the configuration that the account does not
    have.
    """

    do: Do
    kind: str
    name: str
    reason: str
    depends_on: tuple[str, ...] = ()
    id: str = ""
    bindings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    jurisdiction: str = ""
    location: str = ""
    unknown_ids: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def forgets(self) -> bool:
        """Whether what it would delete is gone: it only removes the id from the configuration."""
        return self.do is Do.DELETE and not self.id

    @property
    def migrates(self) -> bool:
        """Whether it applies migrations."""
        return bool(self.files)


@dataclass(frozen=True)
class Plan:
    """All steps, in an order that respects their dependencies. ``notices`` list what else is
    affected or left over."""

    account_id: str
    worker: str
    environment: str
    actions: tuple[Action, ...]
    notices: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Action, ...]:
        """The steps that change something or are in conflict, without those of a deployment."""
        return tuple(i for i in self.actions if i.do not in (Do.KEEP, Do.DEPLOY))

    @property
    def deploys(self) -> tuple[Action, ...]:
        """What the next deployment changes besides the code."""
        return tuple(action for action in self.actions if action.do is Do.DEPLOY)

    @property
    def conflicts(self) -> tuple[Action, ...]:
        return tuple(action for action in self.actions if action.do is Do.CONFLICT)

    def as_dict(self) -> dict[str, Any]:
        """The plan as a JSON object."""
        actions = [
            asdict(action)
            | {
                "key": action.key,
                "depends_on": list(action.depends_on),
                "bindings": list(action.bindings),
                "files": list(action.files),
                "unknown_ids": list(action.unknown_ids),
            }
            for action in self.actions
        ]
        return {
            "plan_version": PLAN_VERSION,
            "account_id": self.account_id,
            "worker": self.worker,
            "environment": self.environment,
            "changes": len(self.changes),
            "actions": actions,
            "notices": list(self.notices),
        }
