"""``cfpy env``, the group of its commands; alone, it lists the environments."""

from __future__ import annotations

from pathlib import Path

import typer

from cfpy.cli.commands import env_add, env_list, env_remove
from cfpy.cli.options import ConfigFile, Json, ProjectDirectory

app = typer.Typer(
    help="List, add or remove environments of a project.\n\nExample: cfpy env add staging",
    rich_markup_mode=None,
    invoke_without_command=True,
)


@app.callback()
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
        env_list.env_list(ctx, cwd, config, json_output)
    elif cwd != Path() or _is_typed(ctx, "config"):
        raise typer.BadParameter(
            f"write it after {ctx.invoked_subcommand}", param_hint="--cwd or --config"
        )


def _is_typed(ctx: typer.Context, name: str) -> bool:
    return getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"


for part in (env_list, env_add, env_remove):
    app.add_typer(part.app)
