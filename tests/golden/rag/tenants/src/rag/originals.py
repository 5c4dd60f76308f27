"""The files that clients sent, in R2, under the ids of their documents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from web.http import Reply
from web.problems import not_found

if TYPE_CHECKING:
    from bindings import R2Bucket


@dataclass(frozen=True)
class Originals:
    """The bucket. The claim of a document protects its file, too."""

    bucket: R2Bucket

    async def keep(self, document_id: str, content: bytes) -> None:
        """Store the file of a document, instead of the one there is."""
        await self.bucket.put(_key(document_id), content)

    async def drop(self, document_id: str) -> None:
        """Delete the file of a document, if there is one."""
        await self.bucket.delete(_key(document_id))

    async def reply(self, document_id: str) -> Reply:
        """The file, for a browser to save, and never to show: it may hold scripts.

        Raises:
            Problem: 404 if there is none.
        """
        stored = await self.bucket.get(_key(document_id))
        if stored is None:
            raise not_found(f"original of the document {document_id!r}")
        # An id has no character that would have to be quoted.
        name = PurePosixPath(document_id).name
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        return Reply(200, bytes(await stored.bytes()), headers)


def _key(document_id: str) -> str:
    return f"originals/{document_id}"
