-- What the Worker knows of each document: of a pending revision, what is going to be served.
CREATE VIEW latest_documents AS
SELECT
  id,
  ifnull(pending ->> 'title', title) AS title,
  ifnull(pending ->> 'source', source) AS source,
  ifnull(pending -> 'metadata', metadata) AS metadata,
  ifnull(pending ->> 'chunks', chunks) AS chunks,
  iif(pending IS NULL, 'searchable', 'pending') AS state,
  created_at,
  updated_at
FROM documents
WHERE revision IS NOT NULL OR pending IS NOT NULL;

-- Chunks of revisions that are neither served nor pending.
CREATE VIEW stale_chunks AS
SELECT c.id, c.document_id
FROM chunks AS c JOIN documents AS d ON d.id = c.document_id
WHERE c.revision IS NOT d.revision AND c.revision IS NOT (d.pending ->> 'revision');
