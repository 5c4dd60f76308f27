"""``cfpy preview list``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import typer

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.options import ConfigFile, Json, ProjectDirectory, context_of, project_at

app = typer.Typer(rich_markup_mode=None)


@app.command("list")
def preview_list(
    ctx: typer.Context,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """List the previews of the project that are in its account, from any machine.

    Example: cfpy preview list
    """
    from cfpy.account.preview_down import previews

    output = ctx.ensure_object(Output)
    found = previews(context_of(output), *project_at(output, cwd, config))
    if output.json:
        rows = [
            asdict(item.note)
            | {"owned": list(item.note.owned), "live": item.live, "url": item.url}
            | {"expired": item.expired}
            for item in found
        ]
        output.data("preview list", {"previews": rows})
        return
    if not found:
        output.show(draw.Text("No previews."))
        return
    table = draw.table("preview", "state", "address", "kept until")
    for item in found:
        state = "expired" if item.expired else "live" if item.live else "incomplete"
        table.add_row(item.called, state, item.url, item.note.expires or "deleted by hand")
    output.show(table)
