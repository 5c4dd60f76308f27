"""``cfpy patterns``, the group of its commands; alone, it lists the patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from cfpy.cli import draw
from cfpy.cli.commands import (
    patterns_check,
    patterns_init,
    patterns_schema,
    patterns_show,
    patterns_test,
)
from cfpy.cli.commands.patterns_show import pattern_summary
from cfpy.cli.console import Output
from cfpy.cli.options import Json, context_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfpy.patterns.pattern import Pattern

app = typer.Typer(
    help="List patterns; create, check and test your own.\n\nExample: cfpy patterns",
    rich_markup_mode=None,
    invoke_without_command=True,
)


@app.callback()
def patterns(ctx: typer.Context, json_output: Json = False) -> None:
    """List patterns; create, check and test your own.

    Example: cfpy patterns
    """
    if ctx.invoked_subcommand is None:
        from cfpy.patterns.listing import list_patterns

        output = ctx.ensure_object(Output)
        show_patterns(output, list_patterns(context_of(output)))


def show_patterns(output: Output, patterns: Sequence[Pattern]) -> None:
    """Report ``cfpy patterns``."""
    if output.json:
        output.data("patterns", {"patterns": [pattern_summary(p) for p in patterns]})
        return
    table = draw.table("pattern", "version", "what it creates")
    for pattern in patterns:
        table.add_row(pattern.name, pattern.manifest.version, draw.escape(pattern.manifest.summary))
    output.show(table, draw.Text("\nMore: cfpy patterns show NAME", style="dim"))


for part in (patterns_show, patterns_init, patterns_check, patterns_test, patterns_schema):
    app.add_typer(part.app)
