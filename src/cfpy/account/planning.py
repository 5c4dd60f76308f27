"""``cfpy plan``: compares a project's needs with its account. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cfpy.account.plan import Plan
from cfpy.account.secret_limits import refused_secrets
from cfpy.account.session import open_session, refuse_removed
from cfpy.account.traffic import rollout_notices
from cfpy.account.usable import refuse_unusable
from cfpy.bindings.wrangler_config import load_project
from cfpy.tools.context import Context


@dataclass(frozen=True)
class PlanRequest:
    """``environment`` is empty for the top level of the configuration."""

    root: Path
    environment: str
    config: Path | None = None


def run(ctx: Context, request: PlanRequest) -> Plan:
    """Compare the project with the account.

    Raises:
        ProjectError: Something in the configuration can't work.
        CfpyError: As :func:`cfpy.account.session.open_session`.
    """
    # First, because it needs no login.
    project = load_project(request.root, request.config)
    refuse_removed(project, request.environment)
    refuse_unusable(project, request.environment)
    session = open_session(ctx, request.root, request.environment, request.config)
    plan = session.plan()
    releases = session.account.releases(session.desired.worker)
    refused = refused_secrets(session.account, plan)
    problems = [refused] if refused else []
    said = (error.message for error in (*session.unreadable(plan), *problems))
    return replace(plan, notices=(*plan.notices, *rollout_notices(releases), *said))
