"""The files that clients sent, in R2, one for each revision of a document that comes from a file.

As its chunks and vectors, the file of a revision is written before the revision is served, and
deleted when it is not any more. No revision ever changes, and two requests never write the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from rag.records import Document
from web.http import Reply
from web.problems import not_found

if TYPE_CHECKING:
    from bindings import R2Bucket


@dataclass(frozen=True)
class FileDocument(Document):
    """A document that comes from a file."""

    original: bytes


def identified(document: Document) -> Document:
    """What a document's fingerprint is made of: another file is a change, of whatever text."""
    if not isinstance(document, FileDocument):
        return document
    file = hashlib.sha256(document.original).hexdigest()
    return replace(document, source=f"{document.source}\n{file}")


@dataclass(frozen=True)
class Originals:
    """The bucket. A revision is known by the id of any of its chunks."""

    bucket: R2Bucket

    async def keep(self, chunk_id: str, content: bytes) -> None:
        """Store the file of a revision."""
        await self.bucket.put(_key(chunk_id), content)

    async def drop(self, chunk_ids: Iterable[str]) -> None:
        """Delete the files of some revisions, if they have any."""
        await self.bucket.delete(sorted(set(map(_key, chunk_ids))))

    async def reply(self, chunk_id: str, document_id: str) -> Reply:
        """The file, for a browser to save, and never to show: it may hold scripts.

        Raises:
            Problem: 404 if there is none.
        """
        stored = await self.bucket.get(_key(chunk_id))
        if stored is None:
            raise not_found("original of this document")
        # An id has no character that would have to be quoted.
        name = PurePosixPath(document_id).name
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        return Reply(200, bytes(await stored.bytes()), headers)


def _key(chunk_id: str) -> str:
    # Without the position.
    return f"originals/{chunk_id.rpartition('-')[0]}"
