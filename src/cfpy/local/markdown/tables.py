"""Converts spreadsheets to Markdown tables."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Iterable, Iterator
from itertools import chain

from cfpy.local.markdown.failure import ConversionError
from cfpy.local.markdown.text import decoded

#: Cells of a document. A few bytes of a spreadsheet can be billions of empty cells.
MAX_CELLS = 2_000_000
_DELIMITERS = ",;\t|"


def from_csv(data: bytes) -> str:
    """A table with the first row as its head."""
    text = decoded(data)
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    csv.field_size_limit(max(len(text), 131_072))
    return table(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def from_xlsx(data: bytes) -> str:
    """A heading and a table for each sheet."""
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheets = [f"## {sheet.title}\n{table(_rows(sheet))}" for sheet in book.worksheets]
    return "\n".join(sheets)


def _rows(sheet: object) -> Iterator[list[str]]:
    # The declared size of a sheet may be wrong, and huge.
    sheet.reset_dimensions()  # type: ignore[attr-defined]
    for row in sheet.iter_rows(values_only=True):  # type: ignore[attr-defined]
        yield ["" if value is None else str(value) for value in row]


def table(rows: Iterable[list[str]]) -> str:
    """A Markdown table; empty rows and empty columns at the end are left out.

    Raises:
        ConversionError: It has more than ``MAX_CELLS`` cells.
    """
    kept: list[list[str]] = []
    cells = 0
    for row in rows:
        cells += max(len(row), 1)
        if cells > MAX_CELLS:
            raise ConversionError(f"the document has more than {MAX_CELLS} cells")
        while row and not row[-1].strip():
            row.pop()
        if row:
            kept.append(row)
    if not kept:
        return ""
    width = max(map(len, kept))
    if width * len(kept) > MAX_CELLS:
        raise ConversionError(f"the document has more than {MAX_CELLS} cells")
    head, *body = (_line([*row, *[""] * (width - len(row))]) for row in kept)
    return "\n".join(chain([head, _line(["---"] * width)], body)) + "\n"


def _line(cells: list[str]) -> str:
    shown = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(shown)} |"
