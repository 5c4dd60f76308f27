"""``cfpy deploy``: checks, migrations, a new version, and a health check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from cfpy.account.bookmarks import Bookmark, before_migrations
from cfpy.account.claims import claimed_worker
from cfpy.account.code_tag import commit_message, version_tag
from cfpy.account.deployment_guard import DeploymentGuard
from cfpy.account.failed_deployment import unhealthy, with_what_is_live
from cfpy.account.gradual import Checks, GradualRollout, Rollout, TrafficResult, prepare
from cfpy.account.health import TIMEOUT_SECONDS, SystemClock, ask, wait_for_answer
from cfpy.account.owned.registry import BY_STEP
from cfpy.account.owned.secret import WorkerSecrets, with_given
from cfpy.account.plan import Action, Plan
from cfpy.account.provision import ProvisionRequest, provision
from cfpy.account.rehearsal import check_upload, problems, rehearse
from cfpy.account.secret_limits import refused_secrets
from cfpy.account.session import Session, open_session, refuse_broken
from cfpy.account.steps import under_way
from cfpy.account.traffic import read_traffic
from cfpy.account.wrangler_events import Deployment
from cfpy.errors import CfpyError, UsageError
from cfpy.project.lock import alone
from cfpy.project.vendor import vendor
from cfpy.tools.context import Context
from cfpy.tools.http_client import HttpClient


@dataclass(frozen=True)
class Provisioning:
    """How to create missing resources, with the parameters of
    :func:`cfpy.account.provision.run`."""

    request: ProvisionRequest
    on_action: Callable[[Action], None]


@dataclass(frozen=True)
class DeployRequest:
    """``health`` is the path to check after deploying, ``url`` the Worker's URL if it is not the
    one that wrangler reports. ``check_seconds`` is how long the check may take. If ``provision`` is
    given, missing resources are created; if ``rollout`` is, the new version shares the traffic with
    the live one. ``on_bookmark`` is called with the Time Travel bookmark of each database that is
    migrated; without it, none is taken."""

    root: Path
    environment: str
    health: str
    url: str
    rollback_on_failure: bool
    dry_run: bool
    check_seconds: float
    provision: Provisioning | None = None
    config: Path | None = None
    rollout: Rollout | None = None
    on_bookmark: Callable[[Bookmark], None] | None = None

    @property
    def given(self) -> Mapping[str, str]:
        """The values of secrets that came with the command."""
        return self.provision.request.given if self.provision else {}

    @property
    def checks(self) -> Checks:
        """How the new version of a rollout is checked."""
        return Checks(self.health, self.url, self.check_seconds, self.rollback_on_failure)


@dataclass(frozen=True)
class DeployResult:
    """What is live. ``plan`` is the plan before the deployment, ``provisioned`` the part that was
    carried out (``None`` if nothing was). After a dry run, ``deployment`` is ``None``, ``findings``
    are the errors with which a deployment would stop, and ``plan`` is ``None`` if the account could
    not be read, and ``written`` are the names of what it changed in the project. After a gradual
    rollout, ``shared`` is the result, and ``deployment`` is ``None``. ``bookmarks`` lead back to
    the databases as they were before their migrations."""

    plan: Plan | None
    provisioned: Plan | None
    deployment: Deployment | None
    url: str
    checked: str
    findings: tuple[CfpyError, ...] = ()
    written: tuple[str, ...] = ()
    shared: TrafficResult | None = None
    bookmarks: tuple[Bookmark, ...] = ()


def run(
    ctx: Context, request: DeployRequest, confirm: Callable[[Plan], bool]
) -> DeployResult | None:
    """Deploy the project.

    Args:
        ctx: The tools of the run.
        request: What to deploy.
        confirm: Called before anything is changed; if it returns false, nothing is.

    Returns:
        What is live now, or ``None`` if it was not confirmed.

    Raises:
        UsageError: Something is missing in the account, or the upload is too big. Nothing was
            changed.
        PlanConflictError: Something in the account is in conflict. Nothing was changed.
        WranglerError: wrangler does not accept the project, a migration or the deployment failed.
        DeploymentError: The health check failed.
        DeploymentChangedError: Somebody else has deployed meanwhile.
        CfpyError: As :meth:`cfpy.account.gradual.GradualRollout.run`, in a gradual rollout.
    """
    with alone(request.root, request.config, dry_run=request.dry_run):
        if request.dry_run:
            return rehearsed(ctx, request)
        session = open_session(ctx, request.root, request.environment, request.config)
        return deploy(ctx, session, request, confirm)


def deploy(
    ctx: Context,
    session: Session,
    request: DeployRequest,
    confirm: Callable[[Plan], bool],
    before: Callable[[Plan], None] = lambda _plan: None,
    accept: Callable[[str], None] = lambda _tag: None,
) -> DeployResult | None:
    """As :func:`run`, for callers that hold the project's lock. ``accept`` is called with the tag
    of the code (:mod:`cfpy.account.code_tag`) before anything is confirmed, ``before`` when
    everything is checked and confirmed; nothing is changed yet then."""
    refuse_broken(session)
    client = _health_client(request)
    if session.project.is_python:
        vendor(session.project, ctx.runner, ctx.progress)
    plan = with_given(session.plan(), request.given)
    for problem in problems(session, plan, provisions=request.provision is not None):
        raise problem
    ctx.progress("Checking the project")
    modules = check_upload(session.wrangler)
    guard, left = _before_confirmed(session, request, plan, modules, accept)
    if not confirm(replace(plan, notices=(*plan.notices, *left))):
        return None
    session.refuse_edited()
    guard.look()
    bookmarks: list[Bookmark] = []

    def first(now: Plan) -> None:
        before(now)
        if request.on_bookmark:
            bookmarks.extend(before_migrations(session.account.data, now, request.on_bookmark))

    provisioned = _provision(ctx, session, request, plan, first)
    if provisioned is None:
        first(plan)
    elif any(action.kind == WorkerSecrets.name for action in provisioned.changes):
        guard.renew()
    with under_way():
        session.refuse_edited()
        if provisioned is None:
            _migrate(ctx, session, plan)
        tag = version_tag(modules, session.reloaded(), session.environment)
        message = commit_message(ctx.git, session.project.root)
        if request.rollout:
            run = GradualRollout(session, request.rollout, request.checks, guard, ctx.progress)
            shared = run.run(tag, message, left)
            done = DeployResult(plan, provisioned, None, shared.url, shared.checked, shared=shared)
        else:
            guard.look()
            live = _go_live(ctx, session, request, client, guard, (tag, message))
            done = replace(live, plan=plan, provisioned=provisioned)
        return replace(done, bookmarks=tuple(bookmarks))


def _before_confirmed(
    session: Session,
    request: DeployRequest,
    plan: Plan,
    modules: str,
    accept: Callable[[str], None],
) -> tuple[DeploymentGuard, tuple[str, ...]]:
    """Refuse what can't be deployed. From here on, nobody else may deploy.

    Returns:
        What finds out if somebody does, and what a rollout leaves as it is.
    """
    tag = version_tag(modules, session.project, session.environment)
    accept(tag)
    worker = session.desired.worker
    releases = session.account.releases(worker)
    newest = releases.newest()
    guard = DeploymentGuard(releases, worker, newest)
    if request.provision and (refused := refused_secrets(session.account, plan)):
        raise refused
    if request.rollout:
        return guard, prepare(session, request.rollout, request.checks, plan, tag)
    if newest and len(newest.shares) > 1:
        read_traffic(releases, tag)  # It would end a rollout of other code.
    return guard, ()


def rehearsed(
    ctx: Context, request: DeployRequest, accept: Callable[[str], None] = lambda _tag: None
) -> DeployResult:
    """A dry run, with the parameters of :func:`deploy`."""
    _health_client(request)

    def left(session: Session, plan: Plan, modules: str) -> None:
        _before_confirmed(session, request, plan, modules, accept)

    provisions = request.provision is not None
    found = rehearse(
        ctx, request.root, request.environment, request.config, provisions=provisions, also=left
    )
    plan = found.plan and with_given(found.plan, request.given)
    return DeployResult(plan, None, None, "", "", found.findings, found.written)


def _provision(
    ctx: Context,
    session: Session,
    request: DeployRequest,
    plan: Plan,
    before: Callable[[Plan], None],
) -> Plan | None:
    if request.provision is None or not plan.changes:
        return None
    asked = request.provision

    def as_shown(now: Plan) -> bool:
        """The plan was confirmed as part of the deployment."""
        if now.changes != plan.changes:
            raise UsageError(
                "the account changed after the plan was shown",
                hint="Run the same command again. Nothing was changed.",
            )
        return True

    return provision(ctx, session, asked.request, as_shown, asked.on_action, before)


def _go_live(
    ctx: Context,
    session: Session,
    request: DeployRequest,
    client: HttpClient | None,
    guard: DeploymentGuard,
    named: tuple[str, str],
) -> DeployResult:
    desired, wrangler = session.desired, session.wrangler
    before = session.account.live_version(desired.worker)
    ctx.progress(f"Deploying {desired.worker}")
    try:
        with claimed_worker(session, live=bool(before)):
            deployment = wrangler.deploy(*named)
    except CfpyError as error:
        raise with_what_is_live(session, before, error) from error
    guard.expect([deployment.version_id])
    guard.look_back()
    url = (request.url or deployment.url).rstrip("/")
    if not url or client is None:
        return DeployResult(None, None, deployment, url, "")
    address = url + request.health
    ctx.progress(f"Asking {address}")
    answer = wait_for_answer(
        partial(ask, client, address), request.check_seconds, ctx.progress, SystemClock()
    )
    live = DeployResult(None, None, deployment, url, answer.said)
    if answer.healthy:
        return live
    back = guard if request.rollback_on_failure else None
    raise unhealthy(session, deployment.version_id, address, before, answer, back)


def _migrate(ctx: Context, session: Session, plan: Plan) -> None:
    """Tables first: new code must never run with an old schema."""
    for action in plan.changes:
        ctx.progress(f"Applying migrations to {action.name}")
        BY_STEP[action.kind].update(session.changing, action)


def _health_client(request: DeployRequest) -> HttpClient | None:
    """The client for the health check. It is created before the deployment, so that an unusable
    proxy or certificate stops the command before it changes anything.

    Raises:
        UsageError: The path, the URL, or an environment variable can't be used.
    """
    if not request.health:
        return None
    if not request.health.startswith("/"):
        raise UsageError(
            "--health is a path and must begin with /", hint="For example: --health /health"
        )
    address = request.url or "https://workers.dev"
    return HttpClient(address, source="--url", timeout=TIMEOUT_SECONDS)
