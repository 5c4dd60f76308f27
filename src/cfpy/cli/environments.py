"""``cfpy env``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cfpy.cli.console import Output
from cfpy.cli.options import (
    ConfigFile,
    DryRun,
    Json,
    ProjectDirectory,
    Yes,
    complete_environments,
    project_at,
)

env_app = typer.Typer(
    help="List, add or remove environments of a project.\n\nExample: cfpy env add staging",
    rich_markup_mode=None,
    invoke_without_command=True,
)


@env_app.callback()
def env(
    ctx: typer.Context,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """List, add or remove environments of a project.

    Without a command it lists them.

    Example: cfpy env add staging
    """
    if ctx.invoked_subcommand is None:
        env_list(ctx, cwd, config, json_output)
    elif cwd != Path() or _is_typed(ctx, "config"):
        raise typer.BadParameter(
            f"write it after {ctx.invoked_subcommand}", param_hint="--cwd or --config"
        )


def _is_typed(ctx: typer.Context, name: str) -> bool:
    return getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"


@env_app.command("list")
def env_list(
    ctx: typer.Context,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """List the environments, and the resources of each.

    Example: cfpy env list
    """
    from cfpy.account.env import list_environments
    from cfpy.cli.environments_view import show_environments

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
    """Add an environment with its own resources to the configuration.

    wrangler does not inherit bindings into an environment, so each is repeated with a new name:
    shop-db becomes shop-staging-db. The rest of the file does not change.

    Example: cfpy env add staging
    """
    from cfpy.account.env import add
    from cfpy.cli.environments_view import show_added

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    show_added(output, add(root, name, dry_run=dry_run, config=file), dry_run=dry_run)


@env_app.command("remove")
def env_remove(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="An environment of the configuration.", autocompletion=complete_environments
        ),
    ],
    keep_resources: Annotated[
        bool,
        typer.Option(
            "--keep-resources", help="Remove it although its resources stay in the account."
        ),
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Remove an environment from the configuration.

    The opposite of cfpy env add. Deletes nothing in the account: cfpy destroy does that. While the
    account still has resources that this project created for it, the command changes nothing and
    exits with 7. Local files of the environment, such as .dev.vars.staging, stay.

    Example: cfpy env remove staging
    """
    from cfpy.account.env import remove
    from cfpy.cli.environments_view import RemovalView

    output = ctx.ensure_object(Output)
    view = RemovalView(output, yes=yes, dry_run=dry_run)
    root, file = project_at(output, cwd, config)
    found = remove(
        root, name, view.confirm, keep_resources=keep_resources, dry_run=dry_run, config=file
    )
    view.show(found)
