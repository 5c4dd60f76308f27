"""``cfpy env``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cfpy.cli.console import Output
from cfpy.cli.options import ConfigFile, DryRun, Json, ProjectDirectory, project_at

env_app = typer.Typer(
    help="List the environments of a project, or add one.\n\nExample: cfpy env add staging",
    rich_markup_mode=None,
    no_args_is_help=True,
)


@env_app.command("list")
def env_list(
    ctx: typer.Context,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """List the environments of wrangler.toml, and the resources of each.

    Example: cfpy env list
    """
    from cfpy.cli.account_view import show_environments
    from cfpy.commands.env import list_environments

    output = ctx.ensure_object(Output)
    show_environments(output, list_environments(*project_at(output, cwd, config)))


@env_app.command("add")
def env_add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name, such as staging.")],
    dry_run: DryRun = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Add an environment to wrangler.toml, with its own resources.

    wrangler does not inherit bindings into an environment, so each is repeated with a new name:
    shop-db becomes shop-staging-db. The rest of the file does not change.

    Example: cfpy env add staging
    """
    from cfpy.cli.account_view import show_added
    from cfpy.commands.env import add

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    show_added(output, add(root, name, dry_run=dry_run, config=file), dry_run=dry_run)
