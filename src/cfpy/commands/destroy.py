"""``cfpy destroy``: takes an environment down, in the order that the platform needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cfpy.adapters.wrangler_edit import ID_KEYS, unset_id
from cfpy.commands.context import Context
from cfpy.commands.session import Session, alone, open_session
from cfpy.commands.steps import attempt
from cfpy.domain.plan import Action, ObservedState, Plan
from cfpy.domain.teardown import Permission, teardown
from cfpy.errors import PlanConflictError, WranglerError

# R2's number for a bucket that holds objects.
_NOT_EMPTY = 10008
_SUBCOMMANDS = {
    "queue": "queues delete",
    "vectorize": "vectorize delete",
    "d1": "d1 delete",
    "r2": "r2 bucket delete",
}


@dataclass(frozen=True)
class DestroyRequest:
    """``delete_data`` takes what holds data, too; ``included`` are keys of what cfpy did not make
    and that goes all the same."""

    root: Path
    environment: str
    delete_data: bool
    included: frozenset[str]
    dry_run: bool


def run(
    ctx: Context,
    request: DestroyRequest,
    confirm: Callable[[Plan], bool],
    on_action: Callable[[Action], None],
) -> Plan | None:
    """Delete what the project has in its account.

    Args:
        ctx: Adapters.
        request: What to delete.
        confirm: Shown the plan before anything is deleted; nothing is if it says no.
        on_action: Called for each step that is done.

    Returns:
        The plan, or ``None`` if it was not confirmed.

    Raises:
        UsageError: Something is included that is not there. Nothing was deleted.
        PlanConflictError: Other Workers need this one, and nothing was deleted; or a bucket holds
            objects and stays, and all else is gone.
        WranglerError: A step failed. Run it again to go on.
    """
    with alone(request.root):
        session = open_session(ctx, request.root, request.environment)
        created = session.records.read().created(session.environment)
        permission = Permission(created, request.included, request.delete_data)
        plan = teardown(session.desired, session.account.observe(session.desired), permission)
        _refuse_dependents(session, plan)
        if request.dry_run or not plan.changes:
            return plan
        if not confirm(plan):
            return None
        _Run(ctx, session, on_action).execute(plan)
        return plan


def _refuse_dependents(session: Session, plan: Plan) -> None:
    if not any(action.kind == "worker" for action in plan.changes):
        return
    if others := session.account.dependents(session.desired.worker):
        raise PlanConflictError(
            f"{session.desired.worker} is used by {', '.join(others)}",
            hint="Take it out of them first. Nothing was deleted.",
        )


class _Run:
    """One execution of a plan: a step after the other, because their order matters."""

    def __init__(self, ctx: Context, session: Session, on_action: Callable[[Action], None]) -> None:
        self._ctx = ctx
        self._session = session
        self._on_action = on_action

    def execute(self, plan: Plan) -> None:
        full: list[str] = []
        for action in plan.changes:
            self._ctx.progress(f"Delete {action.kind} {action.name}")
            try:
                self._step(action)
            except WranglerError as error:
                if error.api_code != _NOT_EMPTY:
                    raise
                full.append(action.name)
            else:
                self._on_action(action)
        if full:
            raise PlanConflictError(
                f"not empty, and kept: the bucket {', '.join(full)}. All else is gone",
                hint="Delete its objects (cfpy wrangler r2 object delete), then run it again.",
            )

    def _step(self, action: Action) -> None:
        if self._exists(action, self._observe()):
            attempt(
                lambda: self._command(action), lambda: not self._exists(action, self._observe())
            )
        self._forget_id(action)
        environment = self._session.environment
        self._session.records.change(lambda record: record.without(environment, action.key))

    def _command(self, action: Action) -> None:
        wrangler = self._session.wrangler
        if action.kind == "queue_consumer":
            wrangler.remove_consumer(action.name, self._session.desired.worker)
        elif action.kind == "worker":
            wrangler.delete_worker(action.name)
        elif action.kind == "kv":
            wrangler.delete_namespace(self._namespace_id(action, self._observe()))
        else:
            wrangler.delete(_SUBCOMMANDS[action.kind], action.name)

    def _exists(self, action: Action, observed: ObservedState) -> bool:
        worker, name = self._session.desired.worker, action.name
        match action.kind:
            case "queue_consumer":
                queue = observed.queues.get(name)
                return queue is not None and worker in queue.consumers
            case "worker":
                return observed.secrets is not None
            case "queue":
                return name in observed.queues
            case "vectorize":
                return name in observed.indexes
            case "d1":
                return name in observed.databases
            case "r2":
                return name in observed.buckets
            case _:
                return bool(self._namespace_id(action, observed))

    def _namespace_id(self, action: Action, observed: ObservedState) -> str:
        """wrangler.toml may name a namespace by its id alone, whatever it is called."""
        [wanted] = [i for i in self._session.desired.namespaces if i.title == action.name]
        if wanted.id in observed.namespaces.values():
            return wanted.id
        return observed.namespaces.get(action.name, "")

    def _observe(self) -> ObservedState:
        return self._session.account.observe(self._session.desired)

    def _forget_id(self, action: Action) -> None:
        if action.kind not in ID_KEYS:
            return
        table, key = ID_KEYS[action.kind]
        desired = self._session.desired
        binding = desired.binding(action.kind, action.name)
        path = self._session.project.config_path
        unset_id(path, desired.environment, table, binding, key)
