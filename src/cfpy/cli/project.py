"""The commands that change a project's files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cfpy.cli.console import Output
from cfpy.cli.options import Environment, Json, ProjectDirectory

project_app = typer.Typer(rich_markup_mode=None)

_KINDS = "kv|d1|r2|queue|vectorize|ai|analytics|cron|assets|durable-object|workflow|hyperdrive"
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change; change nothing.")]


@project_app.command()
def add(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(metavar=_KINDS, help="What to add.", show_default=False)],
    name: Annotated[
        str,
        typer.Argument(
            help="What to call it: sessions is bound as SESSIONS. For cron the schedule, in UTC: "
            "five fields, or hourly, daily, weekly, monthly."
        ),
    ],
    env: Environment = "",
    hyperdrive_id: Annotated[
        str, typer.Option("--id", metavar="ID", help="hyperdrive: the configuration to bind.")
    ] = "",
    consumer: Annotated[
        bool,
        typer.Option("--consumer", help="queue: this Worker reads it too, with dead letters."),
    ] = False,
    dimensions: Annotated[
        int, typer.Option(metavar="N", help="vectorize: numbers in a vector.")
    ] = 768,
    metric: Annotated[
        str, typer.Option(metavar="M", help="vectorize: cosine, euclidean or dot-product.")
    ] = "cosine",
    directory: Annotated[
        str, typer.Option(metavar="DIR", help="assets: where the files are.")
    ] = "public",
    dry_run: DryRun = False,
    cwd: ProjectDirectory = Path(),
    json_output: Json = False,
) -> None:
    """Add a binding to a project: any Worker with a wrangler.toml.

    Writes its table into wrangler.toml and leaves every other byte; adds the first migration or
    class, cfpy.toml's settings and the type where they are needed; shows how to use it.

    Example: cfpy add kv sessions
    """
    from cfpy.cli.project_view import show_addition
    from cfpy.commands.add import AddRequest, run
    from cfpy.domain.additions import Options

    options = Options(hyperdrive_id, consumer, dimensions, metric, directory)
    request = AddRequest(cwd, kind, name, env, options, dry_run)
    show_addition(ctx.ensure_object(Output), run(request), dry_run=dry_run)
