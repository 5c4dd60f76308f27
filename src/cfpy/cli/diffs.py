"""Draws how files differ."""

from __future__ import annotations

import difflib

from cfpy.cli import draw
from cfpy.cli.console import Output


def show_diff(output: Output, name: str, before: str, after: str) -> None:
    """Draw the lines that differ, like ``git diff``."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm=""
    )
    for line in lines:
        style = "bold" if line.startswith(("---", "+++")) else draw.DIFF_STYLES.get(line[:1], "")
        output.show(draw.Text(line, style=style))


def show_change(output: Output, name: str, before: bytes | None, after: bytes | None) -> None:
    """Draw the lines that differ between two files; only the name if one is not text."""
    old, new = text_of(before), text_of(after)
    if old is None or new is None:
        output.show(draw.Text(f"differs, but is not a text file: {name}", style="bold"))
    else:
        show_diff(output, name, old, new)


def text_of(data: bytes | None) -> str | None:
    """``data`` as a string, ``None`` if it is not text."""
    try:
        return (data or b"").decode()
    except UnicodeDecodeError:
        return None
