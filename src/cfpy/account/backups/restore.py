"""``cfpy backup restore``: writes a backup into the environment that it is of, or into another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cfpy.account.backups.contents import check_contents, lacks_migrations, unwritten
from cfpy.account.backups.folder import find, open_backup, verify
from cfpy.account.backups.kept_bookmarks import KeptBookmarks, Undo
from cfpy.account.backups.manifest import BackupManifest, Item
from cfpy.account.backups.restore_plan import (
    RestorePlan,
    RestoreStep,
    moved,
    notices,
    refuse_exchanged,
    refuse_shared,
    steps_of,
)
from cfpy.account.backups.targets import is_named, targets, unknown
from cfpy.account.backups.writing_back import WritingBack
from cfpy.account.bookmarks import reaches
from cfpy.account.comparison import Comparison
from cfpy.account.neighbours import neighbours
from cfpy.account.observed import ObservedState
from cfpy.account.owned.d1 import D1Database
from cfpy.account.owned.registry import RESOURCES
from cfpy.account.resources import worker_of
from cfpy.account.session import Session, open_session
from cfpy.account.steps import under_way
from cfpy.errors import CfpyError, UsageError
from cfpy.project.lock import alone
from cfpy.tools.context import Context
from cfpy.tools.invocation import command


@dataclass(frozen=True)
class RestoreRequest:
    """``backup`` is a folder, or a name below ``backups``; ``to`` is another environment than its
    own, ``None`` for its own. ``only`` and ``skip`` name kinds or resources. With ``only_files``, a
    database never goes back to a bookmark. ``from_another`` allows a backup of another Worker,
    account or resource, ``shared`` to overwrite what others use."""

    root: Path
    backup: str
    to: str | None
    dry_run: bool
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    only_files: bool = False
    from_another: bool = False
    shared: bool = False
    config: Path | None = None


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
    already are skipped, and the bookmarks of earlier runs are kept.

    Args:
        ctx: The tools of the run.
        request: What to restore.
        confirm: Called with the plan; if it returns false, nothing changes.
        on_undo: Called with each way back of each database, before the first change.
        on_step: Called for each completed step.

    Returns:
        What was restored, or ``None`` if it was not confirmed.

    Raises:
        UsageError: There is no such backup, or it is one of another Worker or account. Nothing was
            changed.
        ProjectError: A file of the backup is missing or changed, or a key of it can't be written.
            Nothing was changed.
        PlanConflictError: The environment does not have a resource, bindings were exchanged, or
            others use a resource. Nothing was changed.
        WranglerError: A step failed. Run it again to continue.
    """
    folder = find(request.root, request.backup)
    manifest = open_backup(folder)
    verify(folder, manifest)
    items = _chosen(manifest, request)
    check_contents(folder, items)
    environment = manifest.environment if request.to is None else request.to
    with alone(request.root, request.config, dry_run=request.dry_run):
        session = open_session(ctx, request.root, environment, request.config)
        if not request.from_another:
            _refuse_another(session, manifest)
        plan = _plan(session, manifest, request, folder, items)
        if request.dry_run:
            return Restored(plan, (), done=False)
        if not confirm(plan):
            return None
        session.refuse_edited()
        kept = KeptBookmarks(session)
        undo = kept.take(plan)
        for item in undo:
            on_undo(item)
        writing = WritingBack(ctx, session, folder)
        with under_way():
            for step in plan.steps:
                ctx.progress(f"Restoring {step.target.key}")
                _carry_out(step, writing, kept)
                on_step(step)
        kept.forget()
        return Restored(plan, undo, done=True)


def _carry_out(step: RestoreStep, writing: WritingBack, kept: KeptBookmarks) -> None:
    kept.begin(step)
    try:
        writing.restore(step)
    except CfpyError:
        if not writing.may_have_changed:
            kept.drop(step)
        raise


def _refuse_another(session: Session, manifest: BackupManifest) -> None:
    """Refuse a backup that is not one of this project in this account: projects of one pattern bind
    the same names."""
    here = worker_of(session.project, manifest.environment)
    if (manifest.worker, manifest.account_id) == (here, session.account.id):
        return
    raise UsageError(
        f"this is a backup of {manifest.source}; the same environment here is {here or 'missing'}, "
        f"and the account is {session.account.id}",
        hint="If you want to restore that one, add --from-another. Nothing was changed.",
    )


def _plan(
    session: Session,
    manifest: BackupManifest,
    request: RestoreRequest,
    folder: Path,
    items: list[Item],
) -> RestorePlan:
    data = session.account.data
    found = targets(session)
    steps = steps_of(
        items,
        found,
        lambda target: reaches(data, target.id, manifest.created),
        only_files=request.only_files,
    )
    is_own = session.environment == manifest.environment
    if is_own and not request.from_another:
        refuse_exchanged(steps, found)
    shared = _shared(session, steps)
    if not request.shared:
        refuse_shared(shared)
    return RestorePlan(
        worker=session.desired.worker,
        environment=session.environment,
        account_id=session.account.id,
        backup=manifest,
        steps=steps,
        notices=(
            *shared.values(),
            *(moved(steps) if is_own else _at_work(session)),
            *notices(manifest, steps, {item.key: unwritten(folder, item) for item in items}),
            *_migrations_after(session, folder, steps),
        ),
    )


def _shared(session: Session, steps: tuple[RestoreStep, ...]) -> dict[str, str]:
    """A sentence about each target, by its key, that others use: other environments of the
    configuration, or other Workers."""
    record, here = session.records.read(), session.account.id
    now = Comparison(
        session.desired,
        ObservedState(here),
        others=tuple(neighbours(session.project, session.environment, here, record, strict=True)),
        users=session.account.users(session.desired.worker),
    )
    return {
        item.key: f"{item.key}: {item.name} is also used by {users}"
        for item in (step.target for step in steps)
        if (users := RESOURCES[item.kind].users(now, item.name, item.id))
    }


def _at_work(session: Session) -> Iterator[str]:
    """That code runs where the data of another environment goes."""
    worker = session.desired.worker
    if session.account.live_version(worker):
        yield (
            f"{worker} is live: its code works on this data at once, also for cron triggers and "
            "queues, and may write to the addresses in it"
        )


def _migrations_after(
    session: Session, folder: Path, steps: tuple[RestoreStep, ...]
) -> Iterator[str]:
    """The migrations that a restore takes away: the code may need them."""
    for step in steps:
        bindings = (step.target.binding, *step.target.others)
        sources = {
            (found.migrations_table, found.migrations)
            for found in session.desired.all(D1Database)
            if step.item.kind == "d1" and found.binding in bindings
        }
        for table, names in sorted(sources):
            if later := lacks_migrations(folder, step.item, table, names):
                yield (
                    f"{step.item.key}: the backup is from before {', '.join(later)}. To apply "
                    f"them again afterwards: {command('provision', '--env', session.environment)}"
                )


def _chosen(manifest: BackupManifest, request: RestoreRequest) -> list[Item]:
    for name in unknown(manifest.items, (*request.only, *request.skip)):
        raise UsageError(
            f"the backup does not have {name}",
            hint=f"It has {manifest.described}. Nothing was changed.",
        )
    wanted = [i for i in manifest.items if not request.only or is_named(i, request.only)]
    if found := [i for i in wanted if not is_named(i, request.skip)]:
        return found
    raise UsageError(
        "nothing is left of the backup to restore",
        hint=f"It has {manifest.described}. Nothing was changed.",
    )
