"""``cfpy wrangler``."""

from __future__ import annotations

from pathlib import Path

import typer

from cfpy.cli.console import Output
from cfpy.cli.options import PASS_ON, ProjectDirectory, context_of

app = typer.Typer(rich_markup_mode=None)


@app.command(
    "wrangler",
    options_metavar="[OPTIONS] [WRANGLER ARGUMENTS]...",
    context_settings=PASS_ON | {"allow_interspersed_args": False},
)
def run_wrangler(ctx: typer.Context, cwd: ProjectDirectory = Path()) -> None:
    """Run the real wrangler, with the Node that cfpy includes.

    Runs the project's own wrangler if it is installed, otherwise cfpy's. You do not need to install
    Node. All further arguments go to wrangler, including --config.

    Example: cfpy wrangler login
    """
    from cfpy.account.passthrough import run

    output = ctx.ensure_object(Output)
    raise typer.Exit(run(context_of(output), cwd, tuple(ctx.args), output.note))
