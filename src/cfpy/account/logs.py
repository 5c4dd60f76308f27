"""``cfpy logs``: shows what the live Worker does, with ``wrangler tail``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cfpy.account.session import open_session
from cfpy.errors import UsageError
from cfpy.tools.context import Context
from cfpy.tools.invocation import command
from cfpy.tools.process import run_attached

_STATUSES = ("ok", "error", "canceled")


@dataclass(frozen=True)
class LogsRequest:
    """``status`` and ``search`` are filters; empty for none. ``json``: one document per line."""

    root: Path
    environment: str
    json: bool
    status: str
    search: str
    config: Path | None = None


def run(ctx: Context, request: LogsRequest) -> int:
    """Run ``wrangler tail`` on cfpy's terminal; return its exit status.

    Raises:
        UsageError: There is no such status, or nothing is deployed.
        CfpyError: As :func:`cfpy.account.session.open_session`.
    """
    if request.status and request.status not in _STATUSES:
        raise UsageError(f"unknown status {request.status!r}", hint=f"Use {', '.join(_STATUSES)}.")
    session = open_session(ctx, request.root, request.environment, request.config)
    worker = session.desired.worker
    if not session.account.live_version(worker):
        raise UsageError(f"{worker} is not deployed", hint=command("up"))
    options = ["--format", "json" if request.json else "pretty"]
    if request.status:
        options += ["--status", request.status]
    if request.search:
        options += ["--search", request.search]
    ctx.progress(f"Waiting for requests to {worker}. Press Ctrl-C to stop.")
    return run_attached(
        session.wrangler.argv("tail", worker, *options),
        cwd=session.project.root,
        env=session.wrangler.environment(),
    )
