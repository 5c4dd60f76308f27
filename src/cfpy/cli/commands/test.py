"""``cfpy test``."""

from __future__ import annotations

from pathlib import Path

import typer

from cfpy.cli.console import Output
from cfpy.cli.options import PASS_ON, ProjectDirectory, TestConfigFile, context_of, project_at

app = typer.Typer(rich_markup_mode=None)


@app.command("test", options_metavar="[OPTIONS] [PYTEST ARGUMENTS]...", context_settings=PASS_ON)
def run_tests(
    ctx: typer.Context, cwd: ProjectDirectory = Path(), config: TestConfigFile = None
) -> None:
    """Run the project's tests in the local runtime.

    Needs no Cloudflare account. Further arguments go to pytest,
    including -c.

    Example: cfpy test -k search
    """
    from cfpy.local.project_tests import run

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    named = file if config else None

    def say(text: str) -> None:
        output.note(output.invocation.resolve(text))

    raise typer.Exit(run(context_of(output), root, tuple(ctx.args), say, named))
