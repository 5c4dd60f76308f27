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
from rag.limits import (
    MAX_DOCUMENT_BYTES,
    MAX_FILE_BYTES,
    MAX_FILTER_VALUE_BYTES,
    MAX_ID_CHARS,
    MAX_SOURCE_CHARS,
    MAX_TITLE_CHARS,
)
from rag.models import Models
from rag.records import FILTER_KEYS, Document, Upload
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
# The languages that bge-m3 reads, by ISO 639-1: those of XLM-RoBERTa, on which it is built.
_LANGUAGES = (
    "af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fr fy ga gd gl gu ha he "
    "hi hr hu hy id is it ja jv ka kk km kn ko ku ky la lo lt lv mg mk ml mn mr ms my nb ne nl nn "
    "no om or pa pl ps pt ro ru sa sd si sk sl so sq sr su sv sw ta te th tl tr ug uk ur uz vi xh "
    "yi zh"
)
# BCP 47: a language, maybe a script, maybe a region.
_LANGUAGE_TAG = re.compile(r"([a-z]{2})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|[0-9]{3}))?", re.I)
# The time that these take grows with the text, and not faster: what `*+` has taken is never given
# back. First lines of keys, and what YAML and TOML have between them: what is indented, lists,
# comments, tables.
_FRONT_MATTER = re.compile(
    r"(?P<mark>---|\+\+\+)[ \t]*\n"
    r"(?P<lines>(?:(?!(?P=mark)|\.{3})(?:[\w\"'][\w\"' .-]*[:=].*|[ \t#[\]}-].*|)\n)*+)"
    r"(?:(?P=mark)|\.{3})[ \t]*(?:\n|\Z)"
)
_KEY = re.compile(r"^([\w-]+)[ \t]*[:=][ \t]*(.*(?:\n[ \t]+.*)*+)", re.MULTILINE)
_FOLDED = re.compile(r"[|>][-+0-9]*[ \t]*\n")
_QUOTED = re.compile(r"""(["'])(.*)\1(?: ?#.*)?""")
_COMMENT = re.compile(r"(?:^| )#")
# A heading of the first level. Blank lines, comments, pictures and HTML may be above it.
_HEADING = re.compile(
    r"(?P<above>(?:\s+|<!--.*?(?:-->|\Z)|(?:<|\[?!\[)[^\n]*)*+)"
    r"(?:#[ \t]+(?P<marked>\S[^\n]*)(?:\n|\Z)|(?P<underlined>\S[^\n]*)\n==+[ \t]*(?:\n|\Z))",
    re.DOTALL,
)
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._:/@+-]+")


async def read_file(models: Models, upload: Upload) -> Document:
    """The document that a file is; a 413 if it is too large, a 415 if it is no kind of file that is
    taken or not what its name says, a 422 if it is damaged or empty."""
    media_type = file_type(upload.name, upload.content)
    if media_type in _READ_HERE:
        text = _decode(upload.name, upload.content)
    else:
        text = await models.to_markdown(upload.name, media_type, upload.content)
        # For some kinds, what it writes first.
        text = text.removeprefix(f"# {PurePosixPath(upload.name).name}\n")
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
    found = _sniff(media_type, content)
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


def _sniff(media_type: str, content: bytes) -> str:
    """What the first bytes show; empty for text, and for what is not known. ``media_type`` is what
    the name says."""
    within = _PDF_STARTS_WITHIN if media_type == "application/pdf" else len(b"%PDF-")
    if b"%PDF-" in content[:within]:
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
    name = unicodedata.normalize("NFC", name)
    front, text = _split_front_matter(text)
    stem, _, last = PurePosixPath(name).stem.rpartition(".")
    in_name = _language(last) if stem else ""
    title = front.get("title") or ""
    if not title:
        title, text = _split_title(text)
    folder = name.partition("/")[0] if "/" in name else ""
    section = folder.encode()[:MAX_FILTER_VALUE_BYTES].decode(errors="ignore").strip()
    front["lang"] = _language(front.get("lang", ""))
    in_path = {"lang": in_name, "section": section}
    metadata = {key: front.get(key.lower()) or in_path.get(key, "") for key in FILTER_KEYS}
    return {
        "id": file_id(name),
        "title": (title or (stem if in_name else PurePosixPath(name).stem))[:MAX_TITLE_CHARS],
        "source": name[-MAX_SOURCE_CHARS:],
        "text": text,
        "metadata": {key: value for key, value in metadata.items() if value},
    }


def _split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """The values of a text's front matter, in YAML or TOML, and what follows it. Three dashes may
    also be a line across the page: between them are then no keys."""
    found = _FRONT_MATTER.match(text)
    # A table of TOML has keys of its own.
    pairs = _KEY.findall(f"\n{found['lines']}".partition("\n[")[0]) if found else []
    if not found or not pairs:
        return {}, text
    return {key.lower(): _value(said) for key, said in pairs}, text[found.end() :].strip()


def _value(said: str) -> str:
    """A value of front matter, on one line; empty if it is a list or a table."""
    if folded := _FOLDED.match(said):
        return " ".join(said[folded.end() :].split())
    if said[:1] in ("\n", "[", "{"):
        return ""
    line = " ".join(said.split())
    quoted = _QUOTED.fullmatch(line)
    return quoted[2].strip() if quoted else _COMMENT.split(line, maxsplit=1)[0]


def _split_title(text: str) -> tuple[str, str]:
    """The heading at the top, or nothing, and the text without it."""
    heading = _HEADING.match(text)
    if not heading:
        return "", text
    title = re.sub(" #+$", "", (heading["marked"] or heading["underlined"]).strip())
    rest = (heading["above"] + text[heading.end() :]).strip()
    # A title that has to be cut stays in the text as well, and so does one that is all there is.
    return title, rest if rest and len(title) <= MAX_TITLE_CHARS else text


def _language(text: str) -> str:
    """A language tag in its usual spelling; empty if it is none of a language that there is."""
    tag = _LANGUAGE_TAG.fullmatch(text)
    if not tag or tag[1].lower() not in _LANGUAGES.split():
        return ""
    language, script, region = tag[1].lower(), (tag[2] or "").title(), (tag[3] or "").upper()
    return "-".join(part for part in (language, script, region) if part)


def _too_large(name: str, what: str, most: int) -> Problem:
    return Problem(413, "too-large", f"{name!r} {what}, at most {most:,}: split it.")


def _unreadable(name: str, why: str) -> Problem:
    return Problem(422, "unreadable-file", f"{name!r} {why}.")
