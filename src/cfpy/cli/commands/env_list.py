"""``cfpy env list``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.options import ConfigFile, Json, ProjectDirectory, project_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cfpy.account.desired import DesiredState

app = typer.Typer(rich_markup_mode=None)


@app.command("list")
def env_list(
    ctx: typer.Context,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """List the environments, and the resources of each.

    Example: cfpy env list
    """
    from cfpy.account.env import list_environments, list_removed

    output = ctx.ensure_object(Output)
    place = project_at(output, cwd, config)
    show_environments(output, list_environments(*place), list_removed(*place))


def show_environments(
    output: Output, environments: Sequence[DesiredState], removed: Mapping[str, Sequence[str]]
) -> None:
    """Each environment, with its Worker and its resources. ``removed`` are those of which only the
    record has something."""
    from cfpy.account.owned.registry import LISTED, RESOURCES
    from cfpy.account.removed import removal_notices

    rows = [
        {
            "name": item.environment,
            "worker": item.worker,
            **{kind.listed: list(kind.names(item)) for kind in LISTED},
        }
        for item in environments
    ]
    if output.json:
        gone = [{"name": name, "created": list(keys)} for name, keys in removed.items()]
        output.data("env list", {"environments": rows, "removed": gone})
        return
    table = draw.table("environment", "Worker", "resources")
    for row in rows:
        named = [name for kind in LISTED if kind.name in RESOURCES for name in row[kind.listed]]
        table.add_row(str(row["name"]) or "(top level)", str(row["worker"]), ", ".join(named))
    output.show(table)
    for notice in removal_notices(removed):
        output.note(f"note: {output.invocation.resolve(notice)}", "yellow")
