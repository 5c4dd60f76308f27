"""The note of a preview: what it is and what it owns, kept in the account itself. Pure.

Every machine can read it, so a preview from a CI job can be deleted from a laptop. It is in
variables of a small Worker: a project needs no other permission for it. That Worker is created
before anything of the preview, and deleted after everything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from cfpy.account.desired import DesiredState
from cfpy.account.owned.registry import RESOURCES
from cfpy.account.plan import Action, Do, Plan

_ABOUT = "CFPY_PREVIEW"
_OWNED = "CFPY_OWNS_"
#: What the names of the Workers with notes end with.
NOTE = "-note"


@dataclass(frozen=True)
class Note:
    """A preview.

    Attributes:
        name: Its name, as it was given.
        base: The Worker of the project.
        worker: The preview's own Worker.
        source: The environment that it is derived from; empty for the top level.
        branch: The branch of git; empty if it is not known.
        commit: The commit; empty if the default branch had it already.
        pushed: Whether the branch was on the remote, with that commit.
        remote: A hash of which remote that is; empty if it is not known.
        created: When, in UTC, ISO 8601.
        expires: The same, for `cfpy preview prune`; empty for never.
        owned: The keys of its resources, such as ``d1:shop-preview-a-1f2e3d-db``.
    """

    name: str
    base: str
    worker: str
    source: str = ""
    branch: str = ""
    commit: str = ""
    pushed: bool = False
    remote: str = ""
    created: str = ""
    expires: str = ""
    owned: tuple[str, ...] = ()

    @property
    def keeper(self) -> str:
        """The Worker that has the note."""
        return f"{self.worker}{NOTE}"

    @property
    def created_keys(self) -> dict[str, str]:
        """What cfpy created, in the form of a record."""
        return {f"worker:{self.worker}": "", **dict.fromkeys(self.owned, "")}

    def called(self, worker: str) -> str:
        """What names it in commands of a project with this Worker: after the Worker was renamed, an
        earlier preview may have the name of another one."""
        return self.name if self.base == worker else self.worker

    def is_past(self, now: datetime) -> bool:
        """Whether it has expired."""
        return bool(self.expires) and datetime.fromisoformat(self.expires) <= now

    def owning(self, plan: Plan) -> Note:
        """The note before a plan is carried out: with what the plan creates."""
        new = {item.key for item in plan.actions if item.do is Do.CREATE and _is_resource(item)}
        return replace(self, owned=tuple(sorted({*self.owned, *new})))

    def variables(self) -> dict[str, str]:
        """The variables that keep it: one for each kind, since each may have 5 kB."""
        about = {key: value for key, value in asdict(self).items() if key != "owned"}
        by_kind: dict[str, list[str]] = {}
        for key in self.owned:
            kind, _, name = key.partition(":")
            by_kind.setdefault(kind, []).append(name)
        owned = {f"{_OWNED}{kind.upper()}": " ".join(names) for kind, names in by_kind.items()}
        return {_ABOUT: json.dumps(about), **owned}

    def desired(self) -> DesiredState:
        """Everything that it owns, whatever the configuration of its branch has now."""
        parts = (key.partition(":") for key in self.owned)
        return DesiredState(
            self.worker, "", tuple(RESOURCES[kind].called(name) for kind, _, name in parts)
        )


def parse_note(variables: Mapping[str, str]) -> Note | None:
    """The note in the variables of a Worker; ``None`` if there is no note, or not a valid one."""
    try:
        about: dict[str, Any] = json.loads(variables[_ABOUT])
        note = Note(**{key: about[key] for key in Note.__dataclass_fields__ if key in about})
        note.is_past(datetime.fromisoformat(note.created))
    except (KeyError, TypeError, ValueError):
        return None
    owned = (
        f"{kind}:{name}"
        for kind in RESOURCES
        for name in variables.get(f"{_OWNED}{kind.upper()}", "").split()
    )
    return replace(note, owned=tuple(sorted(owned)))


def foreign(plan: Plan, note: Note) -> tuple[str, ...]:
    """The resources that a preview would use and does not own: somebody else created them."""
    return tuple(
        item.key
        for item in plan.actions
        if _is_resource(item) and item.do in (Do.KEEP, Do.ADOPT) and item.key not in note.owned
    )


def _is_resource(action: Action) -> bool:
    return action.kind in RESOURCES
