"""``cfpy patterns init``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.options import Json, complete_patterns, context_of

if TYPE_CHECKING:
    from cfpy.patterns.init import InitResult

app = typer.Typer(rich_markup_mode=None)


@app.command("init")
def init(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name, such as rag-multitenant.")],
    extends: Annotated[
        str,
        typer.Option(
            "--extends",
            metavar="PATTERN",
            help="The pattern to extend.",
            autocompletion=complete_patterns,
        ),
    ] = "base",
    into: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to create it.", show_default="this directory")
    ] = Path(),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
    no_git: Annotated[
        bool, typer.Option("--no-git", help="Do not create a git repository.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Start your own pattern: a directory that is a package with tests.

    Example: cfpy patterns init rag-multitenant --extends rag
    """
    from cfpy.patterns.init import InitRequest, run

    output = ctx.ensure_object(Output)
    request = InitRequest(name, into, extends, git=not no_git, dry_run=dry_run)
    show_init(output, run(context_of(output), request))


def show_init(output: Output, result: InitResult) -> None:
    """Report ``cfpy patterns init``."""
    steps = [
        shlex.join(["cd", str(result.path)]),
        "cfpy patterns test --update",
        "cfpy patterns check",
        "cfpy new . myapp --into ..",
    ]
    if output.json:
        output.data(
            "patterns init",
            {
                "path": str(result.path.resolve()),
                "extends": result.extends,
                "files": list(result.files),
                "git": str(result.git),
                "dry_run": result.dry_run,
                "next_steps": steps,
            },
        )
        return
    verb = "Would create" if result.dry_run else "Created"
    output.show(
        draw.Text(f"{verb} the pattern {result.path}, on top of {result.extends}", style="bold")
    )
    for name in result.files:
        output.show(draw.Text(f"  {name}"))
    if not result.dry_run:
        output.show(
            draw.Text("\nNext", style="bold"), *(draw.Text(f"  {s}", style="cyan") for s in steps)
        )
