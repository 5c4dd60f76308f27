"""Text out of the kinds of file that the service takes."""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from jobs.job import Charset, Unprocessable
from pipeline.charsets import codec_of, declared_charset, decode, looks_like_text
from pipeline.documents import DOCUMENTS, document_type, is_document
from pipeline.json_values import read_json
from pipeline.limits import MAX_TEXT_CHARS, PIECE_CHARS
from pipeline.markup import read_html
from pipeline.pieces import cut
from pipeline.tables import read_csv

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
} | DOCUMENTS
# What clients say when they don't know: among others what curl sends with a body, what Excel makes
# of CSV, what pages send so that browsers save a file, what documents of Word are inside, and what
# fetch() and file servers send for all that is text.
_UNKNOWN = frozenset(
    [
        *("", "*/*", "application/octet-stream", "binary/octet-stream", "application/unknown"),
        *("application/x-www-form-urlencoded", "application/vnd.ms-excel"),
        *("application/force-download", "application/x-download", "application/download"),
        *("application/zip", "application/x-zip-compressed"),
        "text/plain",
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
    "application/x-pdf": "application/pdf",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
}
# What has a remedy of its own.
_JSON_LINES = re.compile(r"application/(x-)?(ndjson|jsonl|json-?lines)|.+\.(ndjson|jsonl)")
_GZIP = re.compile(r"application/(x-)?gzip|.+\.t?gz")
GZIP_HINT = (
    " Decompress it, or send it under the name and the Content-Type of what is in it, with the "
    "header Content-Encoding: gzip."
)
_JSON_ENDS = ((b"{", b"}"), (b"[", b"]"))
_SLICE = 65_536


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
    if kind is not None and is_document(kind):
        # Some servers name a charset of everything.
        return kind
    if kind is None or (charset and codec_of(charset) is None):
        return None
    return f"{kind}; charset={charset}" if charset else kind


def guessed_type(content_type: str, name: str, data: bytes) -> str | None:
    """The type of a file that neither its sender nor its name tells, by what is in it.

    Returns:
        As ``supported_type``.
    """
    charset = declared_charset(content_type)
    if document := document_type(data):
        return document
    if not looks_like_text(data, charset):
        return None
    start = data[:1_024].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    ends = (start[:1], data.rstrip()[-1:])
    if PurePosixPath(name).suffix:
        kind = "text/plain"
    elif start.startswith((b"<!doctype html", b"<html")):
        kind = "text/html"
    else:
        kind = "application/json" if ends in _JSON_ENDS else "text/plain"
    return supported_type(f"{kind}; charset={charset}", "")


def is_untold(content_type: str, name: str) -> bool:
    """Whether only its content tells what a file is, as its sender and its name do not."""
    said, suffix = _media_type(content_type), PurePosixPath(name).suffix.lower()
    if said == "text/plain":
        return suffix not in _SUFFIXES
    return (said in _UNKNOWN or "/" not in said) and not suffix


def why_unsupported(content_type: str, name: str) -> str:
    """What to tell the sender of a file that has no ``supported_type``."""
    if _kind(content_type, name):
        charset = declared_charset(content_type)
        return f"The service does not know the charset {charset!r}: send the file in UTF-8."
    said = _media_type(content_type)
    sent = f"as {said!r}" if said else "without a Content-Type"
    why = f"The service reads {SUPPORTED}; {name!r} was sent {sent}, "
    if _is(_GZIP, said, name):
        return f"{why}and is compressed.{GZIP_HINT}"
    if _is(_JSON_LINES, said, name):
        return f"{why}and is JSON Lines. Send it as a .txt file, with Content-Type: text/plain."
    return f"{why}and does not look like one of these. If it is, name it in the Content-Type."


def _is(kind: re.Pattern[str], said: str, name: str) -> bool:
    return bool(kind.fullmatch(said) or kind.fullmatch(name.lower()))


def fetched_type(content_type: str, name: str, data: bytes | None) -> str | None:
    """The type of a file that was fetched; ``None`` if its content has to tell, and is not there.

    Raises:
        Unprocessable: The service can't read it.
    """
    if not is_untold(content_type, name):
        kind = supported_type(content_type, name)
    elif data is None:
        return None
    else:
        kind = guessed_type(content_type, name, data)
    if kind is None:
        raise Unprocessable(why_unsupported(content_type, name))
    return kind


def extract(data: bytes, media_type: str) -> list[str]:
    """The text of a file, as ``read_text``, without its charset."""
    return read_text(data, media_type)[0]


def read_text(data: bytes, media_type: str) -> tuple[list[str], Charset]:
    """The text of a file, whose type is a ``supported_type``, in pieces, and how it is written.

    Raises:
        Unprocessable: It is not of the declared type, or has no text.
    """
    kind = _media_type(media_type)
    try:
        text, charset = decode(data, kind, declared_charset(media_type))
        utf_8 = text.encode()
        del text
        pieces = in_pieces(_READERS[kind](utf_8))
    except (Unprocessable, MemoryError):
        # Memory may be there another time.
        raise
    except Exception as error:
        # At files that are broken on purpose the parsers raise whatever they come across, and will
        # again. The consumer logs the cause, which may be an error of this module too.
        raise Unprocessable(f"The file is no valid {kind}.") from error
    return pieces, charset


def in_pieces(parts: Iterable[str]) -> list[str]:
    """A text in pieces of ``PIECE_CHARS``, without the spaces around it.

    Raises:
        Unprocessable: It is empty.
    """
    pieces = list(cut(parts, PIECE_CHARS))
    if pieces:
        pieces[0] = pieces[0].lstrip()
        pieces[-1] = pieces[-1].rstrip()
    # Marks and spaces without a width do not count.
    if not any(char.isprintable() for piece in pieces for char in piece):
        raise Unprocessable("The file holds no text.")
    return pieces


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _kind(content_type: str, name: str) -> str | None:
    said = _media_type(content_type)
    if said in _UNKNOWN or "/" not in said:
        by_name = _SUFFIXES.get(PurePosixPath(name).suffix.lower())
        return by_name or ("text/plain" if said == "text/plain" else None)
    kind = _ALIASES.get(said, said)
    return kind if kind in _READERS or is_document(kind) else None


def _read_text(data: bytes) -> Iterator[str]:
    return codecs.iterdecode(
        (data[at : at + _SLICE] for at in range(0, len(data), _SLICE)), "utf-8"
    )


def _limited(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a text, which must not become much larger than its file."""
    length = 0
    for line in lines:
        length += len(line) + 1
        if length > MAX_TEXT_CHARS:
            raise Unprocessable(
                f"The file expands to more than {MAX_TEXT_CHARS} characters, as each value gets "
                "its name. Split it, or send it as a .txt file."
            )
        yield f"{line}\n"


# From UTF-8 to parts of the text, so that no more than a part is there twice.
_READERS: dict[str, Callable[[bytes], Iterator[str]]] = {
    "text/plain": _read_text,
    "text/markdown": _read_text,
    "text/html": read_html,
    "text/csv": lambda data: _limited(read_csv(data)),
    "application/json": lambda data: _limited(read_json(data)),
}

_DOCUMENT_NAMES = ("PDF", "DOCX", "XLSX", "ODT", "ODS", "JPEG", "PNG", "WebP")
SUPPORTED = ", ".join([*sorted(_READERS), *_DOCUMENT_NAMES])
