"""``cfpy rollback``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.again import words_again
from cfpy.cli.console import Output
from cfpy.cli.options import (
    ConfigFile,
    DryRun,
    Environment,
    Json,
    ProjectDirectory,
    Yes,
    context_of,
    project_at,
)
from cfpy.cli.plan_view import confirmed, next_step

if TYPE_CHECKING:
    from cfpy.account.rollback import RollbackPlan

app = typer.Typer(rich_markup_mode=None)


@app.command()
def rollback(
    ctx: typer.Context,
    version: Annotated[
        str,
        typer.Argument(
            help="The id of a version, or the start of one.",
            show_default="the one that was live before",
        ),
    ] = "",
    env: Environment = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Give an earlier version all traffic again.

    In a gradual rollout, that is the version from before. It lists what going back does not undo,
    such as migrations, with the command that takes the data back. Run it twice, and it goes back
    once: to go further back, name a version.

    Example: cfpy rollback --dry-run
    """
    from cfpy.account.rollback import RollbackRequest, run

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    request = RollbackRequest(root, env, version, dry_run, file)

    def confirm(plan: RollbackPlan) -> bool:
        if not output.json:
            draw_rollback(output, plan)
        question = f"Give version {plan.to.id} of {plan.worker} all traffic?"
        hint = "Pass --yes to go back without a prompt; --dry-run shows what stays."
        return confirmed(output, question, hint, yes=yes)

    result = run(context_of(output), request, confirm)
    if result is None:
        output.note("Nothing was changed.")
        return
    plan, done = result
    if output.json:
        output.data("rollback", rollback_data(output, plan) | {"done": done, "dry_run": dry_run})
    elif plan.is_done:
        output.show(draw.Text(f"Version {plan.to.id} has all traffic already."))
    elif dry_run:
        draw_rollback(output, plan)
        output.show(next_step(output, *words_again(ctx)))
    else:
        output.show(draw.Text(f"Version {plan.to.id} has all traffic again."))
        output.show(next_step(output, "logs"))


def rollback_data(output: Output, plan: RollbackPlan) -> dict[str, object]:
    """The plan as a JSON object."""
    return {
        "worker": plan.worker,
        "account_id": plan.account_id,
        "version_id": plan.to.id,
        "created": plan.to.created,
        "message": plan.to.message,
        "live": [{"version_id": id_, "percent": part} for id_, part in plan.live.items()],
        "kept": [output.invocation.resolve(item) for item in plan.kept],
    }


def draw_rollback(output: Output, plan: RollbackPlan) -> None:
    """Draw where it goes back to, and what stays."""
    table = draw.table("", "", header=False)
    for id_, part in plan.live.items():
        table.add_row("Live", f"{id_}, with {part:g} % of the traffic")
    more = f", {plan.to.message}" if plan.to.message else ""
    table.add_row("Goes back to", f"{plan.to.id}, of {plan.to.created}{more}")
    where = f"{plan.worker} in the account {plan.account_id}"
    output.show(draw.Text(where, style="bold"), table)
    output.show(draw.Text("\nIt does not undo:", style="yellow"))
    for item in plan.kept:
        output.show(draw.Text(f"  {output.invocation.resolve(item)}", style="yellow"))
