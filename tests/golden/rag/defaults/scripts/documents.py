"""Finds files and makes documents of them, as ``POST /documents`` takes them."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decoding import NotTextError, decode

_TEXTS = (".md", ".markdown", ".txt")
_IMAGES = (".png", ".jpg", ".jpeg", ".webp")
# What the Worker converts: src/rag/files.py.
_CONVERTED = (".html", ".htm", ".csv", ".pdf", ".docx", ".xlsx", ".odt", ".ods", *_IMAGES)
SUFFIXES = (*_TEXTS, *_CONVERTED)
# Those of src/rag/limits.py.
MAX_FILE_BYTES = 10_000_000
MAX_TEXT_BYTES = 1_000_000
MAX_ID_CHARS = 128
MAX_TITLE_CHARS = 200
MAX_SOURCE_CHARS = 500
MAX_SECTION_BYTES = 64

# No documents of yours: what tools put there. Names that start with a dot are left out, too.
_FOREIGN_FOLDERS = {"node_modules", "python_modules", "venv", "__pycache__"}
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._:/@+-]+")
# Lines of keys, and what YAML and TOML have between them: indented lines, lists, comments, tables.
# No line can be two of these: the time this takes grows with the text, and not faster.
_FRONT_MATTER = re.compile(
    r"(?P<mark>---|\+\+\+)[ \t]*\n"
    r"(?P<lines>(?:(?!(?P=mark)|\.{3})(?:[\w\"'][\w\"' .-]*[:=].*|[ \t#[\]}-].*|)\n)*)"
    r"(?:(?P=mark)|\.{3})[ \t]*(?:\n|\Z)"
)
_KEY = re.compile(r"^([\w-]+)[ \t]*[:=][ \t]*([^\n]*)$", re.MULTILINE)
# The languages that bge-m3 reads, by ISO 639-1: those of XLM-RoBERTa, on which it is built.
_LANGUAGES = (
    "af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fr fy ga gd gl gu ha he "
    "hi hr hu hy id is it ja jv ka kk km kn ko ku ky la lo lt lv mg mk ml mn mr ms my nb ne nl nn "
    "no om or pa pl ps pt ro ru sa sd si sk sl so sq sr su sv sw ta te th tl tr ug uk ur uz vi xh "
    "yi zh"
)
# BCP 47: a language, maybe a script, maybe a region.
_LANGUAGE_TAG = re.compile(r"([a-z]{2})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|[0-9]{3}))?", re.I)


@dataclass(frozen=True)
class File:
    """A file to ingest. ``name`` is its path below what was asked for, with slashes."""

    path: Path
    name: str


@dataclass(frozen=True)
class Skipped:
    """Something that is not ingested, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Document:
    """A document to send. ``encoding`` is that of its file; a file that the Worker has to convert
    has its ``content`` instead of a text."""

    name: str
    fields: dict[str, Any]
    encoding: str = "UTF-8"
    content: bytes | None = None


def find(
    paths: Sequence[Path], others: list[str] | None = None, *, images: bool = False
) -> Iterator[File | Skipped]:
    """The files that are named, or are in named folders.

    ``others`` gets the names of files in folders that end in none of ``SUFFIXES``, and those of
    images unless they are wanted: most of them illustrate the texts.
    """
    others = [] if others is None else others
    wanted = tuple(end for end in SUFFIXES if images or end not in _IMAGES)
    for path in paths:
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except OSError as error:
            yield Skipped(shown(str(path)), f"can't be read: {error.strerror}")
            continue
        if is_folder:
            yield from _in_folder(path, wanted, others)
        elif path.name.lower().endswith(SUFFIXES):
            yield File(path, path.name)
        else:
            yield Skipped(shown(str(path)), f"its name ends in none of {', '.join(SUFFIXES)}")


def _in_folder(root: Path, wanted: tuple[str, ...], others: list[str]) -> Iterator[File | Skipped]:
    errors: list[OSError] = []
    for folder, folders, files in os.walk(root, onerror=errors.append):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if name[0] != "." and name not in _FOREIGN_FOLDERS
        )
        for name in folders:
            if (here / name).is_symlink() and not _leads_back(here / name, root):
                yield Skipped(_name(here / name, root), "it is a link: name that folder, too")
        for name in sorted(files):
            if name[0] == ".":
                continue
            if name.lower().endswith(wanted):
                yield File(here / name, (here / name).relative_to(root).as_posix())
            else:
                others.append(_name(here / name, root))
    for error in errors:
        yield Skipped(_name(Path(error.filename), root), f"can't be read: {error.strerror}")


def read(file: File, default_language: str) -> Document | Skipped:
    """The document that a file holds."""
    name = unicodedata.normalize("NFC", shown(file.name))
    stem, language = _language(Path(name).stem)
    try:
        if name.lower().endswith(_CONVERTED):
            content = _content(file.path, MAX_FILE_BYTES)
            fields = _fields(file, name, language or default_language)
            return Document(shown(file.name), fields, content=content)
        text, encoding = decode(_content(file.path, MAX_TEXT_BYTES, width=4))
    except OSError as error:
        return Skipped(shown(file.name), f"can't be read: {error.strerror}")
    except NotTextError as error:
        return Skipped(shown(file.name), str(error))
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\ufeff").strip()
    if not any(char.isprintable() and not char.isspace() for char in text):
        return Skipped(shown(file.name), "it is empty")
    size = len(text.encode())
    if size > MAX_TEXT_BYTES:
        return Skipped(shown(file.name), _too_large(size, MAX_TEXT_BYTES))
    about, text = _split_front_matter(text)
    if not text:
        return Skipped(shown(file.name), "it is empty, below its front matter")
    title, text = _split_title(text, default=stem)
    title = about.get("title", title)[:MAX_TITLE_CHARS]
    fields = _fields(file, name, _tag(about.get("lang", "")) or language or default_language)
    return Document(shown(file.name), {**fields, "title": title, "text": text}, encoding)


def _fields(file: File, name: str, language: str) -> dict[str, Any]:
    """What the name of a file says of its document."""
    metadata = {"lang": language}
    folder, slash, _ = name.partition("/")
    if slash:
        metadata["section"] = folder.encode()[:MAX_SECTION_BYTES].decode(errors="ignore")
    id_ = document_id(file.name)
    return {"id": id_, "source": name[-MAX_SOURCE_CHARS:], "metadata": metadata}


def document_id(name: str) -> str:
    """The id of the file of this name: the name, if an id may look like it.

    Else it is made of what can stay, and a digest of the whole name. Accents that are a character
    of their own, as in names from a Mac, make no difference.
    """
    letters = unicodedata.normalize("NFD", name)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    identifier = _NOT_IN_IDS.sub("-", plain)
    if identifier == name and len(name) <= MAX_ID_CHARS:
        return name
    whole = unicodedata.normalize("NFC", name).encode(errors="surrogateescape")
    digest = hashlib.sha256(whole).hexdigest()[:10]
    base, dot, suffix = identifier.rpartition(".")
    ending = f"-{digest}{dot}{suffix}"
    return base.strip("-")[: MAX_ID_CHARS - len(ending)] + ending


def shown(name: str) -> str:
    """A name that can be printed and sent: it may hold any bytes, and orders to a terminal."""
    text = name.encode(errors="surrogateescape").decode(errors="replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _leads_back(link: Path, root: Path) -> bool:
    """Whether a link leads to what is walked anyway, or would go round in circles."""
    target, top = link.resolve(), root.resolve()
    return target.is_relative_to(top) or top.is_relative_to(target)


def _name(path: Path, root: Path) -> str:
    """A path below ``root``, as it is shown; the root itself by its own name."""
    return shown(str(path) if path == root else path.relative_to(root).as_posix())


def _content(path: Path, most: int, width: int = 1) -> bytes:
    """The bytes of a file, but no more than could be a document.

    Raises:
        OSError: It can't be read.
        NotTextError: It is not a file, or far too large.
    """
    found = path.stat()
    # To open a pipe would wait for who writes to it.
    if not stat.S_ISREG(found.st_mode):
        raise NotTextError("it is no regular file")
    # UTF-32 has four bytes for what UTF-8 has in one, and its mark.
    if found.st_size > width * (most + 1):
        raise NotTextError(_too_large(found.st_size, most))
    return path.read_bytes()


def _too_large(size: int, most: int) -> str:
    return f"it has {size:,} bytes of at most {most:,}: split it"


def _language(stem: str) -> tuple[str, str]:
    """A file's stem without its language, and the language: ``ferry.de`` has "de"."""
    rest, _, last = stem.rpartition(".")
    tag = _tag(last) if rest else ""
    return (rest, tag) if tag else (stem, "")


def _tag(text: str) -> str:
    """A language tag in its usual spelling; empty if it is none of a language that there is."""
    tag = _LANGUAGE_TAG.fullmatch(text)
    if not tag or tag[1].lower() not in _LANGUAGES.split():
        return ""
    language, script, region = tag[1].lower(), (tag[2] or "").title(), (tag[3] or "").upper()
    return "-".join(part for part in (language, script, region) if part)


def _split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """The single values of a text's front matter, in YAML or TOML, and what follows it.

    Three dashes may also be a line across the page: between them are then no keys.
    """
    found = _FRONT_MATTER.match(text)
    pairs = _KEY.findall(found["lines"]) if found else []
    if not found or not pairs:
        return {}, text
    values = {key.lower(): value.strip().strip("\"'") for key, value in pairs}
    return {key: value for key, value in values.items() if value}, text[found.end() :].strip()


def _split_title(text: str, default: str) -> tuple[str, str]:
    """The first heading and what follows, or the default and the whole text."""
    first, _, rest = text.partition("\n")
    heading = first.removeprefix("# ").strip()
    if first.startswith("# ") and heading and rest.strip():
        # A title that has to be cut stays in the text as well.
        return heading[:MAX_TITLE_CHARS], rest.strip() if len(heading) <= MAX_TITLE_CHARS else text
    return default[:MAX_TITLE_CHARS], text
