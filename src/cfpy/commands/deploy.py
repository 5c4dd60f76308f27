"""``cfpy deploy``: checks, migrations, a new version, and whether it answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from cfpy.adapters.cloudflare import Account
from cfpy.adapters.vendor import vendor
from cfpy.adapters.wrangler import Deployment, Wrangler
from cfpy.adapters.wrangler_config import load_project
from cfpy.commands.context import Context
from cfpy.commands.plan import login
from cfpy.domain.plan import Plan, diff
from cfpy.domain.resources import DesiredState, desired_state
from cfpy.errors import DeploymentError, PlanConflictError, UsageError, WranglerError

_CHECK_PAUSE_SECONDS = 2.0
_CHECK_TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True)
class DeployRequest:
    """``health`` is the path that is asked afterwards, ``url`` where the Worker is reached if not
    where wrangler says. ``check_seconds`` is how long it may take to answer."""

    root: Path
    environment: str
    health: str
    url: str
    rollback_on_failure: bool
    dry_run: bool
    check_seconds: float


@dataclass(frozen=True)
class DeployResult:
    """What is live. ``deployment`` is ``None`` after a dry run."""

    plan: Plan
    deployment: Deployment | None
    url: str
    checked: str


def run(
    ctx: Context, request: DeployRequest, confirm: Callable[[Plan], bool]
) -> DeployResult | None:
    """Deploy the project.

    Args:
        ctx: Adapters.
        request: What to deploy.
        confirm: Asked before anything is changed; nothing is if it says no.

    Returns:
        What is live now, or ``None`` if it was not confirmed.

    Raises:
        UsageError: The account lacks something. Nothing was changed.
        PlanConflictError: Something in the account is in the way. Nothing was changed.
        WranglerError: wrangler does not accept the project, a migration or the deployment failed.
        DeploymentError: The new version does not answer as it should.
    """
    project = load_project(request.root)
    desired = desired_state(project, request.environment)
    if project.is_python:
        vendor(project, ctx.runner, ctx.progress)
    credentials = login(ctx, project, request.environment)
    account = Account(credentials["CLOUDFLARE_API_TOKEN"], credentials["CLOUDFLARE_ACCOUNT_ID"])
    wrangler = Wrangler(
        ctx.runner,
        ctx.toolchain,
        project.root,
        environment=request.environment,
        credentials=credentials,
    )
    ctx.progress("Reading the account")
    plan = diff(desired, account.observe(desired))
    _refuse_missing(plan)
    ctx.progress("Checking the project")
    wrangler.deploy_dry_run()
    if request.dry_run:
        return DeployResult(plan, None, "", "")
    if not confirm(plan):
        return None
    _migrate(ctx, wrangler, desired, plan)
    before = account.live_version(desired.worker)
    ctx.progress(f"Deploying {desired.worker}")
    deployment = wrangler.deploy()
    url = (request.url or deployment.url).rstrip("/")
    if not url or not request.health:
        return DeployResult(plan, deployment, url, "")
    ctx.progress(f"Asking {url}{request.health}")
    said, healthy = _check(url + request.health, request.check_seconds)
    if healthy:
        return DeployResult(plan, deployment, url, said)
    raise _unhealthy(request, wrangler, desired.worker, before, f"{url}{request.health}: {said}")


def _refuse_missing(plan: Plan) -> None:
    """Refuse a deployment that could not work. Migrations are applied on the way."""
    if plan.conflicts:
        raise PlanConflictError(
            "; ".join(f"{item.key}: {item.reason}" for item in plan.conflicts),
            hint="cfpy plan shows all of it. Nothing was changed.",
        )
    missing = [item.key for item in plan.changes if item.kind != "d1_migrations"]
    if missing:
        raise UsageError(
            f"the account lacks {', '.join(missing)}",
            hint="cfpy provision makes it, then deploy again. Nothing was changed.",
        )


def _migrate(ctx: Context, wrangler: Wrangler, desired: DesiredState, plan: Plan) -> None:
    """Tables first: new code must never meet an old schema."""
    for action in plan.changes:
        ctx.progress(f"Applying migrations to {action.name}")
        [database] = [item for item in desired.databases if item.name == action.name]
        wrangler.apply_remote_migrations(database.binding)


def _check(address: str, seconds: float) -> tuple[str, bool]:
    """What the Worker says for itself, and whether that is well."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = httpx.get(address, timeout=_CHECK_TIMEOUT_SECONDS, follow_redirects=True)
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
        else:
            said = f"{answer.status_code} {answer.reason_phrase}"
            if answer.is_success:
                return said, True
            if answer.status_code == 404:
                return f"{said}: it answers, and has no such resource", True
        if time.monotonic() > deadline:
            return said, False
        time.sleep(min(_CHECK_PAUSE_SECONDS, seconds))


def _unhealthy(
    request: DeployRequest, wrangler: Wrangler, worker: str, before: str, said: str
) -> DeploymentError:
    if not before or not request.rollback_on_failure:
        undo = f"cfpy wrangler rollback {before}" if before else "cfpy wrangler tail"
        return DeploymentError(
            f"the new version is live and does not answer as it should: {said}",
            hint=f"{undo} (migrations stay as they are)",
        )
    try:
        wrangler.rollback(worker, before)
    except WranglerError as error:
        sick = f"the new version is live and does not answer as it should: {said}"
        return DeploymentError(
            f"{sick}; and {error.message}",
            hint=f"cfpy wrangler rollback {before}",
        )
    return DeploymentError(
        f"the new version did not answer as it should: {said}; version {before} is live again",
        hint="cfpy wrangler tail shows why. Migrations stay as they are.",
    )
