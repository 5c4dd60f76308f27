"""``cfpy permissions``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.options import ConfigFile, Environment, Json, ProjectDirectory, project_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfpy.account.token_permissions import Needed

app = typer.Typer(rich_markup_mode=None)

_PAGE = "https://dash.cloudflare.com/profile/api-tokens"


@app.command()
def permissions(
    ctx: typer.Context,
    env: Environment = "",
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """List the permissions that a token needs.

    They are the least that each command needs for this project. It reads the project's files only,
    and needs no login.

    Example: cfpy permissions --env staging
    """
    from cfpy.account.resources import desired_state
    from cfpy.account.token_permissions import needed_permissions
    from cfpy.bindings.wrangler_config import load_project

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    project = load_project(root, file)
    show_permissions(output, needed_permissions(project, desired_state(project, env)))


def show_permissions(output: Output, needed: Sequence[Needed]) -> None:
    """Report ``cfpy permissions``."""
    from cfpy.account.token_permissions import COMMANDS

    if output.json:
        found = [
            {
                "name": item.name,
                "scope": item.scope.lower(),
                "because": item.because,
                "commands": [
                    {"command": command, "level": level.lower()}
                    for command, level in item.levels.items()
                ],
            }
            for item in needed
        ]
        output.data("permissions", {"permissions": found})
        return
    groups = _alike(needed, COMMANDS)
    table = draw.table("permission", *(", ".join(commands) for commands in groups), "because of")
    for item in needed:
        levels = (item.levels.get(commands[0], "") for commands in groups)
        name = item.name if item.scope == "Account" else f"{item.name}, of the zone"
        cells = (name, *levels, item.because)
        table.add_row(*(draw.Text(cell) for cell in cells))
    output.show(table)
    output.show("")
    output.prose(
        "status needs what plan does, promote and rollback what deploy does, up what provision and "
        "deploy do, and data pull what backup does."
    )
    output.show(draw.Text(f"\nNext\n  Create a token: {_PAGE}"))


def _alike(needed: Sequence[Needed], commands: Sequence[str]) -> list[list[str]]:
    """The commands in groups that need the same: one column for each fits on a terminal."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for command in commands:
        column = tuple(item.levels.get(command, "") for item in needed)
        groups.setdefault(column, []).append(command)
    return list(groups.values())
