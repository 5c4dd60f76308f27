"""What is kept: documents and their chunks in D1, the vectors of the chunks in Vectorize.

``migrations/`` describes the tables and views. Lists of values go in as one JSON text and
``json_each``: D1 binds at most 100 values a statement, and each statement counts.

Vectorize writes asynchronously: a vector is found some seconds after it was written, and for as
long after it was deleted. Writes take effect in their order.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from rag import limits
from rag.records import FILTER_KEYS, Chunk, Document, Passage, Scalar, searchable_text
from rag.requests import Filter
from rag.settings import POOLING
from rag.text_index import indexed_words, search_terms
from web.problems import Problem, not_found

if TYPE_CHECKING:
    from bindings import D1Database, Vectorize

#: The latest revision of a document, as JSON. Its ``state`` is "searchable", or "pending" until
#: Vectorize finds it; a search finds the revision before, if there is one.
Stored = dict[str, Any]

_CLAIM = """
INSERT INTO documents (id, claim, claimed_at, unswept) VALUES (?, ?, unixepoch(), 1)
ON CONFLICT (id) DO UPDATE
SET claim = excluded.claim, claimed_at = excluded.claimed_at, unswept = 1
WHERE documents.claim IS NULL OR documents.claimed_at < unixepoch() - ?
RETURNING ifnull(pending ->> 'revision', revision) AS latest
"""
_CLAIM_LEFT = "SELECT claimed_at + ? - unixepoch() AS seconds FROM documents WHERE id = ?"
_FORGET = """
DELETE FROM documents AS d
WHERE id = ? AND claim = ? AND revision IS NULL AND pending IS NULL
AND NOT EXISTS (SELECT 1 FROM chunks WHERE document_id = d.id)
"""
_RELEASE = """
UPDATE documents AS d
SET claim = NULL, unswept = EXISTS (SELECT 1 FROM stale_chunks WHERE document_id = d.id)
WHERE id = ? AND claim = ?
"""
# Without a WHERE, SQLite takes ON CONFLICT for a join's condition.
_ADD_CHUNKS = """
INSERT INTO chunks (document_id, revision, id, position, heading, text, shared, words)
SELECT ?, ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
FROM json_each(?) WHERE true ON CONFLICT (id) DO NOTHING
"""
_PUBLISH = """
UPDATE documents SET
  title = pending ->> 'title', source = pending ->> 'source', metadata = pending -> 'metadata',
  chunks = pending ->> 'chunks', revision = pending ->> 'revision', pending = NULL,
  unswept = 1, updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
WHERE pending IS NOT NULL AND pending ->> 'last_chunk' IN (SELECT value FROM json_each(?))
"""
_READ = """
SELECT l.*, ifnull(d.pending ->> 'revision', d.revision) AS revision, (
  SELECT group_concat(new, '') FROM (
    SELECT substr(c.text, c.shared + 1) AS new FROM chunks c
    WHERE c.document_id = d.id AND c.revision = ifnull(d.pending ->> 'revision', d.revision)
    AND c.position BETWEEN ? AND ? ORDER BY c.position
  )
) AS text
FROM latest_documents l JOIN documents d ON d.id = l.id WHERE d.id = ?
"""
_FIRST_CHUNK = """
SELECT c.id FROM documents d JOIN chunks c
ON c.document_id = d.id AND c.revision = ifnull(d.pending ->> 'revision', d.revision)
WHERE d.id = ? AND c.position = 0
"""
# An id of a chunk is as `records.py` builds it: 24 characters of its document, and at the end its
# position. The chunk itself may be deleted by now.
_PASSAGES = """
SELECT
  d.id AS document_id, d.title, d.source, d.metadata, s.position, s.heading,
  trim(s.text, char(9, 10, 32)) AS text, max(wanted.value) AS score
FROM json_each(?) AS wanted
JOIN documents d ON d.id = (
  SELECT document_id FROM chunks
  WHERE id BETWEEN substr(wanted.key, 1, 25) AND substr(wanted.key, 1, 25) || 'g' LIMIT 1
)
JOIN chunks s ON s.id = substr(wanted.key, 1, 25) || d.revision || '-' || min(
  CAST(replace(wanted.key, rtrim(wanted.key, '0123456789'), '') AS INTEGER), d.chunks - 1
)
GROUP BY s.id ORDER BY score DESC, s.id
"""
_MATCHING = """
SELECT c.id FROM chunk_index
CROSS JOIN chunks c ON c.rowid = chunk_index.rowid
CROSS JOIN documents d ON d.id = c.document_id AND d.revision = c.revision AND instr(d.id, ?) = 1
WHERE chunk_index MATCH (
  SELECT ifnull(group_concat(term.value ->> 'match', ' OR '), '""') FROM json_each(?) AS term
  WHERE NOT EXISTS (
    SELECT 1 FROM chunk_index_words WHERE term = term.value ->> 'word' AND doc > ?
  )
)
AND NOT EXISTS (
  SELECT 1 FROM json_each(?) AS wanted WHERE ifnull(
    d.metadata ->> wanted.key NOT IN (SELECT value FROM json_each(wanted.value, '$."$in"')), true
  )
)
ORDER BY rank LIMIT ?
"""


@dataclass(frozen=True)
class Store:
    database: D1Database
    index: Vectorize
    # The namespace of its vectors: what is written is found there, and nowhere else.
    tenant: str

    async def check_index(self, model: str, *, record: bool) -> None:
        """Make sure that the vectors there are were made with ``model`` and ``POOLING``; if there
        are none yet, ``record`` notes both."""
        if record:
            note = "INSERT INTO vector_index (id, embedding_model, pooling) VALUES (1, ?, ?) "
            await self._all(note + "ON CONFLICT (id) DO NOTHING", model, POOLING)
        for row in await self._all("SELECT embedding_model, pooling FROM vector_index"):
            if (row["embedding_model"], row["pooling"]) != (model, POOLING):
                raise Problem(
                    500,
                    "index-mismatch",
                    f"The index holds vectors of {row['embedding_model']} ({row['pooling']}), but "
                    f"{model} ({POOLING}) is configured. Set EMBEDDING_MODEL back, or make a new "
                    "index and ingest again: see the README.",
                )

    @contextlib.asynccontextmanager
    async def claim(self, document_id: str, owner: str) -> AsyncIterator[str | None]:
        """Hold a document, so that no other request changes it meanwhile; a 409 if one does.

        Yields the latest revision, pending or served, ``None`` if there is none. A claim that was
        never given back (the Worker was cut off) ends after ``CLAIM_SECONDS``. A document of
        which nothing is left is forgotten at the end.
        """
        rows = await self._all(_CLAIM, document_id, owner, limits.CLAIM_SECONDS)
        if not rows:
            raise _busy(await self._all(_CLAIM_LEFT, limits.CLAIM_SECONDS, document_id))
        try:
            yield rows[0]["latest"]
        finally:
            await self._all(_FORGET, document_id, owner)
            await self._all(_RELEASE, document_id, owner)

    async def renew(self, document_id: str, owner: str) -> None:
        """Hold a document for another ``CLAIM_SECONDS``; a 409 if ``owner`` has lost its claim."""
        await self._change(document_id, owner, "claimed_at = unixepoch()")

    async def add_chunks(
        self, document_id: str, revision: str, ids: Sequence[str], chunks: Sequence[Chunk]
    ) -> None:
        """Write the chunks of a revision that is not served yet; doing it twice is harmless."""
        for start in range(0, len(chunks), limits.CHUNK_ROWS_BATCH):
            rows = [
                [ids[n], n, *astuple(chunk), indexed_words(searchable_text(chunk))]
                for n, chunk in enumerate(chunks[start : start + limits.CHUNK_ROWS_BATCH], start)
            ]
            await self._all(_ADD_CHUNKS, document_id, revision, json.dumps(rows))

    async def put_vectors(
        self, ids: Sequence[str], vectors: Sequence[Sequence[float]], metadata: Mapping[str, Scalar]
    ) -> None:
        """Write vectors of one document; those there are, of the same ids, are replaced."""
        filterable = {key: metadata[key] for key in FILTER_KEYS if key in metadata}
        common = {"metadata": filterable, "namespace": self.tenant}
        pairs = zip(ids, vectors, strict=True)
        await self.index.upsert([{"id": id_, "values": values, **common} for id_, values in pairs])

    async def hold(self, document: Document, revision: str, ids: Sequence[str], owner: str) -> None:
        """Keep ``revision`` as the pending one; a 409 if ``owner`` has lost its claim."""
        pending = {
            "revision": revision,
            "last_chunk": ids[-1],
            "title": document.title,
            "source": document.source,
            "metadata": dict(document.metadata),
            "chunks": len(ids),
        }
        change = "pending = json_set(?, '$.since', unixepoch())"
        await self._change(document.id, owner, change, json.dumps(pending))

    async def publish_visible(self, most: int = limits.SETTLE_BATCH) -> None:
        """Serve pending revisions that Vectorize has processed, of the ``most`` oldest (-1: all)
        that the tenant has; of all tenants, if this is for none.

        Every search does this first, so that nobody has to wait for the cron. Vectorize processes
        writes in their order: the oldest are visible first, and with the vector of its last chunk,
        a revision is complete.
        """
        pending = "SELECT pending ->> 'last_chunk' AS id FROM documents WHERE pending IS NOT NULL"
        oldest = "AND id GLOB ? ORDER BY pending ->> 'since' LIMIT ?"
        whose = f"{self.tenant}/*" if self.tenant else "*"
        ids = await self._ids(f"{pending} {oldest}", whose, most)
        for some in _batches(ids, limits.GET_BATCH):
            if visible := [vector["id"] for vector in await self.index.getByIds(some)]:
                await self._all(_PUBLISH, json.dumps(visible))

    async def withdraw(self, document_id: str, owner: str) -> None:
        """Serve no revision of the document any more; a 409 if ``owner`` has lost its claim."""
        await self._change(document_id, owner, "revision = NULL, pending = NULL")

    async def unswept(self) -> list[str]:
        """Ids of some documents that may have stale chunks, and that nobody holds."""
        free = "(claim IS NULL OR claimed_at < unixepoch() - ?)"
        sql = f"SELECT id FROM documents WHERE unswept = 1 AND {free} LIMIT ?"
        return await self._ids(sql, limits.CLAIM_SECONDS, limits.SWEEP_DOCUMENTS)

    async def stale_chunks(self, document_id: str, owner: str) -> list[str]:
        """Ids of some chunks neither served nor pending; none if ``owner`` has lost its claim."""
        held = "(SELECT id FROM documents WHERE id = ? AND claim = ?)"
        sql = f"SELECT id FROM stale_chunks WHERE document_id = {held} LIMIT ?"
        return await self._ids(sql, document_id, owner, limits.DELETE_BATCH)

    async def delete_chunks(self, ids: Sequence[str]) -> None:
        """Delete chunks: their vectors first, while D1 still knows them."""
        delete = "DELETE FROM chunks WHERE id IN (SELECT value FROM json_each(?))"
        for some in _batches(ids, limits.DELETE_BATCH):
            await self.index.deleteByIds(some)
            await self._all(delete, json.dumps(some))

    async def get(self, document_id: str) -> Stored:
        """A document that is served or pending; a 404 if there is none."""
        sql = "SELECT * FROM latest_documents WHERE id = ?"
        return _stored(await self._one(not_found("such document"), sql, document_id))

    async def read(self, document_id: str, start: int, limit: int) -> Stored:
        """The latest ``revision`` of a document, its name as well, and the ``text`` of some of its
        chunks, ``None`` if it has none there."""
        values = start, start + limit - 1, document_id
        return _stored(await self._one(not_found("such document"), _READ, *values))

    async def first_chunk(self, document_id: str) -> str:
        """The id of the first chunk of the latest revision; a 404 if there is none."""
        row = await self._one(not_found("such document"), _FIRST_CHUNK, document_id)
        return str(row["id"])

    async def page(self, after: str, limit: int, *, pending: bool = False) -> list[Stored]:
        """At most ``limit`` documents by id, from the one after ``after`` on: those that are served
        or pending, or only those that are ``pending``."""
        among = "AND id IN (SELECT id FROM documents WHERE pending IS NOT NULL)" if pending else ""
        sql = f"SELECT * FROM latest_documents WHERE id > ? {among} ORDER BY id LIMIT ?"
        return [_stored(row) for row in await self._all(sql, after, limit)]

    async def passages(self, scores: Mapping[str, float]) -> list[Passage]:
        """The chunks of these ids with their scores, best first. One of a revision that is not
        served, since it is pending or was replaced, stands for that of the served revision at the
        same position."""
        rows = await self._all(_PASSAGES, json.dumps(scores))
        return [Passage(**_stored(row)) for row in rows]

    async def nearest(self, vector: Sequence[float], wanted: Filter) -> list[str]:
        """Ids of the chunks nearest to ``vector``, at most ``CANDIDATES``, best first."""
        options: dict[str, Any] = {"topK": limits.CANDIDATES, "namespace": self.tenant}
        options |= {"filter": wanted} if wanted else {}
        found = await self.index.query(vector, options)
        return [match["id"] for match in found["matches"]]

    async def matching(self, query: str, wanted: Filter) -> list[str]:
        """Ids of the served chunks with most of the rarest words of ``query``, at most
        ``CANDIDATES``, best first. Words in more than ``MAX_WORD_CHUNKS`` chunks don't count."""
        terms, rules = json.dumps(search_terms(query)), json.dumps(wanted)
        values = (f"{self.tenant}/", terms, limits.MAX_WORD_CHUNKS, rules, limits.CANDIDATES)
        return await self._ids(_MATCHING, *values)

    async def _change(self, document_id: str, owner: str, change: str, *values: str) -> None:
        sql = f"UPDATE documents SET {change} WHERE id = ? AND claim = ? RETURNING id"
        await self._one(_busy(), sql, *values, document_id, owner)

    async def _one(self, missing: Problem, sql: str, *values: str | int) -> Mapping[str, Any]:
        for row in await self._all(sql, *values):
            return row
        raise missing

    async def _all(self, sql: str, *values: str | int) -> list[Mapping[str, Any]]:
        return (await self.database.prepare(sql).bind(*values).all())["results"]

    async def _ids(self, sql: str, *values: str | int) -> list[str]:
        return [row["id"] for row in await self._all(sql, *values)]


def _batches(items: Sequence[str], size: int) -> list[list[str]]:
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def _stored(row: Mapping[str, Any]) -> Stored:
    return {**row, "metadata": json.loads(row["metadata"])}


def _busy(claims: Sequence[Mapping[str, Any]] = ()) -> Problem:
    """A claim that was cut off is never given back: the longer one stands, the longer a client
    waits, and at most until it ends."""
    detail = "Another request is changing the document, or was cut off while it did. Try again."
    left = [claim["seconds"] or 0 for claim in claims]
    wait = max([1, *(min(seconds, limits.CLAIM_SECONDS - seconds) for seconds in left)])
    return Problem(409, "document-busy", detail, headers={"Retry-After": str(wait)})
