"""``cfpy preview list``, ``down`` and ``prune``: what previews there are, and their end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from cfpy.account.backups.keys import may_lead_elsewhere, some
from cfpy.account.branches import branch_name, done, read_branches
from cfpy.account.destroy import execute, refuse_dependents
from cfpy.account.owned.outside import in_jurisdiction
from cfpy.account.owned.r2 import Buckets
from cfpy.account.owned.registry import RESOURCES
from cfpy.account.plan import Action, Do, Plan
from cfpy.account.preview_keeper import InMemory, all_notes, beside, delete_note, ending
from cfpy.account.preview_note import Note
from cfpy.account.session import Session, open_session
from cfpy.account.steps import attempt, run_all
from cfpy.errors import CfpyError, PlanConflictError, UsageError, WranglerError
from cfpy.project.lock import alone
from cfpy.tools.context import Context
from cfpy.tools.invocation import command

# wrangler deletes one object at a time, in a process of its own.
_MOST_OBJECTS = 200
_AT_ONCE = 3


class Which(StrEnum):
    """Which previews are deleted."""

    NAMED = "named"
    MERGED = "merged"
    EXPIRED = "expired"


@dataclass(frozen=True)
class DownRequest:
    """``name`` is empty for that of the branch."""

    root: Path
    which: Which
    name: str = ""
    dry_run: bool = False
    config: Path | None = None


@dataclass(frozen=True)
class Leaving:
    """A preview that is deleted, why, and the steps; ``problem`` is why it can't be."""

    note: Note
    why: str
    plan: Plan
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Preview:
    """A preview in the account. ``called`` is what names it in commands. ``live`` is whether its
    code is deployed: if not, a run that created or deleted it did not finish. ``url`` is empty if
    the account has no workers.dev subdomain."""

    note: Note
    called: str
    live: bool
    url: str
    expired: bool


def previews(
    ctx: Context, root: Path, config: Path | None = None, now: datetime | None = None
) -> tuple[Preview, ...]:
    """The previews of a project.

    Raises:
        CfpyError: As :func:`cfpy.account.session.open_session`.
    """
    session = open_session(ctx, root, "", config)
    domain, notes = session.account.subdomain(), all_notes(session)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        versions = pool.map(session.account.live_version, (note.worker for note in notes))
    return tuple(
        Preview(
            note,
            note.called(session.desired.worker),
            bool(version),
            f"https://{note.worker}.{domain}.workers.dev" if domain else "",
            note.is_past(now or datetime.now(UTC)),
        )
        for note, version in zip(notes, versions, strict=True)
    )


def run(
    ctx: Context,
    request: DownRequest,
    confirm: Callable[[Sequence[Leaving]], bool],
    on_action: Callable[[Action], None],
    now: datetime | None = None,
    on_unknown: Callable[[Sequence[str]], None] = lambda _names: None,
) -> tuple[Leaving, ...] | None:
    """Delete previews, with everything that each of them owns and nothing else.

    Args:
        ctx: The tools of the run.
        request: Which previews.
        confirm: Called with the plans before anything is deleted; if it returns false, nothing is.
        on_action: Called for each completed step.
        now: The time; the clock's by default.
        on_unknown: Called with the names of all previews if there is none of the wanted name.

    Returns:
        The previews, or ``None`` if it was not confirmed.

    Raises:
        UsageError: It is not known which previews are meant. Nothing was deleted.
        PlanConflictError: A preview can't be deleted, or other Workers need something of it; it was
            kept, and the others were deleted.
        WranglerError: A step failed; the other previews were deleted. Run it again to continue.
    """
    with alone(request.root, request.config, dry_run=request.dry_run):
        session = open_session(ctx, request.root, "", request.config)
        notes = all_notes(session)
        worker = session.desired.worker
        chosen = _chosen(ctx, request, worker, notes, now or datetime.now(UTC))
        if not chosen and request.which is Which.NAMED:
            on_unknown([note.called(worker) for note in notes])
        leaving = tuple(_leaving(session, note, why) for note, why in chosen)
        if request.dry_run or not leaving:
            return leaving
        # One that can't be deleted must not keep the others, night after night.
        failed: list[tuple[Note, PlanConflictError | WranglerError]] = [
            (item.note, PlanConflictError(item.problem, hint=item.hint))
            for item in leaving
            if item.problem
        ]
        if len(failed) < len(leaving) and not confirm(leaving):
            return None
        for item in leaving:
            try:
                if not item.problem:
                    _delete(ctx, session, item, on_action)
            except (PlanConflictError, WranglerError) as error:
                failed.append((item.note, error))
        if failed:
            raise _failure(failed, others=len(failed) < len(leaving))
        return leaving


def _failure(
    failed: Sequence[tuple[Note, PlanConflictError | WranglerError]], *, others: bool
) -> CfpyError:
    """The error for previews that were not deleted. The type of the first decides the exit code."""
    error = failed[0][1]
    if len(failed) > 1:
        error.message = "; ".join(f"{note.name}: {item.message}" for note, item in failed)
        error.hint = " ".join(dict.fromkeys(item.hint for _, item in failed if item.hint))
    if others:
        hint = error.hint.replace(" Nothing was deleted.", "")
        error.hint = f"{hint} All other previews were deleted.".lstrip()
    return error


def _chosen(
    ctx: Context, request: DownRequest, worker: str, notes: Sequence[Note], now: datetime
) -> list[tuple[Note, str]]:
    """The previews that are meant, each with why. Of those that have another base than ``worker``,
    only what cannot be somebody else's: the record may have been copied from another project."""
    if request.which is Which.EXPIRED:
        return [(note, f"expired at {note.expires}") for note in notes if note.is_past(now)]
    if request.which is Which.MERGED:
        if not notes:
            return []
        branches = read_branches(ctx.git, request.root)
        own = [note for note in notes if note.base == worker or note.remote == branches.remote]
        return list(done(ctx.git, request.root, branches, own))
    name = request.name or branch_name(ctx.git, request.root)
    if not name:
        raise UsageError(
            "git is on no branch, so it is not known which preview is meant",
            hint=f"Name it; to list them: {command('preview', 'list')}. Nothing was deleted.",
        )
    return [(note, "") for note in notes if name in (note.called(worker), note.worker)]


def _leaving(session: Session, note: Note, why: str) -> Leaving:
    """The steps that delete a preview. What another Worker is bound to is kept."""
    here = replace(session, desired=note.desired())
    plan = ending(session, note, session.account.users(note.worker))
    try:
        refuse_dependents(here, plan)
        _objects(here, plan)
    except PlanConflictError as error:
        return Leaving(note, why, plan, error.message, error.hint)
    return Leaving(note, why, plan)


def _delete(
    ctx: Context, session: Session, item: Leaving, on_action: Callable[[Action], None]
) -> None:
    """Delete a preview's Worker, then its resources, and its note at last.

    Raises:
        PlanConflictError: It can't be deleted, or another Worker needs something of it.
        WranglerError: A step failed.
    """
    note, plan = item.note, item.plan
    parts = [a for a in plan.actions if a.kind in RESOURCES]
    worker = replace(plan, actions=tuple(a for a in plan.actions if a not in parts))
    with beside(session, note.worker) as wrangler:
        here = replace(
            session,
            desired=note.desired(),
            wrangler=wrangler,
            records=InMemory(session.project.root),
        )
        _objects(here, plan)
        execute(ctx, here, worker, on_action)
        # Nothing writes any more.
        _empty(ctx, here, plan)
        execute(ctx, here, replace(plan, actions=tuple(parts)), on_action)
    kept = [f"{a.key} ({a.reason})" for a in plan.actions if a.do is not Do.DELETE]
    if kept:
        raise PlanConflictError(
            f"kept: {', '.join(kept)}. Everything else was deleted",
            hint="Remove it from the other Worker, then run the same command again.",
        )
    ctx.progress(f"Deleting the note of {note.worker}")
    delete_note(session, note)


def _objects(session: Session, plan: Plan) -> list[tuple[str, ...]]:
    """The paths of the objects in the buckets that are deleted, each with its options: R2 keeps a
    bucket that has some.

    Raises:
        PlanConflictError: There are too many to delete one by one, or a key can't be named safely.
    """
    found: list[tuple[str, ...]] = []
    for bucket in (action for action in plan.changes if action.kind == Buckets.name):
        listed = session.account.data.objects(bucket.id, bucket.jurisdiction)
        keys = [item.key for item in islice(listed, _MOST_OBJECTS + 1)]
        if len(keys) > _MOST_OBJECTS:
            raise PlanConflictError(
                f"the bucket {bucket.name} has more than {_MOST_OBJECTS} objects",
                hint="Empty it in the dashboard, then run the same command again.",
            )
        if odd := [key for key in keys if may_lead_elsewhere(key)]:
            raise PlanConflictError(
                f"the bucket {bucket.name} has objects with . or .. as a part of the key, so a "
                f"request to delete one might reach something else: {some(odd)}",
                hint="Delete them in the dashboard, then run the same command again.",
            )
        where = in_jurisdiction(bucket.jurisdiction)
        # wrangler puts the key into an address as it is.
        found += [(f"{bucket.id}/{quote(key)}", "--remote", *where) for key in keys]
    return found


def _empty(ctx: Context, session: Session, plan: Plan) -> None:
    def delete(words: tuple[str, ...]) -> None:
        what = f"can't delete {words[0]}"
        change = partial(session.wrangler.change, what, "r2", "object", "delete", *words)
        # To delete it again is no error.
        attempt(change, lambda: False)

    if found := _objects(session, plan):
        ctx.progress(f"Deleting {len(found)} objects of {plan.worker}")
        # The toolchain is installed on first use: do it here, not in several threads.
        session.wrangler.argv()
        run_all({words[0]: partial(delete, words) for words in found}, {}, _AT_ONCE)
