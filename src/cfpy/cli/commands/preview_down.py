"""``cfpy preview down`` and ``cfpy preview prune``."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.commands.preview_up import Name
from cfpy.cli.console import Output
from cfpy.cli.options import (
    ConfigFile,
    DryRun,
    Json,
    ProjectDirectory,
    Yes,
    context_of,
    project_at,
)
from cfpy.cli.plan_view import confirmed, draw_plan
from cfpy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfpy.account.plan import Action
    from cfpy.account.preview_down import Leaving, Which

app = typer.Typer(rich_markup_mode=None)


@app.command("down")
def preview_down(
    ctx: typer.Context,
    name: Name = "",
    merged: Annotated[
        bool,
        typer.Option(
            "--merged", help="Delete all whose branch is merged into the default branch or deleted."
        ),
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Delete a preview with its data, and nothing else.

    Deletes what cfpy preview up created for it, from any machine: the preview's Worker has a note
    of that in the account. Keeps what another Worker is bound to. If one of several can't be
    deleted, deletes the others, then fails.

    Example: cfpy preview down --merged --yes
    """
    from cfpy.account.preview_down import Which

    if name and merged:
        raise UsageError("--merged and a name exclude each other", hint="Use one of them.")
    which = Which.MERGED if merged else Which.NAMED
    _delete(ctx, which, name, "preview down", yes=yes, dry_run=dry_run, cwd=cwd, config=config)


@app.command("prune")
def preview_prune(
    ctx: typer.Context,
    yes: Yes = False,
    dry_run: DryRun = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Delete the previews whose time is over, with their data.

    Each run of cfpy preview up starts the time of its preview again. If one can't be deleted,
    deletes the others, then fails.

    Example: cfpy preview prune --yes
    """
    from cfpy.account.preview_down import Which

    _delete(
        ctx, Which.EXPIRED, "", "preview prune", yes=yes, dry_run=dry_run, cwd=cwd, config=config
    )


def _delete(
    ctx: typer.Context,
    which: Which,
    name: str,
    command: str,
    *,
    yes: bool,
    dry_run: bool,
    cwd: Path,
    config: Path | None,
) -> None:
    from cfpy.account.preview_down import DownRequest, run

    output = ctx.ensure_object(Output)
    view = DownView(output, command, yes=yes, dry_run=dry_run)
    root, file = project_at(output, cwd, config)
    request = DownRequest(root, which, name, dry_run, file)
    done = run(
        context_of(output), request, view.confirm, view.done, on_unknown=partial(view.unknown, name)
    )
    view.show(done)


class DownView:
    """Asks and reports for both commands."""

    def __init__(self, output: Output, command: str, *, yes: bool, dry_run: bool) -> None:
        self._output = output
        self._command = command
        self._yes = yes
        self._dry_run = dry_run
        self._done: list[str] = []

    def confirm(self, leaving: Sequence[Leaving]) -> bool:
        """Show what would be deleted, and ask whether to continue.

        Raises:
            UsageError: There is no terminal to ask on.
        """
        if not self._output.json:
            self._draw(leaving)
        names = ", ".join(item.note.name for item in leaving if not item.problem)
        return confirmed(
            self._output,
            f"Delete {names} with all data?",
            "Pass --yes to delete without a prompt; --dry-run shows what is deleted.",
            yes=self._yes,
        )

    def done(self, action: Action) -> None:
        """Report a completed step."""
        self._done.append(action.key)
        self._output.note(f"deleted: {action.kind} {action.name}", "green")

    def unknown(self, name: str, names: Sequence[str]) -> None:
        """Report that there is no such preview, and which there are."""
        wanted = f"named {name}" if name else "of this branch"
        there = f"There are {', '.join(names)}." if names else "There are none."
        self._output.note(f"There is no preview {wanted}. {there}", "yellow")

    def show(self, leaving: Sequence[Leaving] | None) -> None:
        """Report the result."""
        if leaving is None:
            self._output.note("Nothing was deleted.")
        elif self._output.json:
            rows = [
                asdict(item.note)
                | {"owned": list(item.note.owned), "why": item.why, "problem": item.problem}
                | {"plan": item.plan.as_dict()}
                for item in leaving
            ]
            data = {"previews": rows, "dry_run": self._dry_run, "done": self._done}
            self._output.data(self._command, data)
        elif not leaving:
            self._output.show(draw.Text("Nothing to delete."))
        elif self._dry_run:
            self._draw(leaving)
        else:
            for item in leaving:
                self._output.show(draw.Text(f"Deleted the preview {item.note.name}", style="bold"))

    def _draw(self, leaving: Sequence[Leaving]) -> None:
        for item in leaving:
            why = f": {item.why}" if item.why else ""
            self._output.show(draw.Text(f"\n{item.note.name}{why}", style="bold"))
            if item.problem:
                self._output.show(draw.Text(f"can't be deleted: {item.problem}", style="bold red"))
            else:
                draw_plan(self._output, item.plan)
