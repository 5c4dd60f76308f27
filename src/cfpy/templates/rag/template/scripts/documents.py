"""Finds files and reads them, as ``POST /documents`` takes them."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from decoding import NotTextError, decode

_TEXTS = (".md", ".markdown", ".txt")
_IMAGES = (".png", ".jpg", ".jpeg", ".webp")
# Those of src/rag/files.py.
SUFFIXES = (*_TEXTS, ".html", ".htm", ".csv", ".pdf", ".docx", ".xlsx", ".odt", ".ods", *_IMAGES)
# That of src/rag/limits.py.
MAX_FILE_BYTES = 10_000_000

# No documents of yours: what tools put there. Office keeps ~$NAME while a document is open.
_FOREIGN_FOLDERS = {"node_modules", "python_modules", "venv", "__pycache__"}
_HIDDEN = (".", "~$")


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
    """A file to send. ``encoding`` is what it was in; a text is sent in UTF-8."""

    name: str
    content: bytes
    encoding: str = "UTF-8"


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
            yield File(path, shown(path.name))
        else:
            yield Skipped(shown(str(path)), f"its name ends in none of {', '.join(SUFFIXES)}")


def _in_folder(root: Path, wanted: tuple[str, ...], others: list[str]) -> Iterator[File | Skipped]:
    errors: list[OSError] = []
    for folder, folders, files in os.walk(root, onerror=errors.append):
        here = Path(folder)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(_HIDDEN) and name not in _FOREIGN_FOLDERS
        )
        for name in folders:
            if (here / name).is_symlink() and not _leads_back(here / name, root):
                yield Skipped(_name(here / name, root), "it is a link: name that folder, too")
        for path in (here / name for name in sorted(files) if not name.startswith(_HIDDEN)):
            if not path.name.lower().endswith(wanted):
                others.append(_name(path, root))
            elif _real(path).is_relative_to(_real(root)):
                yield File(path, _name(path, root))
            else:
                # A folder from elsewhere could publish any file of this machine.
                yield Skipped(_name(path, root), "it is a link to outside: name that file, too")
    for error in errors:
        yield Skipped(_name(Path(error.filename), root), f"can't be read: {error.strerror}")


def read(file: File) -> Document | Skipped:
    """What to send of a file."""
    try:
        content = _content(file.path)
        if not file.name.lower().endswith(_TEXTS):
            return Document(file.name, content)
        text, encoding = decode(content)
    except OSError as error:
        return Skipped(file.name, f"can't be read: {error.strerror}")
    except NotTextError as error:
        return Skipped(file.name, str(error))
    return Document(file.name, content if encoding == "UTF-8" else text.encode(), encoding)


def shown(name: str) -> str:
    """A name that can be printed and sent: it may hold any bytes, and orders to a terminal. Accents
    that are a character of their own, as in names from a Mac, make no difference."""
    text = name.encode(errors="surrogateescape").decode(errors="replace")
    text = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return unicodedata.normalize("NFC", text)


def _real(path: Path) -> Path:
    """Where a path leads to; ``Path.resolve`` raises an error at links that go round in circles."""
    return Path(os.path.realpath(path))


def _leads_back(link: Path, root: Path) -> bool:
    """Whether a link leads to what is walked anyway, or would go round in circles."""
    target, top = _real(link), _real(root)
    return target.is_relative_to(top) or top.is_relative_to(target)


def _name(path: Path, root: Path) -> str:
    """A path below ``root``, as it is shown; the root itself by its own name."""
    return shown(str(path) if path == root else path.relative_to(root).as_posix())


def _content(path: Path) -> bytes:
    """The bytes of a file, but no more than could be a document.

    Raises:
        OSError: It can't be read.
        NotTextError: It is not a file, or too large.
    """
    found = path.stat()
    # To open a pipe would wait for who writes to it.
    if not stat.S_ISREG(found.st_mode):
        raise NotTextError("it is no regular file")
    if found.st_size > MAX_FILE_BYTES:
        most = f"{found.st_size:,} bytes of at most {MAX_FILE_BYTES:,}"
        raise NotTextError(f"it has {most}: split it")
    return path.read_bytes()
