"""Files as documents: what kind of file it is, its text, its title and its language.

Text and Markdown are read here. Workers AI converts all others to Markdown
(developers.cloudflare.com/workers-ai/features/markdown-conversion).
"""

import hashlib
import re
import unicodedata
from pathlib import PurePosixPath
from typing import Any

from rag import requests
from rag.limits import MAX_DOCUMENT_BYTES, MAX_FILE_BYTES, MAX_ID_CHARS, MAX_TITLE_CHARS
from rag.models import Models
from rag.records import Document, Upload
from rag.validation import check
from web.problems import Problem

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
#: The kinds of files, by the ends of their names.
MEDIA_TYPES = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".html": "text/html",
    ".htm": "text/html",
    ".csv": "text/csv",
    ".pdf": "application/pdf",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".odt": f"{_OPEN}.text",
    ".ods": f"{_OPEN}.spreadsheet",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
_READ_HERE = ("text/markdown", "text/plain")
_ARCHIVE = "a ZIP archive or an office document"
# What files begin with, and what they are then. A PDF may have something before it.
_MARKS = {
    b"PK\x03\x04": _ARCHIVE,
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"\xd0\xcf\x11\xe0": "an old office document",
    b"\x1f\x8b": "compressed with gzip",
}
_PDF_STARTS_WITHIN = 1_024
_FRONT_MATTER = re.compile(r"---[ \t]*\n(?=[\w-]+:)(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_LANG_IN_NAME = re.compile(r"\.([a-z]{2})\.\w+$")
_HEADING = re.compile(r"# ([^\n]*\S[^\n]*)\n")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._:/@+-]+")


async def read_file(models: Models, upload: Upload) -> Document:
    """The document that a file is; a 413 if it is too large, a 415 if it is no kind of file that is
    taken or not what its name says, a 422 if it is damaged or empty."""
    media_type = file_type(upload.name, upload.content)
    if media_type in _READ_HERE:
        text = _decode(upload.name, upload.content)
    else:
        text = await models.to_markdown(upload.name, media_type, upload.content)
    values = _about(upload.name, text.replace("\r\n", "\n").replace("\r", "\n").strip())
    metadata = values["metadata"] | upload.about.get("metadata", {})
    values |= {**upload.about, "metadata": metadata}
    if not values["text"]:
        raise _unreadable(upload.name, "holds no text")
    if (size := len(values["text"].encode())) > MAX_DOCUMENT_BYTES:
        raise _too_large(upload.name, f"holds {size:,} bytes of text", MAX_DOCUMENT_BYTES)
    return requests.read_documents(check(values, requests.DOCUMENTS))[0]


def file_type(name: str, content: bytes) -> str:
    """The media type of a file: what its name says, if its first bytes don't contradict."""
    media_type = MEDIA_TYPES.get(PurePosixPath(name).suffix.lower())
    if media_type is None:
        known = ", ".join(MEDIA_TYPES)
        raise Problem(415, "unsupported-type", f"{name!r} is none of {known}.")
    if len(content) > MAX_FILE_BYTES:
        raise _too_large(name, f"has {len(content):,} bytes", MAX_FILE_BYTES)
    if not content:
        raise _unreadable(name, "is empty")
    found = _sniff(content)
    is_text = media_type.startswith("text/")
    archived = found == _ARCHIVE and media_type.startswith((_OFFICE, _OPEN))
    if found != media_type and not archived and (found or not is_text):
        said = f"it is {found}" if found else f"it does not begin like {media_type}"
        raise Problem(415, "unsupported-type", f"{name!r} is not what its name says: {said}.")
    return media_type


def file_id(name: str) -> str:
    """The name, if an id may look like it; else what of it can stay, and a digest of the whole."""
    letters = unicodedata.normalize("NFD", name)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    identifier = _NOT_IN_IDS.sub("-", plain)
    if identifier == name and len(name) <= MAX_ID_CHARS:
        return name
    whole = unicodedata.normalize("NFC", name).encode(errors="replace")
    suffix = PurePosixPath(identifier).suffix
    suffix = suffix if suffix.lower() in MEDIA_TYPES else ""
    ending = f"-{hashlib.sha256(whole).hexdigest()[:10]}{suffix}"
    return identifier.removesuffix(suffix).strip("-")[: MAX_ID_CHARS - len(ending)] + ending


def _sniff(content: bytes) -> str:
    """What the first bytes show; empty for text, and for what is not known."""
    if b"%PDF-" in content[:_PDF_STARTS_WITHIN]:
        return "application/pdf"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for mark, kind in _MARKS.items() if content.startswith(mark)), "")


def _decode(name: str, content: bytes) -> str:
    codec = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(codec)
    except UnicodeDecodeError:
        raise _unreadable(name, "is not text in UTF-8") from None
    if "\0" in text:
        raise _unreadable(name, "is not text: it holds null bytes")
    return text


def _about(name: str, text: str) -> dict[str, Any]:
    path = PurePosixPath(name)
    front = _FRONT_MATTER.match(text)
    pairs = (line.partition(":") for line in front[1].split("\n")) if front else ()
    about = {key.strip().lower(): value.strip().strip("\"'") for key, _, value in pairs}
    text = text[front.end() :].strip() if front else text
    heading = None if about.get("title") else _HEADING.match(text)
    title = about.get("title") or (heading[1].strip() if heading else path.stem)
    if heading and len(title) <= MAX_TITLE_CHARS:
        # A title that has to be cut stays in the text as well.
        text = text[heading.end() :].strip()
    in_name = _LANG_IN_NAME.search(path.name)
    lang = about.get("lang") or (in_name[1] if in_name else "")
    return {
        "id": file_id(name),
        "title": title[:MAX_TITLE_CHARS],
        "source": unicodedata.normalize("NFC", name),
        "text": text,
        "metadata": {"lang": lang.lower()} if lang else {},
    }


def _too_large(name: str, what: str, most: int) -> Problem:
    return Problem(413, "too-large", f"{name!r} {what}, at most {most:,}: split it.")


def _unreadable(name: str, why: str) -> Problem:
    return Problem(422, "unreadable-file", f"{name!r} {why}.")
