"""``cfpy backup create``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.options import (
    ConfigFile,
    Environment,
    Json,
    Only,
    ProjectDirectory,
    Skip,
    context_of,
    project_at,
)

app = typer.Typer(rich_markup_mode=None)


@app.command("create")
def backup_create(
    ctx: typer.Context,
    env: Environment = "",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="DIR", help="Its folder.", show_default="backups/ENV/TIME"
        ),
    ] = None,
    only: Only = None,
    skip: Skip = None,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Copy the data of an environment into a folder.

    It has the rows of D1, the keys of KV with their metadata and expirations, the objects of R2
    with their metadata, and the vectors of Vectorize. The folder is complete or not there, can only
    be read by you, and is not part of git. What no backup has, such as secrets and the messages of
    queues, is in its manifest.json. If a key can't be copied, or a bucket is too large, the backup
    has the rest, the manifest names what is missing, and the exit code is 1.

    Example: cfpy backup create --env production
    """
    from cfpy.account.backups.create import CreateRequest, create

    console = ctx.ensure_object(Output)
    root, file = project_at(console, cwd, config)
    request = CreateRequest(root, env, output, tuple(only or ()), tuple(skip or ()), file)
    made = create(context_of(console), request)
    if console.json:
        data = {"folder": str(made.folder), **made.manifest.as_dict()}
        console.data("backup create", data)
        _end(made.manifest.is_whole)
        return
    table = draw.table("what", "name", "copied", "how")
    for item in made.manifest.items:
        table.add_row(item.key, item.name, str(item.count), item.how or "copy")
    console.show(table)
    for item in made.manifest.items:
        for note in item.notes:
            console.note(f"{item.key}: {note}", "yellow")
    for reason in made.manifest.too_large:
        console.note(f"Not copied: {reason}", "red")
    left_out = (*made.manifest.skipped, *made.manifest.left_out)
    console.note("Not in it:", "dim")
    for each in left_out:
        console.note(f"  {each}", "dim")
    restore = console.invocation.command("backup", "restore", str(made.folder), "--dry-run")
    console.show(draw.Text(f"\nBackup\n  {made.folder}\n\nNext\n  {restore}"))
    if missing := made.manifest.missing:
        console.note(
            f"The backup is not whole: {', '.join(missing)} could not be copied. It has the rest; "
            "its manifest.json names all that is missing.",
            "red",
        )
    _end(made.manifest.is_whole)


def _end(is_whole: bool) -> None:
    """End with 1 if something is not in the backup."""
    if not is_whole:
        raise typer.Exit(1)
