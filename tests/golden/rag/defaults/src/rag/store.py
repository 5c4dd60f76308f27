"""Documents and their chunks in D1. The tables are described in ``migrations/``."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from rag.limits import CHUNK_ROWS_BATCH, CLAIM_SECONDS, DELETE_BATCH
from rag.records import Chunk, Document, Passage, searchable_text
from rag.settings import POOLING
from rag.text_index import indexed_words
from web.problems import Problem, not_found

if TYPE_CHECKING:
    from bindings import D1Database, D1Statement

#: The latest revision of a document, as JSON. Its ``state`` is "searchable", or "pending" until
#: Vectorize finds it; a search finds the revision before, if there is one.
Stored = dict[str, Any]
#: What D1 binds.
Value = str | int | None

_NOW = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
# What is pending of a document replaces what is served of it.
_REPLACED = ("title", "source", "metadata", "chunks")
_LATEST = ", ".join(
    [f"ifnull(json_extract(pending, '$.{name}'), {name}) AS {name}" for name in _REPLACED]
)
_COLUMNS = (
    f"id, {_LATEST}, iif(pending IS NULL, 'searchable', 'pending') AS state, created_at, updated_at"
)
_KNOWN = "(revision IS NOT NULL OR pending IS NOT NULL)"
# Of a chunk ``c`` and its document ``d``.
_STALE = "c.revision IS NOT d.revision AND c.revision IS NOT json_extract(d.pending, '$.revision')"


@dataclass(frozen=True)
class Store:
    """The database, seen as what this application does with it.

    Lists of values go in as one JSON text and ``json_each``: D1 binds at most 100 values a
    statement, and each statement counts.
    """

    database: D1Database

    async def check_index(self, model: str, *, record: bool) -> None:
        """Make sure that the vectors there are were made with ``model`` and ``POOLING``.

        Args:
            model: The embedding model that is configured now.
            record: Note both, if nothing is noted yet.

        Raises:
            Problem: They were made with something else.
        """
        if record:
            await self._run(
                "INSERT INTO vector_index (id, embedding_model, pooling) VALUES (1, ?, ?) "
                "ON CONFLICT (id) DO NOTHING",
                model,
                POOLING,
            )
        row = await self._first("SELECT embedding_model, pooling FROM vector_index")
        if row and (row["embedding_model"], row["pooling"]) != (model, POOLING):
            raise Problem(
                500,
                "index-mismatch",
                f"The index holds vectors of {row['embedding_model']} ({row['pooling']}), but "
                f"{model} ({POOLING}) is configured. Set EMBEDDING_MODEL back, or make a new "
                "index and ingest again: see the README.",
            )

    @contextlib.asynccontextmanager
    async def claim(self, document_id: str, owner: str) -> AsyncIterator[str | None]:
        """Hold a document, so that no other request changes it meanwhile.

        Yields the latest revision, pending or served, ``None`` if there is none. A claim that was
        never given back (the Worker was cut off) ends after ``CLAIM_SECONDS``. A document of
        which nothing is left is forgotten at the end.

        Raises:
            Problem: 409 if another request holds it.
        """
        row = await self._first(
            "INSERT INTO documents (id, claim, claimed_at, unswept) VALUES (?, ?, unixepoch(), 1) "
            "ON CONFLICT (id) DO UPDATE SET claim = excluded.claim, "
            "claimed_at = excluded.claimed_at, unswept = 1 "
            "WHERE documents.claim IS NULL OR documents.claimed_at < unixepoch() - ? "
            "RETURNING ifnull(json_extract(pending, '$.revision'), revision) AS latest",
            document_id,
            owner,
            CLAIM_SECONDS,
        )
        if row is None:
            raise _conflict(document_id)
        try:
            yield row["latest"]
        finally:
            await self._run(
                f"DELETE FROM documents AS d WHERE id = ? AND claim = ? AND NOT {_KNOWN} "
                "AND NOT EXISTS (SELECT 1 FROM chunks c WHERE c.document_id = d.id)",
                document_id,
                owner,
            )
            await self._run(
                "UPDATE documents AS d SET claim = NULL, unswept = EXISTS ("
                f"SELECT 1 FROM chunks c WHERE c.document_id = d.id AND {_STALE}) "
                "WHERE id = ? AND claim = ?",
                document_id,
                owner,
            )

    async def add_chunks(
        self, document_id: str, revision: str, ids: Sequence[str], chunks: Sequence[Chunk]
    ) -> None:
        """Write the chunks of a revision that is not served yet; doing it twice is harmless."""
        for start in range(0, len(chunks), CHUNK_ROWS_BATCH):
            rows = [
                [ids[n], n, *astuple(chunk), indexed_words(searchable_text(chunk))]
                for n, chunk in enumerate(chunks[start : start + CHUNK_ROWS_BATCH], start)
            ]
            await self._run(
                "INSERT INTO chunks "
                "(document_id, revision, id, position, heading, text, shared, words) "
                "SELECT ?, ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, "
                "value ->> 5 FROM json_each(?) "
                # Without a WHERE, SQLite takes ON CONFLICT for a join's condition.
                "WHERE true ON CONFLICT (id) DO NOTHING",
                document_id,
                revision,
                json.dumps(rows),
            )

    async def hold(self, document: Document, revision: str, ids: Sequence[str], owner: str) -> None:
        """Keep ``revision`` as the pending one.

        Raises:
            Problem: 409 if ``owner`` has lost its claim.
        """
        pending = {
            "revision": revision,
            "last_chunk": ids[-1],
            "title": document.title,
            "source": document.source,
            "metadata": dict(document.metadata),
            "chunks": len(ids),
        }
        row = await self._first(
            "UPDATE documents SET pending = ? WHERE id = ? AND claim = ? RETURNING id",
            json.dumps(pending),
            document.id,
            owner,
        )
        if row is None:
            raise _conflict(document.id)

    async def pending(self, limit: int) -> list[str]:
        """Ids of the last chunks of at most ``limit`` pending revisions."""
        rows = await self._all(
            "SELECT json_extract(pending, '$.last_chunk') AS id FROM documents "
            "WHERE pending IS NOT NULL LIMIT ?",
            limit,
        )
        return [row["id"] for row in rows]

    async def publish(self, last_chunks: Sequence[str]) -> None:
        """Serve the revisions with these last chunks from now on, if they are still pending."""
        replaced = ", ".join(f"{name} = json_extract(pending, '$.{name}')" for name in _REPLACED)
        await self._run(
            f"UPDATE documents SET {replaced}, revision = json_extract(pending, '$.revision'), "
            f"pending = NULL, unswept = 1, updated_at = {_NOW} WHERE pending IS NOT NULL "
            "AND json_extract(pending, '$.last_chunk') IN (SELECT value FROM json_each(?))",
            json.dumps(last_chunks),
        )

    async def withdraw(self, document_id: str, owner: str) -> None:
        """Serve no revision of the document any more."""
        await self._run(
            "UPDATE documents SET revision = NULL, pending = NULL WHERE id = ? AND claim = ?",
            document_id,
            owner,
        )

    async def unswept(self, limit: int) -> list[str]:
        """Ids of at most ``limit`` documents that may have stale chunks, and that nobody holds."""
        rows = await self._all(
            "SELECT id FROM documents WHERE unswept = 1 "
            "AND (claim IS NULL OR claimed_at < unixepoch() - ?) LIMIT ?",
            CLAIM_SECONDS,
            limit,
        )
        return [row["id"] for row in rows]

    async def stale_chunks(self, document_id: str) -> list[str]:
        """Ids of some chunks, at most ``DELETE_BATCH``, of revisions neither served nor pending."""
        rows = await self._all(
            "SELECT c.id FROM chunks c JOIN documents d ON d.id = c.document_id "
            f"WHERE d.id = ? AND {_STALE} LIMIT ?",
            document_id,
            DELETE_BATCH,
        )
        return [row["id"] for row in rows]

    async def delete_chunks(self, ids: Sequence[str]) -> None:
        """Forget chunks whose vectors are gone."""
        await self._run(
            "DELETE FROM chunks WHERE id IN (SELECT value FROM json_each(?))", json.dumps(ids)
        )

    async def exists(self, document_id: str) -> bool:
        """Whether anything is known of the document, be it served or half ingested."""
        return await self._first("SELECT 1 FROM documents WHERE id = ?", document_id) is not None

    async def get(self, document_id: str) -> Stored:
        """A document that is served or pending.

        Raises:
            Problem: 404 if there is none.
        """
        row = await self._first(
            f"SELECT {_COLUMNS} FROM documents WHERE id = ? AND {_KNOWN}", document_id
        )
        if row is None:
            raise not_found(f"document {document_id!r}")
        return _stored(row)

    async def text(self, document_id: str, start: int, limit: int) -> str:
        """The text of the served revision: ``limit`` chunks of it, from position ``start`` on."""
        rows = await self._all(
            "SELECT substr(c.text, c.shared + 1) AS new FROM chunks c JOIN documents d "
            "ON d.id = c.document_id AND d.revision = c.revision "
            "WHERE d.id = ? AND c.position BETWEEN ? AND ? ORDER BY c.position",
            document_id,
            start,
            start + limit - 1,
        )
        return "".join(row["new"] for row in rows)

    async def page(self, after: str, limit: int, *, pending: bool = False) -> list[Stored]:
        """At most ``limit`` documents by id, from the one after ``after`` on: those that are served
        or pending, or only those that are ``pending``."""
        wanted = "pending IS NOT NULL" if pending else _KNOWN
        rows = await self._all(
            f"SELECT {_COLUMNS} FROM documents WHERE id > ? AND {wanted} ORDER BY id LIMIT ?",
            after,
            limit,
        )
        return [_stored(row) for row in rows]

    async def passages(self, scores: Mapping[str, float]) -> list[Passage]:
        """The chunks of these ids with their scores, best first. One of a revision that is not
        served, since it is pending or was replaced, stands for that of the served revision at the
        same position."""
        rows = await self._all(
            "SELECT d.id AS document_id, d.title, d.source, d.metadata, "
            "s.position, s.heading, trim(s.text, char(9, 10, 32)) AS text, "
            "max(wanted.value) AS score "
            "FROM json_each(?) AS wanted JOIN chunks c ON c.id = wanted.key "
            "JOIN documents d ON d.id = c.document_id "
            # An id as `records.py` builds it; the document's part has 24 characters.
            "JOIN chunks s ON s.id = substr(c.id, 1, 25) || d.revision || '-' "
            "|| min(c.position, d.chunks - 1) GROUP BY s.id ORDER BY score DESC, s.id",
            json.dumps(scores),
        )
        return [Passage(**_stored(row)) for row in rows]

    async def _run(self, sql: str, *values: Value) -> None:
        await self._bound(sql, values).run()

    async def _first(self, sql: str, *values: Value) -> Mapping[str, Any] | None:
        return await self._bound(sql, values).first()

    async def _all(self, sql: str, *values: Value) -> list[Mapping[str, Any]]:
        return (await self._bound(sql, values).all())["results"]

    def _bound(self, sql: str, values: Sequence[Value]) -> D1Statement:
        statement = self.database.prepare(sql)
        return statement.bind(*values) if values else statement


def _stored(row: Mapping[str, Any]) -> Stored:
    return dict(row) | {"metadata": json.loads(row["metadata"])}


def _conflict(document_id: str) -> Problem:
    return Problem(
        409,
        "document-busy",
        f"Another request is changing the document {document_id!r}. Try again.",
        headers={"Retry-After": "5"},
    )
