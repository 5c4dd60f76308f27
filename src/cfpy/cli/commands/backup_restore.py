"""``cfpy backup restore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.again import words_again
from cfpy.cli.console import Output
from cfpy.cli.options import (
    ConfigFile,
    Confirm,
    DryRun,
    Json,
    Only,
    ProjectDirectory,
    Skip,
    Yes,
    context_of,
    project_at,
)
from cfpy.cli.plan_view import typed_name

if TYPE_CHECKING:
    from cfpy.account.backups.kept_bookmarks import Undo
    from cfpy.account.backups.restore import Restored
    from cfpy.account.backups.restore_plan import RestorePlan, RestoreStep

app = typer.Typer(rich_markup_mode=None)


@app.command("restore")
def backup_restore(
    ctx: typer.Context,
    backup: Annotated[
        str, typer.Argument(metavar="BACKUP", help="Its folder, or its name below backups/.")
    ],
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="ENV",
            help='Another environment; "" is the top level.',
            show_default="its own environment",
        ),
    ] = None,
    only: Only = None,
    skip: Skip = None,
    from_files: Annotated[
        bool,
        typer.Option(
            "--from-files", help="Import databases, even if Time Travel goes back that far."
        ),
    ] = False,
    from_another: Annotated[
        bool,
        typer.Option(
            "--from-another", help="Allow a backup of another Worker, account or resource."
        ),
    ] = False,
    shared: Annotated[
        bool,
        typer.Option("--shared", help="Allow a resource that others use, too."),
    ] = False,
    yes: Yes = False,
    confirm: Confirm = "",
    dry_run: DryRun = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Write a backup into its environment, or into another one.

    First verifies the backup, shows whose it is and what would be overwritten, and asks for the
    Worker's name. In a script, pass --yes and --confirm NAME. A backup of another Worker or account
    is refused, and so is a resource that others use. A database goes back by Time Travel if that
    reaches, and is replaced by the backup's tables otherwise. The command that undoes this is shown
    before anything changes. Keys, objects and vectors are written over those that are there.

    Example: cfpy backup restore production/20261126T030000Z --to staging
    """
    from cfpy.account.backups.restore import RestoreRequest, restore

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    view = RestoreView(output, words_again(ctx), yes=yes, confirm=confirm)
    chosen = tuple(only or ()), tuple(skip or ())
    request = RestoreRequest(
        root, backup, to, dry_run, *chosen, from_files, from_another, shared, file
    )
    view.show(restore(context_of(output), request, view.confirm, view.undo, view.done))


class RestoreView:
    """Asks and reports for ``cfpy backup restore``; ``again`` is its command without --dry-run."""

    def __init__(self, output: Output, again: tuple[str, ...], *, yes: bool, confirm: str) -> None:
        self._again = again
        self._output = output
        self._yes = yes
        self._name = confirm
        self._environment = ""

    def confirm(self, plan: RestorePlan) -> bool:
        """Show what would be overwritten, and ask for the Worker's name.

        Raises:
            UsageError: There is no terminal to ask on, or another name was given.
        """
        self._environment = plan.environment
        if not self._output.json:
            self._draw(plan)
        number = len(plan.steps)
        resources = f"{number} resource{'' if number == 1 else 's'}"
        what = f"restore {resources} into {plan.worker} from the backup of {plan.backup.source}"
        return typed_name(self._output, plan.worker, what, self._name, yes=self._yes)

    def undo(self, undo: Undo) -> None:
        """Report the way back."""
        which = ", before a run that did not finish" if undo.earlier else ""
        state = f"its state of {undo.time}{which}"
        self._output.note(f"To take {undo.database} back to {state}: {self._back(undo)}", "cyan")

    def done(self, step: RestoreStep) -> None:
        """Report a completed step."""
        self._output.note(f"restored: {step.target.key} {step.target.name}", "green")

    def show(self, restored: Restored | None) -> None:
        """Report the result."""
        if restored is None:
            self._output.note("Nothing was changed.")
            return
        self._environment = restored.plan.environment
        if self._output.json:
            undo = [
                {
                    "database": i.database,
                    "bookmark": i.bookmark,
                    "time": i.time,
                    "earlier": i.earlier,
                    "command": self._back(i),
                }
                for i in restored.undo
            ]
            data = restored.plan.as_dict() | {"undo": undo, "dry_run": not restored.done}
            self._output.data("backup restore", data)
            return
        if not restored.done:
            self._draw(restored.plan)
            again = self._output.invocation.command(*self._again)
            self._output.show(draw.Text(f"\nNext\n  {again}"))
            return
        self._output.show(draw.Text(f"Restored the backup of {restored.plan.backup.source}."))

    def _draw(self, plan: RestorePlan) -> None:
        where = f"{plan.worker} in the account {plan.account_id}"
        table = draw.table("", "how", "what", "name", "effect")
        for step in plan.steps:
            row = ("~", step.how, step.target.key, step.target.name, step.effect)
            table.add_row(*(draw.Text(text, style="yellow") for text in row))
        self._output.show(draw.Text(where, style="bold"))
        self._output.show(draw.Text(f"From the backup of {plan.backup.source}"), table)
        for notice in plan.notices:
            self._output.note(f"note: {notice}", "yellow")

    def _back(self, undo: Undo) -> str:
        """The command, for the environment that is restored."""
        from dataclasses import replace

        there = replace(self._output.invocation, environment=self._environment)
        return there.resolve(undo.back)
