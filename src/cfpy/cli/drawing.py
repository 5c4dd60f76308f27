"""The style of tables and diffs in all commands."""

from __future__ import annotations

from rich.table import Table

#: Styles of a unified diff's lines, by their first sign.
DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def table(*headings: str) -> Table:
    """A table without lines; long text is wrapped."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made
