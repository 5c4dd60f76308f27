"""``cfpy destroy``: deletes an environment, in the order that the platform needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cfpy.account.claims import forget, void_claims
from cfpy.account.comparison import Comparison, Permission
from cfpy.account.live import target
from cfpy.account.neighbours import neighbours
from cfpy.account.owned.r2 import ObservedBucket
from cfpy.account.owned.registry import BY_STEP, RESOURCES
from cfpy.account.owned.worker import ObservedWorker
from cfpy.account.plan import Action, Do, Plan
from cfpy.account.preview_keeper import all_notes
from cfpy.account.removed import removal_notices, removed_environments
from cfpy.account.removed_session import session_to_destroy
from cfpy.account.session import Session
from cfpy.account.steps import attempt, under_way
from cfpy.account.teardown import teardown
from cfpy.bindings.id_edits import unset_id
from cfpy.bindings.registry import OWNED, has_id
from cfpy.errors import PlanConflictError, WranglerError
from cfpy.project.lock import alone
from cfpy.tools.context import Context
from cfpy.tools.invocation import command

# R2's error code for a bucket with objects.
_NOT_EMPTY = 10008


@dataclass(frozen=True)
class DestroyRequest:
    """``delete_data`` also deletes resources with data; ``included`` are keys of resources to
    delete although cfpy did not create them."""

    root: Path
    environment: str
    delete_data: bool
    included: frozenset[str]
    dry_run: bool
    config: Path | None = None


def run(
    ctx: Context,
    request: DestroyRequest,
    confirm: Callable[[Plan], bool],
    on_action: Callable[[Action], None],
) -> Plan | None:
    """Delete the project's resources in its account.

    Args:
        ctx: The tools of the run.
        request: What to delete.
        confirm: Called with the plan before anything is deleted; if it returns false, nothing is.
        on_action: Called for each completed step.

    Returns:
        The plan, or ``None`` if it was not confirmed.

    Raises:
        UsageError: Something is included that does not exist. Nothing was deleted.
        PlanConflictError: Configuration, record and account do not agree, or other Workers need
            this one, and nothing was deleted; or a bucket has objects and was kept, and everything
            else was deleted; or a Worker came back meanwhile, and the data that was left was kept.
        WranglerError: A step failed. Run it again to continue.
    """
    root, environment, config = request.root, request.environment, request.config
    with (
        alone(root, config, dry_run=request.dry_run),
        session_to_destroy(ctx, root, environment, config) as session,
    ):
        plan, void = _plan(session, request)
        refuse_dependents(session, plan)
        if request.dry_run:
            return plan
        if plan.changes:
            session.refuse_read_only(plan)
            if not confirm(plan):
                return None
            session.refuse_edited()
        forget(session, void)
        execute(ctx, session, plan, on_action)
        return plan


def execute(
    ctx: Context, session: Session, plan: Plan, on_action: Callable[[Action], None]
) -> None:
    """Carry out a confirmed plan, for callers that hold the project's lock.

    Raises:
        CfpyError: As :func:`run`.
    """
    with under_way():
        _Destroying(ctx, session, on_action).execute(plan)


def _plan(session: Session, request: DestroyRequest) -> tuple[Plan, tuple[str, ...]]:
    """The plan: what is deleted and what is kept; and the keys in the record of what is gone.

    Raises:
        PlanConflictError: Configuration, record and account do not agree.
    """
    project, environment = session.project, session.environment
    record = session.records.read()
    others = tuple(neighbours(project, environment, session.account.id, record, strict=True))
    permission = Permission(record.created(environment), request.included, request.delete_data)
    observed = session.observe()
    users = session.account.users(session.desired.worker) if request.delete_data else {}
    plan = teardown(session.desired, observed, permission, others, users)
    if plan.conflicts:
        raise PlanConflictError(
            "; ".join(f"{item.key}: {item.reason}" for item in plan.conflicts),
            hint="Nothing was deleted. Fix the difference, then run it again.",
        )
    void = void_claims(Comparison(session.desired, observed, permission.created), plan)
    file = session.records.path.name
    gone = (
        f"cfpy created {key}, which the account no longer has: {command('destroy')} removes it "
        f"from {file}"
        for key in void
    )
    more = (
        *gone,
        *_full(session, plan),
        *_previews(session, plan),
        *removal_notices(removed_environments(project, record)),
    )
    return replace(plan, notices=(*plan.notices, *more)), void


def _full(session: Session, plan: Plan) -> Iterator[str]:
    """The buckets that Cloudflare will not delete."""
    buckets = (i for i in plan.changes if i.kind == ObservedBucket.kind and i.do is Do.DELETE)
    for bucket in buckets:
        if next(session.account.data.objects(bucket.name, bucket.jurisdiction), None):
            yield f"the bucket {bucket.name} is not empty: it stays until you empty it"


def _previews(session: Session, plan: Plan) -> Iterator[str]:
    """The previews of a Worker that is deleted: they stay, and cost money."""
    # All are named after the Worker of the top level.
    if not session.environment and any(action.kind == "worker" for action in plan.changes):
        for note in all_notes(session):
            down = command("preview", "down", note.called(plan.worker))
            yield f"the preview {note.name} of {note.base} stays, with its data: {down} deletes it"


def refuse_dependents(session: Session, plan: Plan) -> None:
    """Refuse to delete a Worker that others need.

    Raises:
        PlanConflictError: They do. Nothing was deleted.
    """
    if not any(action.kind == "worker" for action in plan.changes):
        return
    if others := session.account.dependents(session.desired.worker):
        raise PlanConflictError(
            f"{session.desired.worker} is used by {', '.join(others)}",
            hint="Remove it from them first. Nothing was deleted.",
        )


class _Destroying:
    """One execution of a plan: one step after the other, because their order matters."""

    def __init__(self, ctx: Context, session: Session, on_action: Callable[[Action], None]) -> None:
        self._ctx = ctx
        self._session = session
        self._on_action = on_action
        self._looked = False

    def execute(self, plan: Plan) -> None:
        full: list[Action] = []
        for action in plan.changes:
            what = "Remove the id of" if action.forgets else "Delete"
            self._ctx.progress(f"{what} {action.kind} {action.name}")
            try:
                self._step(plan, action)
            except WranglerError as error:
                if error.api_code != _NOT_EMPTY:
                    raise
                full.append(action)
            else:
                self._on_action(action)
        if full:
            names = ", ".join(action.name for action in full)
            raise PlanConflictError(
                f"not empty, so kept: the bucket {names}. The rest of the plan was carried out",
                hint="Empty it in the dashboard, then run it again.",
            )

    def _step(self, plan: Plan, action: Action) -> None:
        if self._exists(action):
            if action.kind in RESOURCES:
                self._refuse_used(plan, action)
            kind, changing = BY_STEP[action.kind], self._session.changing
            attempt(lambda: kind.delete(changing, action), lambda: not self._exists(action))
        self._forget_id(action)
        environment = self._session.environment
        self._session.records.change(
            lambda record: record.without(environment, action.key, action.id)
        )

    def _refuse_used(self, plan: Plan, action: Action) -> None:
        """Refuse to delete data that came into use after the plan was created: the lock does not
        stop another checkout.

        Raises:
            PlanConflictError: It did. This data and what follows it was not deleted.
        """
        worker, changes = plan.worker, plan.changes
        left = [i for i in changes[changes.index(action) :] if i.kind in RESOURCES and i.id]
        why = ""
        kept = any((i.kind, i.do) == (ObservedWorker.kind, Do.KEEP) for i in plan.actions)
        if not kept and self._session.observe().get(ObservedWorker, worker):
            why = f"somebody deployed {worker} again"
        elif not self._looked:
            # Once: it sends a request for each Worker of the account.
            self._looked = True
            users = self._session.account.users(worker)
            used = {i.key: users.get(target(i.kind, i.id), ()) for i in left}
            why = ", ".join(
                f"{key} is used by the Worker {', '.join(names)}"
                for key, names in used.items()
                if names
            )
        if why:
            raise PlanConflictError(
                f"while this ran, {why}, so these were kept: {', '.join(i.key for i in left)}",
                hint="Ask who deployed it before you run the same command again.",
            )

    def _exists(self, action: Action) -> bool:
        session = self._session
        return BY_STEP[action.kind].exists(session.observe(), session.desired, action)

    def _forget_id(self, action: Action) -> None:
        """Remove the id from the tables that have it. A bucket keeps its name."""
        if not has_id(action.kind):
            return
        kind = OWNED[action.kind]
        path, environment = self._session.project.config_path, self._session.environment
        for binding in action.bindings:
            unset_id(path, environment, kind.table, binding, kind.id_key)
