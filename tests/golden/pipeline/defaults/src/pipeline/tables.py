"""The text of CSV as people have it: with commas, semicolons or tabs, and titles above it."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice

from jobs.job import Unprocessable
from pipeline.limits import MAX_CELL_CHARS, MAX_CELLS, SAMPLE_BYTES, SAMPLE_RECORDS

# Python's own limit is 131,072.
csv.field_size_limit(MAX_CELL_CHARS)

# If two split a file equally well, it is the one that values hold more rarely.
_DELIMITERS = "\t;|,"
# Excel names the delimiter in the first line if told to.
_SEPARATOR_LINE = re.compile(r'\s*"?sep=([;,|\t])"?\s*?[\r\n]', re.I)
# A comma that stands between digits alone is the decimal point of most of Europe.
_COMMA = re.compile(r"(?<!\d),|,(?!\d)")
_NUMBER = re.compile(r"[-+]?[\d.,]++%?")
_QUOTED = re.compile(r'"([^"]*)"')
_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")


def read_csv(data: bytes) -> Iterator[str]:
    """One line a record, each value with its column's name: a piece of it makes sense alone.

    Args:
        data: The table, in UTF-8.

    Raises:
        Unprocessable: A line has too many values.
    """
    sample = data[:SAMPLE_BYTES].decode(errors="ignore")
    named = _SEPARATOR_LINE.match(sample)
    delimiter = named[1] if named else max(_DELIMITERS, key=partial(_evenness, sample))
    rows = _rows(data, delimiter)
    if named:
        next(rows)
    start = list(islice(rows, SAMPLE_RECORDS))
    titles = _titles(start, _evenness(sample, delimiter)[1])
    for row in titles:
        yield " ".join(filter(None, row))
    records = filter(any, chain(start[len(titles) :], rows))
    first = next(records, [])
    header = first if _names_columns(first) else []
    second = next(records, None)
    if second is None or not header:
        yield ", ".join(first)
    for row in chain([second] if second else [], records):
        yield ", ".join(_with_names(header, row))


def _evenness(sample: str, delimiter: str) -> tuple[float, int]:
    """How many records have the usual number of cells, as a part of all, and that number."""
    if delimiter == "," and not _COMMA.search(sample):
        return 0, 1
    lines = io.StringIO(sample, newline="")
    rows = filter(None, csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    widths = [len(row) for row in islice(rows, SAMPLE_RECORDS)]
    split = Counter(width for width in widths if width > 1)
    [(width, count)] = split.most_common(1) or [(1, 0)]
    return count / max(len(widths), 1), width


def _titles(rows: list[list[str]], width: int) -> list[list[str]]:
    """What stands above a table, with a blank line between: records with fewer values."""
    begin = next((number for number, row in enumerate(rows) if any(row)), 0)
    end = next((number for number, row in enumerate(rows) if number > begin and not any(row)), 0)
    narrow = all(sum(map(bool, row)) < width for row in rows[:end])
    return rows[:end] if narrow else []


def _rows(data: bytes, delimiter: str) -> Iterator[list[str]]:
    """The records; an empty line is one of them.

    Where a quote stands in the wrong place, or none closes a value, the lines of that record are
    read as they are, each as one record: so one quote can't swallow the rest of the table.
    """
    lines = io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")
    taken: list[str] = []
    counted = _taken(lines, delimiter, taken)
    rows = csv.reader(counted, delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        try:
            row = next(rows, None)
        except csv.Error:
            yield from (_as_it_is(line, delimiter) for line in taken)
            rows = csv.reader(counted, delimiter=delimiter, skipinitialspace=True, strict=True)
        else:
            if row is None:
                return
            yield row
        taken.clear()


def _taken(lines: Iterable[str], delimiter: str, taken: list[str]) -> Iterator[str]:
    """The lines, each of which is also appended to ``taken``."""
    for line in lines:
        if line.count(delimiter) >= MAX_CELLS:
            raise Unprocessable(
                f"The file is no valid CSV: a line has more than {MAX_CELLS} values."
            )
        taken.append(line)
        yield line


def _as_it_is(line: str, delimiter: str) -> list[str]:
    return [_unquoted(cell.strip()) for cell in line.split(delimiter)]


def _unquoted(cell: str) -> str:
    quoted = _QUOTED.fullmatch(cell)
    return quoted[1] if quoted else cell


def _names_columns(row: list[str]) -> bool:
    """Whether a table's first record is a header: without numbers, or with years only."""
    numbers = [cell.strip() for cell in row if _NUMBER.fullmatch(cell.strip())]
    return not numbers or (len(numbers) > 1 and all(map(_YEAR.fullmatch, numbers)))


def _with_names(header: list[str], row: list[str]) -> Iterator[str]:
    for position, value in enumerate(row):
        name = header[position].strip() if position < len(header) else ""
        if name:
            yield f"{name}: {value}"
        elif value:
            yield value
