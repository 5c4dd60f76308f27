"""``cfpy backup restore``: writes a backup into the environment that it is of, or into another."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cfpy.account.backups.folder import find, open_backup, refuse_dots, verify
from cfpy.account.backups.manifest import BackupManifest, Item
from cfpy.account.backups.restore_plan import WRITE, RestorePlan, RestoreStep, notices, steps_of
from cfpy.account.backups.targets import is_named, targets, unknown
from cfpy.account.backups.writing_back import WritingBack
from cfpy.account.bookmarks import back_to, reaches, timestamp
from cfpy.account.session import Session, open_session
from cfpy.account.steps import under_way
from cfpy.errors import UsageError
from cfpy.project.lock import alone
from cfpy.tools.context import Context
from cfpy.tools.files import write_atomically


@dataclass(frozen=True)
class RestoreRequest:
    """``backup`` is a folder, or a name below ``backups``; ``to`` is another environment than its
    own, ``None`` for its own. ``only`` and ``skip`` name kinds or resources. With ``only_files``, a
    database never goes back to a bookmark."""

    root: Path
    backup: str
    to: str | None
    dry_run: bool
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    only_files: bool = False
    config: Path | None = None


@dataclass(frozen=True)
class Undo:
    """The way back for one database: its bookmark before the first change."""

    database: str
    binding: str
    bookmark: str

    @property
    def back(self) -> str:
        """The command that goes back, for a hint."""
        return back_to(self.binding, self.bookmark)


@dataclass(frozen=True)
class Restored:
    """What was restored; after a dry run, ``done`` is false."""

    plan: RestorePlan
    undo: tuple[Undo, ...]
    done: bool


def restore(
    ctx: Context,
    request: RestoreRequest,
    confirm: Callable[[RestorePlan], bool],
    on_undo: Callable[[Undo], None],
    on_step: Callable[[RestoreStep], None],
) -> Restored | None:
    """Restore a backup. All of its files are verified before anything changes.

    After a fault, the same command continues: each step can be repeated, objects that are there
    already are skipped, and the bookmarks of the first run are kept.

    Args:
        ctx: The tools of the run.
        request: What to restore.
        confirm: Called with the plan; if it returns false, nothing changes.
        on_undo: Called with the way back of each database, before the first change.
        on_step: Called for each completed step.

    Returns:
        What was restored, or ``None`` if it was not confirmed.

    Raises:
        UsageError: There is no such backup. Nothing was changed.
        ProjectError: A file of the backup is missing or changed, or a key of it can't be written.
            Nothing was changed.
        PlanConflictError: The environment does not have a resource. Nothing was changed.
        WranglerError: A step failed. Run it again to continue.
    """
    folder = find(request.root, request.backup)
    manifest = open_backup(folder)
    verify(folder, manifest)
    refuse_dots(folder, _chosen(manifest, request))
    environment = manifest.environment if request.to is None else request.to
    with alone(request.root, request.config, dry_run=request.dry_run):
        session = open_session(ctx, request.root, environment, request.config)
        plan = _plan(session, manifest, request)
        if request.dry_run:
            return Restored(plan, (), done=False)
        if not confirm(plan):
            return None
        session.refuse_edited()
        kept = _Kept(session, manifest)
        undo = kept.bookmarks(plan)
        for item in undo:
            on_undo(item)
        writing = WritingBack(ctx, session, folder)
        with under_way():
            for step in plan.steps:
                ctx.progress(f"Restoring {step.target.key}")
                writing.restore(step)
                on_step(step)
        kept.forget()
        return Restored(plan, undo, done=True)


def _plan(session: Session, manifest: BackupManifest, request: RestoreRequest) -> RestorePlan:
    items = _chosen(manifest, request)
    data = session.account.data
    steps = steps_of(
        items,
        targets(session),
        lambda target: reaches(data, target.id, manifest.created),
        only_files=request.only_files,
    )
    return RestorePlan(
        worker=session.desired.worker,
        environment=session.environment,
        account_id=session.account.id,
        created=manifest.created,
        steps=steps,
        notices=notices(manifest, steps),
    )


def _chosen(manifest: BackupManifest, request: RestoreRequest) -> list[Item]:
    for name in unknown(manifest.items, (*request.only, *request.skip)):
        has = ", ".join(item.key for item in manifest.items)
        raise UsageError(f"the backup does not have {name}", hint=f"It has {has}.")
    wanted = [i for i in manifest.items if not request.only or is_named(i, request.only)]
    if found := [i for i in wanted if not is_named(i, request.skip)]:
        return found
    raise UsageError("nothing is left to restore", hint="Leave out some --skip.")


class _Kept:
    """The bookmarks of a restore that did not finish, so that the next run shows the state before
    the first one. They are kept in the project, and not in git."""

    def __init__(self, session: Session, manifest: BackupManifest) -> None:
        self._session = session
        folder = session.project.root / ".wrangler" / "cfpy"
        self._path = folder / f"restore-{session.environment or 'top-level'}.json"
        self._of = {"created": manifest.created, "account_id": session.account.id}

    def bookmarks(self, plan: RestorePlan) -> tuple[Undo, ...]:
        """The way back of each database, written down before anything changes.

        Raises:
            CloudflareError: A database has no bookmark.
        """
        known = self._known()
        undo = []
        for step in plan.steps:
            if step.how == WRITE:
                continue
            target = step.target
            mark = known.get(target.id) or self._session.account.data.bookmark(target.id)
            known[target.id] = mark
            undo.append(Undo(target.name, target.binding, mark))
        if undo:
            now = timestamp(datetime.now(UTC))
            text = json.dumps({**self._of, "started": now, "bookmarks": known}, indent=2)
            write_atomically(self._path, text + "\n")
        return tuple(undo)

    def forget(self) -> None:
        """The restore is complete."""
        self._path.unlink(missing_ok=True)

    def _known(self) -> dict[str, str]:
        try:
            found = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict) or any(found.get(k) != v for k, v in self._of.items()):
            return {}
        return {str(key): str(value) for key, value in found["bookmarks"].items()}
