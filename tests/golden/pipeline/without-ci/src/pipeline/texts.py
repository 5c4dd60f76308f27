"""Text out of the kinds of file that the service takes."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from pathlib import PurePosixPath
from typing import Any

from pipeline.jobs import Unprocessable
from pipeline.limits import MAX_TEXT_CHARS
from web.http import check_nesting
from web.problems import Problem

_BLOCKS = frozenset(
    [
        *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption"),
        *("footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main"),
        *("nav", "ol", "p", "pre", "section", "table", "td", "th", "title", "tr", "ul"),
    ]
)
_SILENT = frozenset(["script", "style", "template", "noscript", "svg"])
_SUFFIXES = {
    ".txt": "text/plain",
    ".text": "text/plain",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".csv": "text/csv",
    ".json": "application/json",
}
# What clients say when they don't know.
_UNKNOWN = frozenset(["", "application/octet-stream", "binary/octet-stream"])
_ALIASES = {"text/x-markdown": "text/markdown", "text/json": "application/json"}


def supported_type(media_type: str, name: str) -> str | None:
    """The type to read a file as, or ``None`` if the service can't read it.

    Args:
        media_type: What its sender says it is, without parameters, in lower case.
        name: Its name, which decides where the sender does not know.
    """
    if media_type in _UNKNOWN:
        return _SUFFIXES.get(PurePosixPath(name).suffix.lower())
    media_type = _ALIASES.get(media_type, media_type)
    # Some systems take a CSV file for a spreadsheet, and Markdown for plain text.
    if media_type == "application/vnd.ms-excel":
        return "text/csv" if name.lower().endswith(".csv") else None
    return media_type if media_type in _READERS else None


def extract(data: bytes, media_type: str) -> str:
    """The text of a file.

    Raises:
        Unprocessable: It is not what it is said to be, or holds no text.
    """
    try:
        text = _READERS[media_type](_decode(data)).strip()
    except (Unprocessable, MemoryError):
        # Memory may be there another time.
        raise
    except Exception as error:
        # At files that are broken on purpose the parsers raise whatever they come across, and will
        # again. The consumer logs the cause, which may be an error of this module too.
        raise Unprocessable(f"The file is no valid {media_type}.") from error
    if not text:
        raise Unprocessable("The file holds no text.")
    return text


def _decode(data: bytes) -> str:
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        raise Unprocessable("The file is neither UTF-8 nor UTF-16 text.") from None
    if "\0" in text:
        raise Unprocessable("The file is no text: it holds null bytes.")
    return text


class _Html(HTMLParser):
    """Collects what a reader of the page would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT and self._silent:
            self._silent -= 1
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def _read_html(text: str) -> str:
    parser = _Html()
    parser.feed(text)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _read_csv(text: str) -> str:
    """One line a record, each value with its column's name: a piece of it makes sense alone."""
    try:
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(rows, [])
        lines = (", ".join(_named(header, row)) for row in rows if row)
        return _joined(lines) or _joined([", ".join(header)])
    except csv.Error as error:
        raise Unprocessable(f"The file is no valid CSV: {error}.") from None


def _named(header: list[str], row: list[str]) -> Iterator[str]:
    for position, value in enumerate(row):
        name = header[position] if position < len(header) else ""
        yield f"{name}: {value}" if name else value


def _read_json(text: str) -> str:
    """One line a value, with the path that leads to it."""
    try:
        check_nesting(text.encode())
        data = json.loads(text)
    except Problem as problem:
        raise Unprocessable(problem.detail) from None
    except ValueError as error:
        raise Unprocessable(f"The file is no valid JSON: {error}.") from None
    return _joined(_leaves(data, ()))


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    # Paths are put together here alone: there may be far more lists, all of them empty.
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, f".{key}"))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _leaves(item, (*path, f"[{position}]"))
    else:
        name = "".join(path).removeprefix(".")
        shown = value if isinstance(value, str) else json.dumps(value)
        yield f"{name}: {shown}" if name else shown


def _joined(lines: Iterable[str]) -> str:
    """The lines as one text, which must not become much larger than its file."""
    text = io.StringIO()
    for line in lines:
        if text.tell() + len(line) > MAX_TEXT_CHARS:
            raise Unprocessable(f"The file expands to more than {MAX_TEXT_CHARS} characters.")
        text.write(f"{line}\n")
    return text.getvalue()


_READERS: dict[str, Callable[[str], str]] = {
    "text/plain": str,
    "text/markdown": str,
    "text/html": _read_html,
    "text/csv": _read_csv,
    "application/json": _read_json,
}

SUPPORTED = ", ".join(sorted(_READERS))
