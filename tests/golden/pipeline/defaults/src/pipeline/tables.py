"""The text of CSV as people have it: with commas, semicolons or tabs, and titles above it."""

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
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
    start = _start(rows)
    for _ in range(_titles(start)):
        yield " ".join(filter(None, start.popleft()))
    records = filter(any, chain(_emptied(start), rows))
    header = next(records, [])
    if not _names_columns(header):
        yield ", ".join(header)
        header = []
    # Nothing here keeps a record while the next one is read: each may be as large as the file.
    line = None
    for line in map(partial(_line, header), records):
        yield line
    if line is None and header:
        yield ", ".join(header)


def _start(rows: Iterator[list[str]]) -> deque[list[str]]:
    """The first records, about as many as the sample has."""
    start: deque[list[str]] = deque()
    held = 0
    for row in islice(rows, SAMPLE_RECORDS):
        start.append(row)
        held += sum(map(len, row)) + len(row)
        if held > SAMPLE_BYTES:
            break
    return start


def _emptied(rows: deque[list[str]]) -> Iterator[list[str]]:
    while rows:
        yield rows.popleft()


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


def _titles(rows: Sequence[list[str]]) -> int:
    """How many records stand above a table: comments, and with a blank line between, what has fewer
    values than the table's first record."""
    begin = next((number for number, row in enumerate(rows) if any(row) and not _notes(row)), 0)
    end = next((number for number, row in enumerate(rows) if number > begin and not any(row)), 0)
    first = next(filter(any, islice(rows, end, None)), [])
    are_above = all(_filled(row) < _filled(first) for row in islice(rows, end))
    return end if end and are_above else begin


def _notes(row: list[str]) -> bool:
    return len(row) == 1 and row[0].startswith("#")


def _filled(row: list[str]) -> int:
    return sum(map(bool, row))


def _rows(data: bytes, delimiter: str) -> Iterator[list[str]]:
    """The records; an empty line is one of them.

    Where a quote stands in the wrong place, or none closes a value, the lines of that record are
    read as they are, each as one record: so one quote can't swallow the rest of the table.
    So are those of a record that has too many values on several lines.
    """
    lines = io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")
    taken: list[str] = []
    rows = _reader(lines, delimiter, taken)
    while True:
        try:
            row = next(rows, None)
        except csv.Error:
            # The old reader holds what it has read of the record.
            rows = _reader(lines, delimiter, taken)
            yield from (_as_it_is(line, delimiter) for line in taken)
        else:
            if row is None:
                return
            yield row
            del row
        taken.clear()


def _reader(lines: Iterable[str], delimiter: str, taken: list[str]) -> Iterator[list[str]]:
    counted = _taken(lines, delimiter, taken)
    return csv.reader(counted, delimiter=delimiter, skipinitialspace=True, strict=True)


def _taken(lines: Iterable[str], delimiter: str, taken: list[str]) -> Iterator[str]:
    """The lines, each of which is also appended to ``taken``, which is empty after a record."""
    cells = 0
    for line in lines:
        found = line.count(delimiter)
        if found >= MAX_CELLS:
            raise Unprocessable(
                f"The file is no valid CSV: a line has more than {MAX_CELLS} values."
            )
        cells = cells + found if taken else found
        taken.append(line)
        if cells >= MAX_CELLS:
            raise csv.Error("a record has too many values")
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


def _line(header: list[str], row: list[str]) -> str:
    line = io.StringIO()
    # Unlike join(), this does not hold all values once more.
    for value in _with_names(header, row):
        line.write(f", {value}" if line.tell() else value)
    return line.getvalue()


def _with_names(header: list[str], row: list[str]) -> Iterator[str]:
    for position, value in enumerate(row):
        name = header[position].strip() if position < len(header) else ""
        if name:
            yield f"{name}: {value}"
        elif value:
            yield value
