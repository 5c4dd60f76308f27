"""``cfpy destroy``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.account.plan import Do
from cfpy.cli import draw
from cfpy.cli.console import Output, answering, has_terminal
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
from cfpy.cli.plan_view import draw_plan
from cfpy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfpy.account.plan import Action, Plan

app = typer.Typer(rich_markup_mode=None)


@app.command()
def destroy(
    ctx: typer.Context,
    env: Environment = "",
    delete_data: Annotated[
        bool,
        typer.Option(
            "--delete-data", help="Also delete resources with data: D1, KV, R2, queues ..."
        ),
    ] = False,
    include: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND:NAME",
            help="Also delete this resource, which cfpy did not create; repeatable.",
        ),
    ] = None,
    yes: Yes = False,
    confirm: Annotated[
        str, typer.Option(metavar="NAME", help="The Worker's name, instead of typing it.")
    ] = "",
    dry_run: DryRun = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Delete the project's resources in its account.

    First shows what would be deleted, and asks for the Worker's name. In a script, pass --yes and
    --confirm NAME. Keeps resources with data unless --delete-data is given, and resources that cfpy
    did not create unless --include names them. Never empties a bucket.

    Example: cfpy destroy --env staging --delete-data
    """
    from cfpy.account.destroy import DestroyRequest, run
    from cfpy.account.env import list_removed

    output = ctx.ensure_object(Output)
    options = ["--delete-data"] if delete_data else []
    options += [part for key in include or () for part in ("--include", key)]
    root, file = project_at(output, cwd, config)
    after = ("env", "list") if env in list_removed(root, file) else ("status",)
    view = DestroyView(
        output, yes=yes, confirm=confirm, dry_run=dry_run, options=options, after=after
    )
    request = DestroyRequest(root, env, delete_data, frozenset(include or ()), dry_run, file)
    view.show(run(context_of(output), request, view.confirm, view.done))


class DestroyView:
    """Asks and reports for ``cfpy destroy``."""

    def __init__(
        self,
        output: Output,
        *,
        yes: bool,
        confirm: str,
        dry_run: bool,
        options: Sequence[str],
        after: Sequence[str] = ("status",),
    ) -> None:
        """``options`` select what is deleted; they are repeated in the next command, without
        ``--dry-run``. ``after`` is the command that shows what is left."""
        self._after = after
        self._output = output
        self._again = ("destroy", *options)
        self._yes = yes
        self._name = confirm
        self._dry_run = dry_run
        self._done: list[str] = []

    def confirm(self, plan: Plan) -> bool:
        """Show what would be deleted, and ask for the Worker's name.

        Raises:
            UsageError: There is no terminal to ask on, or another name was given.
        """
        if not self._output.json:
            draw_plan(self._output, plan)
        if self._name and self._name != plan.worker:
            raise UsageError(
                f"--confirm {self._name} is not the Worker's name, {plan.worker}",
                hint="Nothing was deleted.",
            )
        if self._yes and self._name:
            return True
        if self._yes or self._output.json or not has_terminal():
            raise UsageError(
                f"to delete {plan.worker}, confirm its name",
                hint=f"Pass --yes --confirm {plan.worker} to delete {len(plan.changes)} without a "
                "prompt; --dry-run shows them. Nothing was deleted.",
            )
        self._output.end_progress()
        with answering(self._output, "Nothing was deleted."):
            typed = input(f"\nType {plan.worker} to delete {len(plan.changes)}: ")
        return typed.strip() == plan.worker

    def done(self, action: Action) -> None:
        """Report a completed step."""
        self._done.append(action.key)
        what = "removed from the configuration: the id of" if action.forgets else "deleted:"
        self._output.note(f"{what} {action.kind} {action.name}", "green")

    def show(self, plan: Plan | None) -> None:
        """Report the result."""
        if plan is None:
            self._output.note("Nothing was deleted.")
            return
        if self._output.json:
            data = plan.as_dict() | {"dry_run": self._dry_run, "done": self._done}
            self._output.data("destroy", data)
            return
        kept = [item for item in plan.actions if item.do is Do.KEEP]
        if self._dry_run or not plan.changes:
            draw_plan(self._output, plan)
            again = self._output.invocation.command(*self._again)
            note = f"Next\n  {again}" if plan.changes else "Nothing to delete."
            self._output.show(draw.Text(f"\n{note}"))
            return
        for action in kept:
            self._output.note(f"kept: {action.kind} {action.name} ({action.reason})", "dim")
        self._output.show(draw.Text(f"\nNext\n  {self._output.invocation.command(*self._after)}"))
