"""``cfpy patterns check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cfpy.cli import draw
from cfpy.cli.author_options import PatternDirectory, Trust, count, test_command
from cfpy.cli.console import Output
from cfpy.cli.options import Json, context_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfpy.patterns.findings import Problem

app = typer.Typer(rich_markup_mode=None)


@app.command("check")
def check(
    ctx: typer.Context,
    directory: PatternDirectory = Path(),
    trust: Trust = False,
    json_output: Json = False,
) -> None:
    """Find faults that rendering does not show. Exits with 1 if one would affect users.

    Finds variables that no question sets, questions without use or help, errors of wrangler's
    schema, ruff and mypy in the rendered projects, retired models, old dates, secrets, and tasks.
    Needs cfpy's extra "authors"; without it, the command prints how to install that.

    Example: cfpy patterns check ./rag-multitenant
    """
    from cfpy.patterns.check import run

    output = ctx.ensure_object(Output)
    found = run(context_of(output), directory, trust=trust)
    show_problems(output, found, directory)
    if any(problem.broken for problem in found):
        raise typer.Exit(1)


def show_problems(output: Output, found: Sequence[Problem], directory: Path) -> None:
    """Report ``cfpy patterns check DIRECTORY``."""
    broken = sum(problem.broken for problem in found)
    if output.json:
        resolve = output.invocation.resolve
        problems = [vars(problem) | {"fix": resolve(problem.fix)} for problem in found]
        output.data("patterns check", {"passed": not broken, "problems": problems})
        return
    for problem in found:
        word, style = ("error", "bold red") if problem.broken else ("warning", "yellow")
        output.show(draw.Text.assemble((f"{word}: ", style), f"{problem.where}: {problem.message}"))
        if problem.fix:
            output.show(draw.Text(f"  {output.invocation.resolve(problem.fix)}", style="dim"))
    if found:
        warnings = len(found) - broken
        output.show(
            draw.Text(f"{count(broken, 'error')}, {count(warnings, 'warning')}", style="bold")
        )
    else:
        output.show(draw.Text("no problems found", style="green"))
        output.show(draw.Text(f"\nNext: {test_command(directory)}", style="dim"))
