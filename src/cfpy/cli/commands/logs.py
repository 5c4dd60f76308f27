"""``cfpy logs``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cfpy.cli.console import Output
from cfpy.cli.options import (
    ConfigFile,
    Environment,
    ProjectDirectory,
    context_of,
    project_at,
    set_json,
)

app = typer.Typer(rich_markup_mode=None)


@app.command()
def logs(
    ctx: typer.Context,
    env: Environment = "",
    status: Annotated[
        str, typer.Option(metavar="ok|error|canceled", help="Only requests that ended this way.")
    ] = "",
    search: Annotated[
        str, typer.Option(metavar="TEXT", help="Only requests that logged this.")
    ] = "",
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Annotated[
        bool,
        typer.Option(
            "--json", callback=set_json, help="Print JSON documents, as wrangler tail does."
        ),
    ] = False,
) -> None:
    """Show the live Worker's requests and logs as they arrive.

    Ctrl-C stops it.

    Example: cfpy logs --status error
    """
    from cfpy.account.logs import LogsRequest, run

    output = ctx.ensure_object(Output)
    output.lasts = True
    root, file = project_at(output, cwd, config)
    request = LogsRequest(root, env, json_output, status, search, file)
    raise typer.Exit(run(context_of(output), request))
