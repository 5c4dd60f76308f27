"""What a restore would overwrite. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cfpy.account.backups.keys import some
from cfpy.account.backups.manifest import BackupManifest, Item
from cfpy.account.backups.targets import Target
from cfpy.errors import PlanConflictError
from cfpy.tools.invocation import command

TIME_TRAVEL, IMPORT, WRITE = "time travel", "import", "write"
_NOUNS = {"d1": "rows", "kv": "keys", "r2": "objects", "vectorize": "vectors"}


@dataclass(frozen=True)
class RestoreStep:
    """One resource that a restore changes, in one of three ways: a database goes back to a
    bookmark, or a file of SQL replaces all that it has; everything else is written over what has
    the same key."""

    item: Item
    target: Target
    how: str

    @property
    def effect(self) -> str:
        """What it overwrites, for people."""
        amount = f"{self.item.count} {_NOUNS[self.item.kind]}"
        if self.how == TIME_TRAVEL:
            return f"goes back to its bookmark; everything written since then is gone ({amount})"
        if self.how == IMPORT:
            return f"all its tables are replaced by those of the backup ({amount})"
        return f"{amount} are written; other {_NOUNS[self.item.kind]} stay as they are"

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        kept = ("kind", "binding", "name", "id")
        target = {key: value for key, value in asdict(self.target).items() if key in kept}
        return target | {"how": self.how, "count": self.item.count, "effect": self.effect}


@dataclass(frozen=True)
class RestorePlan:
    """The steps of a restore of ``backup`` into ``environment`` of the account ``account_id``."""

    worker: str
    environment: str
    account_id: str
    backup: BackupManifest
    steps: tuple[RestoreStep, ...]
    notices: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "worker": self.worker,
            "environment": self.environment,
            "account_id": self.account_id,
            "created": self.backup.created,
            "backup": {
                "worker": self.backup.worker,
                "environment": self.backup.environment,
                "account_id": self.backup.account_id,
                "created": self.backup.created,
            },
            "steps": [step.as_dict() for step in self.steps],
            "notices": list(self.notices),
        }


def steps_of(
    items: list[Item],
    found: tuple[Target, ...],
    reaches: Callable[[Target], bool],
    *,
    only_files: bool,
) -> tuple[RestoreStep, ...]:
    """The steps for ``items``, on the resources with the same bindings.

    Args:
        items: What is to be restored.
        found: What the environment has.
        reaches: Whether Time Travel of a database goes back to the backup.
        only_files: Restore databases from files, even if a bookmark is at hand.

    Raises:
        PlanConflictError: A resource is missing, or an index has another shape.
    """
    by_key = {target.key: target for target in found}
    steps = []
    for item in items:
        target = by_key.get(item.key)
        if target is None or not target.id:
            what = "the configuration does not bind it" if target is None else "it does not exist"
            raise PlanConflictError(
                f"{item.key} is in the backup, but {what} in this environment",
                hint=f"Create it first ({command('provision')}), or skip it: --skip {item.key}. "
                "Nothing was changed.",
            )
        how = WRITE
        if item.kind == "d1":
            same = item.bookmark and item.id == target.id and not only_files
            how = TIME_TRAVEL if same and reaches(target) else IMPORT
        steps.append(RestoreStep(item, target, how))
    return tuple(steps)


def refuse_exchanged(steps: tuple[RestoreStep, ...], found: tuple[Target, ...]) -> None:
    """Refuse to overwrite a resource with what another one of the same environment had, since
    their bindings were exchanged.

    Raises:
        PlanConflictError: They were.
    """
    for step in steps:
        for other in found:
            same = (other.kind, other.id) == (step.item.kind, step.item.id)
            if same and step.target.id != other.id:
                raise PlanConflictError(
                    f"{step.item.key} was {step.item.name} when it was copied, which is bound as "
                    f"{other.binding} now: {step.target.name} would be overwritten",
                    hint=f"Skip it (--skip {step.item.key}), or add --from-another if that is what "
                    "you want. Nothing was changed.",
                )


def refuse_shared(shared: Mapping[str, str]) -> None:
    """Refuse to overwrite what others use: a sentence about each target, by its key.

    Raises:
        PlanConflictError: There is one.
    """
    if shared:
        skip = " ".join(f"--skip {key}" for key in shared)
        raise PlanConflictError(
            "; ".join(shared.values()),
            hint=f"Skip it ({skip}), or add --shared if all of them are to have what the backup "
            "has. Nothing was changed.",
        )


def moved(steps: tuple[RestoreStep, ...]) -> list[str]:
    """What a binding leads to now, where that is not the resource that was copied."""
    return [
        f"{step.item.key}: {step.item.name} was copied ({step.item.id}); the binding leads to "
        f"{step.target.name} now ({step.target.id})"
        for step in steps
        if step.item.id != step.target.id
    ]


def notices(
    manifest: BackupManifest, steps: tuple[RestoreStep, ...], left: Mapping[str, list[str]]
) -> tuple[str, ...]:
    """What somebody must know before a restore. ``left`` are keys that are not written."""
    found = [f"not in the backup: {name}" for name in (*manifest.skipped, *manifest.too_large)]
    found += [
        f"{name}: not written, because a part of the key is . or .., so each might be written to "
        f"another key: {some(keys)}. The backup has their files"
        for name, keys in left.items()
        if keys
    ]
    # Time Travel brings everything back, whatever the file has.
    found += [
        f"{step.item.key}: {note}"
        for step in steps
        if step.how != TIME_TRAVEL
        for note in step.item.notes
    ]
    if any(step.how == WRITE for step in steps):
        found.append(
            "KV, R2 and Vectorize have no way back: back up what they have now, if you need it"
        )
    if any(step.how != WRITE for step in steps):
        found.append("a database does not answer while it is restored")
    return tuple(found)
