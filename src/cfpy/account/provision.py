"""``cfpy provision``: creates what a project needs and its account does not have.

It runs one wrangler command for each missing resource, and reads everything else from the API.
After every command, it reads the account again, whatever the exit code: an answer can be lost, and
the one for queues has no id. So an interrupted run can simply be repeated.
"""

from __future__ import annotations

import functools
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cfpy.account.claims import claimed_worker, forget, void_claims
from cfpy.account.conflicts import conflict_error
from cfpy.account.desired import DesiredState
from cfpy.account.owned.registry import BY_NAME, BY_STEP
from cfpy.account.owned.secret import WorkerSecrets, with_given
from cfpy.account.owned.worker import ObservedWorker
from cfpy.account.plan import Action, Do, Plan
from cfpy.account.rollout_limits import refuse_breaking
from cfpy.account.secret_limits import refused_secrets
from cfpy.account.session import Session, open_session, refuse_broken
from cfpy.account.steps import attempt, may_exist, run_all, under_way
from cfpy.bindings.id_edits import set_id
from cfpy.bindings.registry import OWNED, has_id
from cfpy.errors import CfpyError, CloudflareError, UsageError
from cfpy.project.lock import alone
from cfpy.project.secret import Secret
from cfpy.tools.context import Context

# wrangler uses a core while it starts, and then waits for answers: one more than there are cores.
_AT_ONCE = min(os.cpu_count() or 1, 4) + 1
_SECRET = WorkerSecrets.name


@dataclass(frozen=True)
class ProvisionRequest:
    """``given`` are values of secrets that came with the command, ``ask`` returns the value of a
    secret without a value, or ``None``. ``reveal`` shows generated values as soon as they are
    stored, because they can't be read back, even if a later step fails. Without it, no value is
    generated.
    """

    root: Path
    environment: str
    given: Mapping[str, str] = field(repr=False)
    ask: Callable[[Secret], str | None]
    reveal: Callable[[Mapping[str, str]], None] | None
    config: Path | None = None


def run(
    ctx: Context,
    request: ProvisionRequest,
    confirm: Callable[[Plan], bool],
    on_action: Callable[[Action], None],
) -> Plan | None:
    """Change the account so that it matches the project.

    Args:
        ctx: The tools of the run.
        request: What to provision.
        confirm: Called with the plan before anything is changed; if it returns false, nothing is.
        on_action: Called for each completed step.

    Returns:
        The plan, or ``None`` if it was not confirmed.

    Raises:
        PlanConflictError: Something in the account is in conflict. Nothing was changed.
        UsageError: A secret has no value or one of the wrong form, or can't be set now, a migration
            would break a version that is being rolled out or back, or another run is in progress.
            Nothing was changed.
        WranglerError: A step failed. Completed steps stay; run it again to continue.
    """
    with alone(request.root, request.config):
        session = open_session(ctx, request.root, request.environment, request.config)

        def safe(plan: Plan) -> bool:
            refuse_breaking(session, plan)
            return confirm(plan)

        return provision(ctx, session, request, safe, on_action)


def provision(
    ctx: Context,
    session: Session,
    request: ProvisionRequest,
    confirm: Callable[[Plan], bool],
    on_action: Callable[[Action], None],
    before: Callable[[Plan], None] = lambda _plan: None,
) -> Plan | None:
    """As :func:`run`, for callers that hold the project's lock. ``before`` is called when
    everything is checked and confirmed, and nothing is changed yet."""
    refuse_broken(session)
    now = session.comparison()
    plan = with_given(session.plan_for(now), request.given)
    if plan.conflicts:
        raise conflict_error(
            plan.conflicts,
            "Change the configuration, cfpy.toml or the account so that they agree. "
            "Nothing was changed.",
        )
    for unreadable in session.unreadable(plan):
        raise unreadable
    void = void_claims(now, plan)
    if not plan.changes:
        forget(session, void)
        return plan
    session.refuse_read_only(plan)
    if refused := refused_secrets(session.account, plan):
        raise refused
    if not confirm(plan):
        return None
    session.refuse_edited()
    values, generated = _secret_values(plan, session.desired, request)
    ctx.secrets.add(*values.values())
    before(plan)
    forget(session, void)

    def reveal() -> None:
        if generated and request.reveal:
            request.reveal(generated)

    _Provisioning(ctx, session, on_action).execute(plan, values, reveal)
    return plan


class _Provisioning:
    """One execution of a plan."""

    def __init__(self, ctx: Context, session: Session, on_action: Callable[[Action], None]) -> None:
        self._ctx = ctx
        self._session = session
        self._wrangler = session.wrangler
        self._project = session.project
        self._desired = session.desired
        self._on_action = on_action

    def execute(
        self, plan: Plan, values: Mapping[str, str], when_stored: Callable[[], None]
    ) -> None:
        """Run each step after those that it depends on, and set all secrets together."""
        # The toolchain is installed on first use: do it here, not in two threads at once.
        self._wrangler.argv()
        secret = [action for action in plan.changes if action.kind == _SECRET]
        others = [action for action in plan.changes if action.kind != _SECRET]
        steps: dict[str, Callable[[], None]] = {
            action.key: functools.partial(
                self._run, [action], functools.partial(self._step, action)
            )
            for action in others
        }
        if values:

            def store() -> None:
                self._put_secrets(values)
                when_stored()

            steps["secrets"] = functools.partial(self._run, secret, store)
        with under_way():
            run_all(steps, {action.key: action.depends_on for action in others}, _AT_ONCE)

    def _run(self, actions: list[Action], step: Callable[[], None]) -> None:
        names = ", ".join(action.name for action in actions)
        self._ctx.progress(f"{actions[0].do.capitalize()} {actions[0].kind} {names}")
        step()
        for action in actions:
            self._on_action(action)

    def _put_secrets(self, values: Mapping[str, str]) -> None:
        """A Worker that does not exist yet is created with its first secret."""
        with claimed_worker(self._session):
            attempt(
                lambda: self._wrangler.put_secrets(values),
                # The account shows whether a new secret exists, but not whether an old value was
                # replaced.
                lambda: values.keys() <= self._secrets(),
            )

    def _secrets(self) -> frozenset[str]:
        worker = self._session.observe().get(ObservedWorker, self._desired.worker)
        return worker.secrets if worker else frozenset()

    def _record(self, key: str, id_: str = "") -> None:
        if key.partition(":")[0] not in BY_NAME:
            return  # It is a part of a resource, and goes with it.
        environment, account_id = self._session.environment, self._session.account.id
        self._session.records.change(
            lambda record: record.with_created(environment, account_id, key, id_)
        )

    def _step(self, action: Action) -> None:
        if action.do is Do.UPDATE:
            self._update(action)
        else:
            id_ = self._create(action) if action.do is Do.CREATE else self._adopt(action)
            self._write(action, id_)

    def _update(self, action: Action) -> None:
        if action.migrates:
            self._session.refuse_edited()
        kind, changing = BY_STEP[action.kind], self._session.changing
        attempt(lambda: kind.update(changing, action), lambda: self._is_done(action))

    def _create(self, action: Action) -> str:
        """Create a resource, and return the id that the account then shows."""
        # Recorded before it exists: if this run is killed in between, the next one knows that cfpy
        # created it. An earlier run may have created it although the account does not show it yet.
        # With an id, the record is about one that the account showed, and that is gone.
        known = self._created().get(action.key) == ""
        self._record(action.key)
        kind, changing = BY_STEP[action.kind], self._session.changing
        try:
            ours = attempt(lambda: kind.create(changing, action), lambda: self._is_done(action))
        except CfpyError as error:
            if not (known and may_exist(error)) and not self._is_done(action):
                forget(self._session, [action.key])
            raise
        ours = ours or kind.retried_by_wrangler
        if not ours and not known:
            self._ctx.progress(
                f"{action.key} already exists: somebody else created it in the meantime"
            )
            forget(self._session, [action.key])
        if not has_id(action.kind):
            return action.name
        created = self._now(action)
        if created is None or not created.id:
            raise CloudflareError(
                f"{action.key} was created, but the account does not show it yet",
                hint="Run the same command again to continue.",
            )
        if ours or known:
            self._record(action.key, created.id)
        return created.id

    def _adopt(self, action: Action) -> str:
        """The id of an existing resource. An earlier run that was killed may have created it."""
        if has_id(action.kind) and self._created().get(action.key) == "":
            self._record(action.key, action.id)
        return action.id

    def _created(self) -> Mapping[str, str]:
        return self._session.records.read().created(self._session.environment)

    def _now(self, action: Action) -> Action | None:
        """The same step in a new plan."""
        return next((i for i in self._session.plan().actions if i.key == action.key), None)

    def _is_done(self, action: Action) -> bool:
        now = self._now(action)
        return now is not None and now.do in (Do.KEEP, Do.ADOPT)

    def _write(self, action: Action, id_: str) -> None:
        """Write the id, or the name of a bucket, into the tables that have none yet."""
        kind = OWNED.get(action.kind)
        if kind is None:
            return
        with self._ctx.lock:
            for binding in action.bindings:
                path, environment = self._project.config_path, self._desired.environment
                set_id(path, environment, kind.table, binding, kind.filled_in, id_)


def _secret_values(
    plan: Plan, desired: DesiredState, request: ProvisionRequest
) -> tuple[dict[str, str], dict[str, str]]:
    """A value for each missing secret, and the values among them that were generated."""
    missing = {action.name for action in plan.changes if action.kind == _SECRET}
    values: dict[str, str] = {}
    generated: dict[str, str] = {}
    for secret in desired.all(Secret):
        if secret.name not in missing:
            continue
        given = request.given.get(secret.name) or os.environ.get(secret.name)
        given = given or request.ask(secret)
        if not given and secret.generate and request.reveal:
            given = generated[secret.name] = secret.generated(secrets.token_urlsafe(32))
        if not given:
            raise UsageError(
                f"the secret {secret.name} has no value"
                + (f": {secret.description}" if secret.description else ""),
                hint=f"Set the environment variable {secret.name}, use --secrets-file, or run "
                "this on a terminal. Nothing was changed.",
            )
        secret.refuse_misfit(given)
        values[secret.name] = given
    return values, generated
