"""``cfpy update``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.answers import asks_for_trust, merge_answers, tells
from cfpy.cli.console import Output, has_terminal
from cfpy.cli.diffs import show_change
from cfpy.cli.options import (
    Answer,
    AnswersFile,
    ConfigFile,
    Defaults,
    DryRun,
    Json,
    ProjectDirectory,
    context_of,
    directory_at,
)
from cfpy.patterns.merge import Outcome

if TYPE_CHECKING:
    from cfpy.patterns.update import UpdateResult

app = typer.Typer(rich_markup_mode=None)


@app.command()
def update(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Option(
            "--from", metavar="PATTERN", help="The new place of the pattern, if it moved."
        ),
    ] = "",
    ref: Annotated[
        str,
        typer.Option(
            "--to", metavar="REF", help="A tag, branch or commit of the pattern's repository."
        ),
    ] = "",
    answer: Answer = None,
    answers_file: AnswersFile = None,
    defaults: Defaults = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 if there is an update; change nothing.")
    ] = False,
    dry_run: DryRun = False,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Let this version run the pattern's Jinja extensions."),
    ] = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Update a project to the newest version of its pattern.

    Merges what changed in the pattern into your project. Files that you deleted stay deleted. Where
    both changed the same lines, the file shows both versions with git's conflict markers, and the
    command exits with 1. Commit your work first. Does not run the pattern's tasks. Secret answers
    are read from your files.

    Example: cfpy update --dry-run
    """
    from cfpy.patterns.update import UpdateRequest
    from cfpy.patterns.update import update as run_update

    output = ctx.ensure_object(Output)
    only_look = check or dry_run
    request = UpdateRequest(
        root=directory_at(cwd, config),
        source=source,
        ref=ref,
        answers=merge_answers(answers_file, answer or []),
        interactive=not (defaults or json_output or only_look) and has_terminal(),
        trust=trust,
        only_look=only_look,
    )
    ask = asks_for_trust(output) if request.interactive else (lambda _: False)
    result = run_update(context_of(output), request, ask, tells(output))
    show_update(output, result, only_look=only_look)
    if not only_look:
        tells(output)(result.closing)
    if (check and not result.up_to_date) or (result.conflicts and not only_look):
        raise typer.Exit(1)


def show_update(output: Output, result: UpdateResult, *, only_look: bool) -> None:
    """Report ``cfpy update``."""
    old, new = result.old, result.new
    if output.json:
        output.data(
            "update",
            {
                "pattern": new.name,
                "from": old.version,
                "to": new.version,
                "up_to_date": result.up_to_date,
                "files": [
                    {"name": step.name, "outcome": str(step.outcome), "note": step.note}
                    for step in result.steps
                ],
                "conflicts": [step.name for step in result.conflicts],
                "dry_run": only_look,
            },
        )
        return
    if result.up_to_date:
        output.show(draw.Text(f"{new.name} {new.version}: nothing to update"))
        return
    if only_look:
        for name, before in result.before.items():
            show_change(output, name, before, result.after[name])
    verb = "Would update" if only_look else "Updated"
    versions = f"from {old.version} to {new.version}"
    if old.version == new.version:
        versions = (
            f"{new.version} with other answers" if old.answers != new.answers else old.version
        )
    output.show(draw.Text(f"{verb} {new.name} {versions}", style="bold"))
    for step in result.steps:
        style = "red" if step.outcome is Outcome.CONFLICT else ""
        note = f" ({step.note})" if step.note else ""
        text = f"  {step.outcome.replace('_', ' '):14}{step.name}{note}"
        output.show(draw.Text(text, style=style))
    if not only_look:
        run = output.invocation
        steps = [*run.review(), run.command("test"), run.git("commit")]
        if result.conflicts:
            steps.insert(0, f"fix the conflicts: {run.git('diff', '--check')} lists their markers")
        output.show(
            draw.Text("\nNext", style="bold"), *(draw.Text(f"  {s}", style="cyan") for s in steps)
        )
