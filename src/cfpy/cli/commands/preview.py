"""``cfpy preview``, the group of its commands."""

from __future__ import annotations

import typer

from cfpy.cli.commands import preview_down, preview_list, preview_up

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def preview() -> None:
    """Create previews with data of their own; list and delete them.

    Example: cfpy preview up
    """


for part in (preview_up, preview_list, preview_down):
    app.add_typer(part.app)
