"""``cfpy ci``, the group of its commands."""

from __future__ import annotations

import typer

from cfpy.cli.commands import ci_init

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def ci() -> None:
    """Write a project's CI, for GitHub or GitLab.

    Example: cfpy ci init github
    """


app.add_typer(ci_init.app)
