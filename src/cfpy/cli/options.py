"""Options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli.console import Output

if TYPE_CHECKING:
    from cfpy.commands.context import Context


def set_json(ctx: typer.Context, value: bool) -> bool:
    """Say it in JSON from here on, errors too."""
    if value:
        ctx.ensure_object(Output).json = True
    return value


#: For commands whose further arguments belong to another tool.
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
Json = Annotated[bool, typer.Option("--json", callback=set_json, help="Print one JSON document.")]
ProjectDirectory = Annotated[
    Path,
    typer.Option("--cwd", "-C", metavar="DIR", help="The project.", show_default="this directory"),
]
Environment = Annotated[
    str, typer.Option("--env", "-e", metavar="NAME", help="An environment of wrangler.toml.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]


def context_of(output: Output) -> Context:
    """The adapters of a real run, which report their progress to ``output``."""
    from cfpy.commands.context import build_context

    return build_context(output.progress)
