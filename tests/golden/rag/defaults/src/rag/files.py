"""Files as documents: what kind of file it is, its text, its title and its language.

Text and Markdown are read here. Workers AI converts all others to Markdown
(developers.cloudflare.com/workers-ai/features/markdown-conversion).
"""

import hashlib
import re
import unicodedata
from pathlib import PurePosixPath
from typing import Any

from rag import limits, requests
from rag.models import Models
from rag.records import FILTER_KEYS, Document, Upload
from rag.text_index import without_accents
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
# What files begin with, and what they are then: enough of it that no text begins so.
_MARKS = {
    rb"%PDF-\d\.\d\s*(?:[\r\n]|\Z)": "application/pdf",
    rb"PK\x03\x04": _ARCHIVE,
    rb"\x89PNG\r\n\x1a\n": "image/png",
    rb"\xff\xd8\xff": "image/jpeg",
    rb"RIFF.{4}WEBP": "image/webp",
    rb"GIF8[79]a.{6}\0": "image/gif",
    rb"\xd0\xcf\x11\xe0": "an old office document",
    rb"\x1f\x8b": "compressed with gzip",
}
# A PDF may have something before it.
_PDF_STARTS_WITHIN = 1_024
# The languages that bge-m3 reads, by ISO 639-1: those of XLM-RoBERTa, on which it is built.
_LANGUAGES = (
    "af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fr fy ga gd gl gu ha he "
    "hi hr hu hy id is it ja jv ka kk km kn ko ku ky la lo lt lv mg mk ml mn mr ms my nb ne nl nn "
    "no om or pa pl ps pt ro ru sa sd si sk sl so sq sr su sv sw ta te th tl tr ug uk ur uz vi xh "
    "yi zh"
)
_LANGUAGE_TAG = re.compile(r"([a-z]{2})([-_][a-z0-9]{2,4})*", re.I)
# The time that these take grows with the text, and not faster: what *+ has taken is never given
# back. Lines of keys, and what YAML and TOML have between them: what is indented, lists, comments,
# tables.
_FRONT_MATTER = re.compile(
    r"(---|\+\+\+)[ \t]*\n((?:(?!\1|\.{3})(?:[\w\"'][\w\"' .-]*[:=].*|[ \t#[\]}-].*|)\n)*+)"
    r"(?:\1|\.{3})[ \t]*(?:\n|\Z)"
)
# A key, and its value: of several lines, between quotes, or plain. Lists and tables are none.
_PAIR = re.compile(
    r"""^([\w-]+)[ \t]*[:=][ \t]*(?:[|>][-+0-9]*[ \t]*((?:\n[ \t]+.*)*+)|"((?:[^"\\\n]|\\.)*+)"|"""
    r"""'([^'\n]*+)'|([^\s\[{"'|>#](?:[^\n#]|(?<=\S)#)*+(?:\n[ \t]+.*)*+))?""",
    re.MULTILINE,
)
# A heading of the first level. Blank lines, comments, pictures and HTML may be above it.
_HEADING = re.compile(
    r"((?:\s+|<!--.*?(?:-->|\Z)|(?:<|\[?!\[)[^\n]*)*+)"
    r"(?:#[ \t]+(\S[^\n]*)(?:\n|\Z)|(\S[^\n]*)\n==+[ \t]*(?:\n|\Z))",
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
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    values = _about(upload.name, text, converted=media_type not in _READ_HERE)
    metadata = values["metadata"] | upload.about.get("metadata", {})
    values |= {**upload.about, "id": upload.id, "metadata": metadata}
    if not values["text"]:
        raise _unreadable(upload.name, "holds no text")
    if (size := len(values["text"].encode())) > limits.MAX_DOCUMENT_BYTES:
        raise _too_large(upload.name, f"holds {size:,} bytes of text", limits.MAX_DOCUMENT_BYTES)
    return requests.read_documents(check(values, requests.DOCUMENTS))[0]


def file_type(name: str, content: bytes) -> str:
    """The media type of a file: what its name says, if its first bytes don't contradict."""
    media_type = MEDIA_TYPES.get(PurePosixPath(name).suffix.lower())
    if media_type is None:
        known = ", ".join(MEDIA_TYPES)
        raise Problem(415, "unsupported-type", f"{name!r} is none of {known}.")
    if len(content) > limits.MAX_FILE_BYTES:
        raise _too_large(name, f"has {len(content):,} bytes", limits.MAX_FILE_BYTES)
    if not content:
        raise _unreadable(name, "is empty")
    found = _sniff(media_type, content)
    archived = found == _ARCHIVE and media_type.startswith((_OFFICE, _OPEN))
    is_text = not found and media_type.startswith("text/")
    if found != media_type and not archived and not is_text:
        said = f"it is {found}" if found else f"it does not begin like {media_type}"
        raise Problem(415, "unsupported-type", f"{name!r} is not what its name says: {said}.")
    return media_type


def file_id(name: str) -> str:
    """The name, if an id may look like it; else what of it can stay, and a digest of the whole."""
    identifier = _NOT_IN_IDS.sub("-", without_accents(name))
    if identifier == name and len(name) <= limits.MAX_ID_CHARS:
        return name
    whole = unicodedata.normalize("NFC", name).encode(errors="replace")
    suffix = PurePosixPath(identifier).suffix
    suffix = suffix if suffix.lower() in MEDIA_TYPES else ""
    ending = f"-{hashlib.sha256(whole).hexdigest()[:10]}{suffix}"
    return identifier.removesuffix(suffix).strip("-")[: limits.MAX_ID_CHARS - len(ending)] + ending


def _sniff(media_type: str, content: bytes) -> str:
    """What the first bytes show; empty if nothing is known. The name says ``media_type``."""
    if media_type == "application/pdf" and b"%PDF-" in content[:_PDF_STARTS_WITHIN]:
        return media_type
    kinds = (kind for mark, kind in _MARKS.items() if re.match(mark, content, re.DOTALL))
    return next(kinds, "")


def _decode(name: str, content: bytes) -> str:
    codec = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(codec)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise _unreadable(name, "is not text in UTF-8")
    return text


def _about(name: str, text: str, *, converted: bool) -> dict[str, Any]:
    name = unicodedata.normalize("NFC", name)
    folder, slash, _ = name.partition("/")
    stem = PurePosixPath(name).stem
    above, _, last = stem.rpartition(".")
    lang = _language(last) if above else ""
    said, text = _split_front_matter(text)
    title, below = _split_title(text)
    # What the converter calls the title of a web page is its <title>: often more that of the site.
    if said.get("title") and not (converted and title):
        title, below = said["title"], text
    section = folder.encode()[: limits.MAX_FILTER_VALUE_BYTES].decode(errors="ignore").strip()
    said["lang"] = _language(said.get("lang", "")) or lang
    said["section"] = said.get("section") or (section if slash else "")
    return {
        "title": (title or (above if lang else stem))[: limits.MAX_TITLE_CHARS],
        "source": name[-limits.MAX_SOURCE_CHARS :],
        "text": below,
        "metadata": {key: said[key.lower()] for key in FILTER_KEYS if said.get(key.lower())},
    }


def _split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """What the front matter says, and the text below it. Three dashes may also be a line across the
    page: between them are then no keys. A table of TOML has keys of its own."""
    found = _FRONT_MATTER.match(text)
    pairs = _PAIR.findall(f"\n{found[2]}".partition("\n[")[0]) if found else []
    if not found or not pairs:
        return {}, text
    said = {key.lower(): " ".join("".join(value).split()) for key, *value in pairs}
    return said, text[found.end() :].strip()


def _split_title(text: str) -> tuple[str, str]:
    """The heading at the top, or nothing, and the text without it."""
    if not (heading := _HEADING.match(text)):
        return "", text
    title = re.sub(" #+$", "", (heading[2] or heading[3]).strip())
    rest = (heading[1] + text[heading.end() :]).strip()
    # A title that has to be cut stays in the text as well, and so does one that is all there is.
    return title, rest if rest and len(title) <= limits.MAX_TITLE_CHARS else text


def _language(text: str) -> str:
    """A tag, such as de or pt-br; empty if it is none of a language that there is."""
    known = (tag := _LANGUAGE_TAG.fullmatch(text)) and tag[1].lower() in _LANGUAGES.split()
    return text.lower().replace("_", "-") if known else ""


def _too_large(name: str, what: str, most: int) -> Problem:
    return Problem(413, "too-large", f"{name!r} {what}, at most {most:,}: split it.")


def _unreadable(name: str, why: str) -> Problem:
    return Problem(422, "unreadable-file", f"{name!r} {why}.")
