"""``cfpy status``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cfpy.account.plan import Do
from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.options import (
    CONFLICT,
    ConfigFile,
    Environment,
    Json,
    ProjectDirectory,
    context_of,
    project_at,
)
from cfpy.cli.plan_view import draw_notices

if TYPE_CHECKING:
    from cfpy.account.status import Status

app = typer.Typer(rich_markup_mode=None)


_STATES = {
    Do.KEEP: ("there", "green"),
    Do.CREATE: ("missing", "yellow"),
    Do.ADOPT: ("exists, not in the configuration", "yellow"),
    Do.UPDATE: ("out of date", "yellow"),
    Do.CONFLICT: ("conflict", "bold red"),
}


@app.command()
def status(
    ctx: typer.Context,
    env: Environment = "",
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Show what the project has in its account.

    Shows resources, the live version, pending migrations, and where the live version differs from
    the configuration. Exits with 7 if there is a conflict.

    Example: cfpy status --env staging
    """
    from cfpy.account.status import StatusRequest, run

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    found = run(context_of(output), StatusRequest(root, env, file))
    show_status(output, found)
    if found.plan.conflicts:
        raise typer.Exit(CONFLICT)


def show_status(output: Output, status: Status) -> None:
    """Show each resource with its state, then the live version."""
    if output.json:
        resources = [
            {
                "key": action.key,
                "kind": action.kind,
                "name": action.name,
                "state": _STATES[action.do][0],
                "reason": action.reason,
                "created_by_cfpy": action.key in status.created,
            }
            for action in status.plan.actions
        ]
        output.data(
            "status",
            {
                "account_id": status.plan.account_id,
                "worker": status.plan.worker,
                "environment": status.plan.environment,
                "live_version": status.live_version,
                "resources": resources,
                "pending_migrations": status.pending,
                "drift": list(status.drift),
                "notices": list(status.plan.notices),
            },
        )
        return
    table = draw.table("kind", "name", "state", "why")
    for action in status.plan.actions:
        state, style = _STATES[action.do]
        table.add_row(
            action.kind, action.name, draw.Text(state, style=style), draw.Text(action.reason)
        )
    where = f"{status.plan.worker} in the account {status.plan.account_id}"
    live = f"\nLive version: {status.live_version or 'none, nothing is deployed'}"
    output.show(draw.Text(where, style="bold"), table, draw.Text(live))
    for line in status.drift:
        output.show(draw.Text(f"Drift: {line}", style="yellow"))
    draw_notices(output, status.plan)
    output.show(draw.Text(f"\nNext\n  {output.invocation.command(_next_step(status))}"))


def _next_step(status: Status) -> str:
    if status.plan.conflicts:
        return "plan"
    if status.plan.changes:
        return "up"
    return "deploy" if status.drift or not status.live_version else "logs"
