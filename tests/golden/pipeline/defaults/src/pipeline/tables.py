"""The text of CSV as people have it: with commas, semicolons or tabs, and titles above it."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
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
_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")


def read_csv(data: bytes) -> Iterator[str]:
    """One line a record, each value with its column's name: a piece of it makes sense alone.

    Args:
        data: The table, in UTF-8.

    Raises:
        Unprocessable: It has a quote in the wrong place.
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
    """The records; an empty line is one of them."""
    lines = io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")
    counted = (line for line in lines if _has_few_cells(line, delimiter))
    rows = csv.reader(counted, delimiter=delimiter, skipinitialspace=True, strict=True)
    begin = 1
    try:
        for row in rows:
            yield row
            begin = rows.line_num + 1
    except csv.Error as error:
        record = f"The file is no valid CSV: the record that begins in line {begin} has a"
        if "limit" in str(error):
            raise Unprocessable(
                f"{record} value of more than {MAX_CELL_CHARS} characters."
            ) from None
        raise Unprocessable(
            f"{record} quote in the wrong place ({error}). Write a quote inside of a quoted value "
            'twice: "".'
        ) from None


def _has_few_cells(line: str, delimiter: str) -> bool:
    if line.count(delimiter) >= MAX_CELLS:
        raise Unprocessable(f"The file is no valid CSV: a line has more than {MAX_CELLS} values.")
    return True


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
