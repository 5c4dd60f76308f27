"""Ids of documents, of their revisions, and of their chunks."""

from __future__ import annotations

import hashlib
import json

from rag.records import Document

# Part of every fingerprint: raise it when chunking or embedding changes, and the next ingestion of
# a document indexes it again, although its text is the same.
SCHEME = 1


def document_id(title: str, text: str) -> str:
    """The id of a document that came without one: posting it again finds it again."""
    return f"doc-{_digest([title, text], 24)}"


def fingerprint(document: Document) -> str:
    """16 hexadecimal digits that change when anything of the document does."""
    return _digest(
        [SCHEME, document.title, document.text, document.source, dict(document.metadata)], 16
    )


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
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:length]
