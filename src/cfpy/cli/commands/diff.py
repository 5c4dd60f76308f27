"""``cfpy diff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.diffs import show_change, text_of
from cfpy.cli.options import ConfigFile, Json, ProjectDirectory, context_of, directory_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfpy.patterns.answers_file import MadeOf
    from cfpy.patterns.departures import Departure

app = typer.Typer(rich_markup_mode=None)


@app.command()
def diff(
    ctx: typer.Context,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Show how a project differs from its pattern.

    Compares it with the version that it was created from.

    Example: cfpy diff
    """
    from cfpy.patterns.departures import departures

    output = ctx.ensure_object(Output)
    show_departures(output, *departures(context_of(output), directory_at(cwd, config)))


def show_departures(output: Output, record: MadeOf, found: Sequence[Departure]) -> None:
    """Report ``cfpy diff``."""
    if output.json:
        files = [
            {"name": item.name, "change": _kind(item), "binary": text_of(item.after) is None}
            for item in found
        ]
        output.data("diff", {"pattern": record.name, "version": record.version, "files": files})
        return
    for item in found:
        if _kind(item) == "added":
            output.show(draw.Text(f"only here: {item.name}", style="bold"))
        else:
            show_change(output, item.name, item.before, item.after)
    if not found:
        output.show(draw.Text(f"No differences from {record.name} {record.version}."))


def _kind(item: Departure) -> str:
    if item.after is None:
        return "deleted"
    return "changed" if item.before is not None or item.in_pattern else "added"
