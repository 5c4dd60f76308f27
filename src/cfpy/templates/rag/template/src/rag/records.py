"""The things that the other modules talk about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Scalar = str | int | float | bool

#: Metadata that queries can filter on. Each needs a metadata index (cfpy.toml), and one that is
#: added later applies only to documents that are ingested after it.
FILTER_KEYS = ("lang", "section")


@dataclass(frozen=True)
class Document:
    """A document as a client sent it, checked. ``text`` is plain text or Markdown."""

    id: str
    title: str
    text: str
    source: str
    metadata: Mapping[str, Scalar]


@dataclass(frozen=True)
class Chunk:
    """A piece of one revision of a document. ``position`` counts from 0."""

    id: str
    position: int
    text: str


@dataclass(frozen=True)
class StoredDocument:
    """The latest revision of a document. Times are ISO 8601, in UTC.

    ``state`` is "searchable", or "pending" until Vectorize finds it; a search finds the revision
    before, if there is one.
    """

    id: str
    title: str
    source: str
    metadata: Mapping[str, Scalar]
    chunks: int
    state: str
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Passage:
    """A chunk that a search found. ``score`` is the reranker's, 0 to 1."""

    document_id: str
    title: str
    source: str
    metadata: Mapping[str, Scalar]
    position: int
    text: str
    score: float


def searchable_text(title: str, text: str) -> str:
    """What is embedded and reranked of a chunk: without its title, a chunk has no subject."""
    return f"{title}\n\n{text}" if title else text
