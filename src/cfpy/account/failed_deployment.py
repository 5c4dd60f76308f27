"""What to report if a deployment failed, or the new version does not answer."""

from __future__ import annotations

import shlex
from functools import partial

from cfpy.account.deployment_guard import DeploymentGuard
from cfpy.account.health import Answer
from cfpy.account.session import Session
from cfpy.account.traffic import BACK
from cfpy.errors import CfpyError, DeploymentChangedError, DeploymentError
from cfpy.tools.invocation import command


def with_what_is_live(session: Session, before: str, error: CfpyError) -> CfpyError:
    """The error of a deployment, or one that reports that a new version is live nevertheless:
    wrangler can fail after the upload, or its answer can be lost."""
    try:
        live = session.account.live_version(session.desired.worker)
    except CfpyError:
        return error
    if not live or live == before:
        return error
    return DeploymentError(
        f"version {live} is live, but wrangler failed after that: {error.message}",
        hint=f"{error.hint} To see what is live: {command('status')}".strip(),
    )


def unhealthy(
    session: Session,
    version: str,
    address: str,
    before: str,
    answer: Answer,
    guard: DeploymentGuard | None,
) -> CfpyError:
    """The error that describes the answer of the live version, and what to do.

    Args:
        session: What was deployed.
        version: The version that is live.
        address: Where it was asked.
        before: The version that was live before; empty if this one is the first.
        answer: What it answered.
        guard: If given, to roll back to the version before. That is not done if the host is not in
            DNS: the old version can't be reached there, either.
    """
    if not answer.resolved:
        kept = "It was not rolled back: no version can be reached there. "
        return DeploymentError(
            f"version {version} is live, but could not be checked: {answer.said}",
            hint=f"{kept if before and guard else ''}A new host name takes some minutes to "
            f"appear in DNS. Try again with: curl {shlex.quote(address)}",
        )
    sick = f"version {version} is live, but its health check failed: {address}: {answer.said}"
    logs = f"To see why: {command('logs')}"
    if not before:
        return DeploymentError(
            sick, hint=f"{logs}. It is the first version, so there is none to roll back to."
        )
    back = command("wrangler", "rollback", before)
    if guard is None:
        return DeploymentError(sick, hint=f"{back} (migrations stay as they are)")
    message = f"{BACK}{version}"
    rollback = partial(session.wrangler.rollback, session.desired.worker, before, message)
    try:
        guard.change([before], message, rollback)
    except DeploymentChangedError as error:
        return DeploymentChangedError(f"{sick}; but {error.message}", hint=error.hint)
    except CfpyError as error:
        return DeploymentError(f"{sick}; and {error.message}", hint=back)
    return DeploymentError(
        f"the health check of version {version} failed: {address}: {answer.said}; "
        f"version {before} is live again",
        hint=f"{logs}. Migrations stay as they are.",
    )
