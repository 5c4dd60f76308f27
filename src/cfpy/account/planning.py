"""``cfpy plan``: compares a project's needs with its account. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cfpy.account.plan import Plan
from cfpy.account.session import open_session, refuse_broken
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
        CfpyError: As :func:`cfpy.account.session.open_session`.
    """
    session = open_session(ctx, request.root, request.environment, request.config)
    refuse_broken(session)
    return session.plan()
