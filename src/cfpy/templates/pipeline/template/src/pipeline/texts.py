"""Text out of the kinds of file that the service takes."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from pipeline.charsets import codec_of, declared_charset, decode
from pipeline.jobs import Unprocessable
from pipeline.limits import MAX_TEXT_CHARS, PIECE_CHARS
from pipeline.markup import read_html
from pipeline.pieces import cut
from pipeline.tables import read_csv
from web.http import check_nesting
from web.problems import Problem

_SUFFIXES = {
    ".txt": "text/plain",
    ".text": "text/plain",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "text/html",
    ".csv": "text/csv",
    ".tsv": "text/csv",
    ".json": "application/json",
}
# What clients say when they don't know. The last three are what curl sends with a body, what Excel
# makes of CSV, and what some pages send so that browsers save a file.
_UNKNOWN = frozenset(
    [
        *("", "*/*", "application/octet-stream", "binary/octet-stream", "application/unknown"),
        *("application/x-www-form-urlencoded", "application/vnd.ms-excel"),
        *("application/force-download", "application/x-download", "application/download"),
    ]
)
_ALIASES = {
    "text/x-markdown": "text/markdown",
    "application/xhtml+xml": "text/html",
    "application/csv": "text/csv",
    "application/x-csv": "text/csv",
    "text/x-csv": "text/csv",
    "text/comma-separated-values": "text/csv",
    "text/tab-separated-values": "text/csv",
    "text/json": "application/json",
}
# Half a character, which JSON can write and nothing can send.
_SURROGATE = re.compile("[\ud800-\udfff]")


def supported_type(content_type: str, name: str) -> str | None:
    """The type to read a file as, with its charset if its sender names one.

    Args:
        content_type: What its sender says it is.
        name: Its name, which decides if the sender does not know.

    Returns:
        Such as ``text/csv`` or ``text/csv; charset=windows-1252``; ``None`` if the service can't
        read it: see ``why_unsupported``.
    """
    kind = _kind(content_type, name)
    charset = declared_charset(content_type)
    if kind is None or (charset and codec_of(charset) is None):
        return None
    return f"{kind}; charset={charset}" if charset else kind


def why_unsupported(content_type: str, name: str) -> str:
    """What to tell the sender of a file that has no ``supported_type``."""
    if _kind(content_type, name):
        charset = declared_charset(content_type)
        return f"The service does not know the charset {charset!r}: send the file in UTF-8."
    said = _media_type(content_type)
    sent = f"as {said!r}" if said else "without a Content-Type"
    return (
        f"The service reads {SUPPORTED}; {name!r} was sent {sent}. If it is one of these, name it "
        "in the Content-Type."
    )


def extract(data: bytes, media_type: str) -> list[str]:
    """The text of a file, whose type is a ``supported_type``, in pieces.

    Raises:
        Unprocessable: It is not of the declared type, or has no text.
    """
    kind = _media_type(media_type)
    try:
        text = _READERS[kind](decode(data, kind, declared_charset(media_type))).strip()
    except (Unprocessable, MemoryError):
        # Memory may be there another time.
        raise
    except Exception as error:
        # At files that are broken on purpose the parsers raise whatever they come across, and will
        # again. The consumer logs the cause, which may be an error of this module too.
        raise Unprocessable(f"The file is no valid {kind}.") from error
    # Marks and spaces without a width do not count.
    if not any(map(str.isprintable, text)):
        raise Unprocessable("The file holds no text.")
    return list(cut([text], PIECE_CHARS))


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _kind(content_type: str, name: str) -> str | None:
    said = _media_type(content_type)
    if said in _UNKNOWN or "/" not in said:
        return _SUFFIXES.get(PurePosixPath(name).suffix.lower())
    kind = _ALIASES.get(said, said)
    return kind if kind in _READERS else None


def _read_json(text: str) -> Iterator[str]:
    """One line a value, with the path that leads to it."""
    try:
        check_nesting(text.encode())
        # Numbers stay as they are written, and a key that comes twice keeps both values.
        data = json.loads(
            text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=tuple
        )
    except Problem as problem:
        raise Unprocessable(problem.detail) from None
    except ValueError as error:
        raise Unprocessable(f"The file is no valid JSON: {error}.") from None
    return _leaves(data, ())


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    # Paths are put together here alone: there may be far more lists, all of them empty.
    if isinstance(value, tuple):
        for key, item in value:
            yield from _leaves(item, (*path, f".{key}"))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _leaves(item, (*path, f"[{position}]"))
    else:
        name = "".join(path).removeprefix(".")
        shown = value if isinstance(value, str) else json.dumps(value)
        yield _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", f"{name}: {shown}" if name else shown)


def _joined(lines: Iterable[str]) -> str:
    """The lines as one text, which must not become much larger than its file."""
    text = io.StringIO()
    for line in lines:
        if text.tell() + len(line) > MAX_TEXT_CHARS:
            raise Unprocessable(
                f"The file expands to more than {MAX_TEXT_CHARS} characters, as each value gets "
                "its name. Split it, or send it as text/plain."
            )
        text.write(f"{line}\n")
    return text.getvalue()


_READERS: dict[str, Callable[[str], str]] = {
    "text/plain": str,
    "text/markdown": str,
    "text/html": read_html,
    "text/csv": lambda text: _joined(read_csv(text)),
    "application/json": lambda text: _joined(_read_json(text)),
}

SUPPORTED = ", ".join(sorted(_READERS))
