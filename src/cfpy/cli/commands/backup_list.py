"""``cfpy backup list``."""

from __future__ import annotations

from pathlib import Path

import typer

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.options import (
    ConfigFile,
    Environment,
    Json,
    ProjectDirectory,
    context_of,
    project_at,
)

app = typer.Typer(rich_markup_mode=None)


@app.command("list")
def backup_list(
    ctx: typer.Context,
    env: Environment = "",
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """List the backups of the project, and how far D1's Time Travel goes back.

    The backups are those in backups/, of all environments; the databases are those of one.

    Example: cfpy backup list --env production
    """
    from cfpy.account.backups.listing import list_backups

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    found = list_backups(context_of(output), root, env, file)
    if output.json:
        output.data("backup list", found.as_dict(output.invocation.resolve))
        return
    if found.backups:
        table = draw.table("backup", "environment", "created", "has")
        for folder, manifest in found.backups:
            has = ", ".join(f"{item.key} ({item.count})" for item in manifest.items)
            if without := ", ".join((*manifest.missing, *manifest.skipped)):
                has = f"{has}; without {without}"
            what = draw.Text(has, style="" if manifest.is_whole else "red")
            table.add_row(folder, manifest.environment or "top level", manifest.created, what)
        output.show(table)
    else:
        output.show(draw.Text("No backups."))
    if found.databases:
        table = draw.table("database", "Time Travel goes back")
        for database in found.databases:
            table.add_row(f"{database.binding} {database.name}", database.described)
        output.show(table)
