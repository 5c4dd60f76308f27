"""``cfpy patterns schema``."""

from __future__ import annotations

from pathlib import Path

import typer

app = typer.Typer(rich_markup_mode=None)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of pattern.toml, for editors.

    Example: cfpy patterns schema > pattern.schema.json
    """
    path = Path(__file__).parents[2] / "patterns" / "pattern.schema.json"
    typer.echo(path.read_text("utf-8"), nl=False)
