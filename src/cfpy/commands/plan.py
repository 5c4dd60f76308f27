"""``cfpy plan``: what a project needs that its account lacks. Nothing is changed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cfpy.adapters.wrangler import Wrangler
from cfpy.adapters.wrangler_config import load_project
from cfpy.commands.context import Context
from cfpy.domain.plan import Plan, diff
from cfpy.domain.project import Project
from cfpy.domain.resources import desired_state


@dataclass(frozen=True)
class PlanRequest:
    """``environment`` is empty for the top level of wrangler.toml."""

    root: Path
    environment: str


def run(ctx: Context, request: PlanRequest) -> Plan:
    """Compare the project with the account.

    Raises:
        UsageError: There is no such environment.
        ProjectError: The project's files are missing or broken.
        NotAuthenticatedError: Nobody is logged in, or the login lacks a permission.
        CloudflareError: The API can't be reached, or fails.
    """
    # Imported here: httpx takes a while, and nothing else needs it.
    from cfpy.adapters.cloudflare import Account

    project = load_project(request.root)
    desired = desired_state(project, request.environment)
    ctx.progress("Reading the account")
    credentials = login(ctx, project, request.environment)
    account = Account(credentials["CLOUDFLARE_API_TOKEN"], credentials["CLOUDFLARE_ACCOUNT_ID"])
    return diff(desired, account.observe(desired))


def login(ctx: Context, project: Project, environment: str) -> dict[str, str]:
    """Who asks, and for which account, as the environment variables that wrangler reads.

    Raises:
        NotAuthenticatedError: Nobody is logged in, or it is not clear which account is meant.
        CloudflareError: The API can't be reached, or fails.
    """
    from cfpy.adapters.cloudflare import Account

    token = _token(ctx, project)
    account = Account(token, _account_id(project, environment))
    return {"CLOUDFLARE_API_TOKEN": token, "CLOUDFLARE_ACCOUNT_ID": account.id}


def _token(ctx: Context, project: Project) -> str:
    """The token that wrangler would use; it is asked only where the environment has none."""
    token = os.environ.get("CLOUDFLARE_API_TOKEN", "")
    return token or Wrangler(ctx.runner, ctx.toolchain, project.root).auth_token()


def _account_id(project: Project, environment: str) -> str:
    """wrangler.toml pins the account; the environment variable stands in where it does not."""
    scope = (project.wrangler.get("env") or {}).get(environment) or {}
    pinned = scope.get("account_id") or project.wrangler.get("account_id")
    return str(pinned or os.environ.get("CLOUDFLARE_ACCOUNT_ID", ""))
