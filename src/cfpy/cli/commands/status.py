"""``cfpy status``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.account.plan import Do
from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.options import (
    CONFLICT,
    DRIFT,
    ConfigFile,
    Environment,
    Json,
    ProjectDirectory,
    context_of,
    project_at,
)
from cfpy.cli.plan_view import draw_notices

if TYPE_CHECKING:
    from cfpy.account.drift import Drift
    from cfpy.account.status import Status

app = typer.Typer(rich_markup_mode=None)


_STATES = {
    Do.KEEP: ("there", "green"),
    Do.CREATE: ("missing", "yellow"),
    Do.ADOPT: ("exists, not in the configuration", "yellow"),
    Do.UPDATE: ("out of date", "yellow"),
    Do.DEPLOY: ("set by the next deployment", "yellow"),
    Do.CONFLICT: ("conflict", "bold red"),
}


@app.command()
def status(
    ctx: typer.Context,
    env: Environment = "",
    exit_code: Annotated[
        bool,
        typer.Option("--exit-code", help="Exit with 13 if the account differs from the files."),
    ] = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Show what the project has in its account.

    Shows resources, the live version (or both, with their parts of the traffic, during a rollout),
    pending migrations, and each difference between the account and the files, with what adopts or
    reverts it: settings, routes, domains, schedules, secrets and variables that somebody changed by
    hand. Changes nothing. Exits with 7 if there is a conflict; with --exit-code, with 13 if there
    is any other difference.

    Example: cfpy status --env staging --exit-code
    """
    from cfpy.account.status import StatusRequest, run

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    found = run(context_of(output), StatusRequest(root, env, file))
    show_status(output, found)
    if found.plan.conflicts:
        raise typer.Exit(CONFLICT)
    if exit_code and found.drift:
        raise typer.Exit(DRIFT)


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
                "versions": [
                    {"version_id": id_, "percent": percent}
                    for id_, percent in status.shares.items()
                ],
                "resources": resources,
                "pending_migrations": status.pending,
                "drift": [item.message for item in status.drift],
                "differences": [_resolved(output, item) for item in status.drift],
                "unseen": list(status.unseen),
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
    output.show(draw.Text(where, style="bold"), table, draw.Text(f"\n{_live(status)}"))
    _draw_drift(output, status)
    draw_notices(output, status.plan)
    output.show(draw.Text(f"\nNext\n  {output.invocation.command(*_next_step(status))}"))


def _live(status: Status) -> str:
    if len(status.shares) < 2:
        return f"Live version: {status.live_version or 'none, nothing is deployed'}"
    lines = (f"  {id_}, with {percent:g} %" for id_, percent in status.shares.items())
    return "\n".join(("Live versions, which share the traffic, the newer one first:", *lines))


def _draw_drift(output: Output, status: Status) -> None:
    for item in status.drift:
        output.show(draw.Text(f"Drift: {item.message}", style="yellow"))
        for word, text in (("adopt", item.adopt), ("revert", item.revert)):
            if text:
                output.show(draw.Text(f"  {word}: {output.invocation.resolve(text)}"))
    for sentence in status.unseen:
        output.show(draw.Text(f"Not compared: {sentence}", style="dim"))


def _resolved(output: Output, item: Drift) -> dict[str, str]:
    """A difference with commands for this project."""
    return {key: output.invocation.resolve(text) for key, text in asdict(item).items()}


def _next_step(status: Status) -> tuple[str, ...]:
    if status.plan.conflicts:
        return ("plan",)
    if status.plan.changes:
        return ("up",)
    if len(status.shares) > 1:
        return ("deploy", "--percent", "100")
    return ("deploy",) if status.drift or not status.live_version else ("logs",)
