"""The style of tables and diffs in all commands."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

#: Styles of a unified diff's lines, by their first sign.
DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}

_INDENT = 2


class Piped(Console):
    """Leaves it to the boundary to end the command if nobody reads any more: rich exits with 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def table(*headings: str, header: bool = True) -> Table:
    """A table without lines; its cells are wrapped only between words."""
    made = Table(box=None, pad_edge=False, header_style="bold", show_header=header)
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def fitted(made: Table, console: Console) -> RenderableType:
    """``made`` in the width of ``console``, without breaking a word.

    The widest columns shrink first, each down to its longest word. If that is not enough, each row
    is drawn as a block, in which a word is broken only if it is longer than a line.
    """
    sizes = [_measure(column, console) for column in made.columns]
    gaps = 2 * (len(sizes) - 1)
    natural = [size.maximum for size in sizes]
    if sum(natural) + gaps <= console.width:
        return made
    if sum(size.minimum for size in sizes) + gaps > console.width:
        return _blocks(made)
    widths = list(natural)
    while sum(widths) + gaps > console.width:
        can_shrink = [n for n, width in enumerate(widths) if width > sizes[n].minimum]
        widths[max(can_shrink, key=widths.__getitem__)] -= 1
    for column, width in zip(made.columns, widths, strict=True):
        column.width = width
    return made


def _measure(column: Column, console: Console) -> Measurement:
    """The longest word and the longest line of a column."""
    cells = [*column.cells, column.header]
    options = replace(console.options, max_width=_longest(cells))
    found = [Measurement.get(console, options, cell) for cell in cells]
    return Measurement(max(m.minimum for m in found), max(m.maximum for m in found))


def _longest(cells: list[RenderableType]) -> int:
    # A character is at most two columns wide.
    return 2 * max(len(str(cell)) for cell in cells) + 1


def _blocks(made: Table) -> Group:
    """Each row as lines: ``heading: value``, or without headings the last cell below the others."""
    lines: list[RenderableType] = []
    for row in zip(*(column.cells for column in made.columns), strict=True):
        cells = [cell if isinstance(cell, Text) else Text.from_markup(str(cell)) for cell in row]
        if made.show_header:
            headings = [str(column.header).strip() for column in made.columns]
            first, *below = [
                Text.assemble((f"{heading}: ", "dim"), cell) if heading and number else cell
                for number, (heading, cell) in enumerate(zip(headings, cells, strict=True))
                if cell.plain.strip()
            ]
        else:
            first, below = Text("  ").join(cells[:-1]), cells[-1:]
        lines += [first, *(Padding(cell, (0, 0, 0, _INDENT), expand=False) for cell in below)]
    return Group(*lines)
