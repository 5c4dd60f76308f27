"""``cfpy backup``, the group of its commands."""

from __future__ import annotations

import typer

from cfpy.cli.commands import backup_create, backup_list, backup_restore

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def backup() -> None:
    """Back up the data of an environment, and restore it.

    Example: cfpy backup create
    """


for part in (backup_create, backup_list, backup_restore):
    app.add_typer(part.app)
