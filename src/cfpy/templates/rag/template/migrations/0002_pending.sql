-- Vectorize takes seconds to find new vectors. Until then `pending` has the next revision, as JSON:
-- {revision, last_chunk, title, source, metadata, chunks}. The document is served from `revision`.
ALTER TABLE documents ADD COLUMN pending TEXT;

-- 1 if there may be chunks of neither: the cron deletes them.
ALTER TABLE documents ADD COLUMN unswept INTEGER NOT NULL DEFAULT 0;

UPDATE documents SET unswept = 1 WHERE revision IS NULL OR claim IS NOT NULL;

CREATE INDEX documents_pending ON documents (id) WHERE pending IS NOT NULL;
CREATE INDEX documents_unswept ON documents (id) WHERE unswept = 1;
