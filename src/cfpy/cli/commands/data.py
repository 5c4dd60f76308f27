"""``cfpy data``, the group of its commands."""

from __future__ import annotations

import typer

from cfpy.cli.commands import data_pull

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def data() -> None:
    """Copy a remote database into the local runtime.

    Example: cfpy data pull --mask users.email
    """


app.add_typer(data_pull.app)
