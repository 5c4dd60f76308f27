"""The things that the other modules talk about, and their ids."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rag.limits import CHUNK_TOKENS, HEADING_TOKENS, MAX_BLANK, OVERLAP_TOKENS, SHORT_TOKENS

Scalar = str | int | float | bool

#: Metadata that queries can filter on. Each needs a metadata index (cfpy.toml), and one that is
#: added later applies only to documents that are ingested after it.
FILTER_KEYS = ("lang", "section")

# How documents are indexed: all settings that change chunks or vectors, and a number to increase
# when the code that makes them changes. Part of every fingerprint: if it differs, the next
# ingestion of a document indexes it again, although its text is the same.
SCHEME = [3, CHUNK_TOKENS, OVERLAP_TOKENS, HEADING_TOKENS, SHORT_TOKENS, MAX_BLANK, *FILTER_KEYS]


@dataclass(frozen=True)
class Document:
    """A document as a client sent it, checked. ``text`` is plain text or Markdown. With ``again``
    it is indexed although it is unchanged."""

    id: str
    title: str
    text: str
    source: str
    metadata: Mapping[str, Scalar]
    again: bool


@dataclass(frozen=True)
class Upload:
    """A file as a client sent it, and the ``id`` of its document. ``about`` is what the client says
    of that: ``title``, ``source`` and ``metadata``, as far as it does."""

    id: str
    name: str
    content: bytes
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Chunk:
    """A piece of a document: what all of it is about, such as "Guide > Install > Windows", and its
    text, of which the first ``shared`` characters are also in the piece before."""

    heading: str
    text: str
    shared: int


@dataclass(frozen=True)
class Passage:
    """A chunk that a search found; ``position`` counts from 0. ``score`` is the reranker's, 0 to 1;
    without it, it tells nothing but the order."""

    document_id: str
    title: str
    source: str
    metadata: Mapping[str, Scalar]
    position: int
    heading: str
    text: str
    score: float


def searchable_text(item: Chunk | Passage) -> str:
    """What is embedded, indexed and reranked: without its heading, a chunk has no subject."""
    return f"{item.heading}\n\n{item.text}".strip()


def document_id(title: str, text: str) -> str:
    """The id of a document that came without one: posting it again finds it again."""
    return f"doc-{_digest([title, text], 24)}"


def fingerprint(document: Document) -> str:
    """16 hexadecimal digits that change when anything of the document does, or the scheme."""
    return _digest([SCHEME, document.title, document.text, document.source, document.metadata], 16)


def revision(document: Document, owner: str) -> str:
    """The name of one ingestion of a document, by the request ``owner``: its fingerprint and more.

    No two ingestions share it, not even of the same text: a vector that is found is the one that
    was just written, and never one that is about to be deleted.
    """
    return f"{fingerprint(document)}-{_digest(owner, 8)}"


def chunk_id(document_id: str, revision: str, position: int) -> str:
    """The id of a chunk and of its vector; Vectorize takes ids of at most 64 bytes.

    It names the revision, so that two revisions of a document never overwrite each other's
    vectors: what is searched changes in one step, when the database names the new revision.
    """
    return f"{_digest([document_id], 24)}-{revision}-{position}"


def _digest(value: object, length: int) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:length]
