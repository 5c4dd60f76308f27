"""``cfpy plan``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cfpy.account.conflicts import unknown_ids_hint
from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.options import (
    CONFLICT,
    SOMETHING_TO_DO,
    ConfigFile,
    Environment,
    Json,
    ProjectDirectory,
    context_of,
    project_at,
)
from cfpy.cli.plan_view import changes_of, draw_plan

if TYPE_CHECKING:
    from cfpy.account.plan import Plan

app = typer.Typer(rich_markup_mode=None)


@app.command()
def plan(
    ctx: typer.Context,
    env: Environment = "",
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Compare the project with its Cloudflare account.

    Changes nothing. Reads the account with CLOUDFLARE_API_TOKEN, or with wrangler's login. Exits
    with 0 if the account has everything that the project needs, with 1 if there are changes to
    apply, with 7 if there is a conflict. Lines marked `deploy` (routes, domains, schedules, tail
    Workers) are done by the next deployment, and do not count.

    Example: cfpy plan --env staging
    """
    from cfpy.account.planning import PlanRequest, run

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    found = run(context_of(output), PlanRequest(root, env, file))
    show_plan(output, found)
    if found.changes:
        raise typer.Exit(CONFLICT if found.conflicts else SOMETHING_TO_DO)


def show_plan(output: Output, plan: Plan) -> None:
    """Show the plan as a table, with a summary."""
    if output.json:
        output.data("plan", plan.as_dict())
        return
    draw_plan(output, plan)
    if plan.conflicts:
        output.show(draw.Text("\nResolve the conflicts first: nothing was changed.", "red"))
        if hint := unknown_ids_hint(plan.conflicts):
            output.show(draw.Text(output.invocation.resolve(hint)))
    elif plan.changes:
        output.show(
            draw.Text(f"\nTo apply {changes_of(plan)}: {output.invocation.command('provision')}")
        )
    elif plan.deploys:
        count = f"{len(plan.deploys)} line{'' if len(plan.deploys) == 1 else 's'}"
        output.show(
            draw.Text(
                f"\nNothing to provision. A deployment does {count} above: "
                f"{output.invocation.command('deploy')}"
            )
        )
    else:
        output.show(draw.Text("\nNo changes: the account has everything."))
