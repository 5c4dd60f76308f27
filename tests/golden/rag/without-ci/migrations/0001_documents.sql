-- What the vectors in Vectorize were made with. Vectors of different models or pooling can't be
-- compared, so the Worker refuses to mix them. One row at most.
CREATE TABLE vector_index (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  embedding_model TEXT NOT NULL,
  pooling TEXT NOT NULL
);

-- A document is served from its `revision`; NULL means that it has none yet, or no more.
-- `claim` names the request that is changing the document, so that two can't do it at once.
CREATE TABLE documents (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL DEFAULT '',
  source TEXT NOT NULL DEFAULT '',
  metadata TEXT NOT NULL DEFAULT '{}',
  chunks INTEGER NOT NULL DEFAULT 0,
  revision TEXT,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
  claim TEXT,
  claimed_at INTEGER
);

-- The texts behind the vectors. A row is written before its vector and deleted after it, so that
-- the database always knows every vector there may be.
CREATE TABLE chunks (
  id TEXT PRIMARY KEY,
  document_id TEXT NOT NULL REFERENCES documents (id),
  revision TEXT NOT NULL,
  position INTEGER NOT NULL,
  text TEXT NOT NULL
);

CREATE INDEX chunks_by_document ON chunks (document_id, revision);
