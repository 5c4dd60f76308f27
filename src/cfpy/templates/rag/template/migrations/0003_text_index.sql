-- The text index, beside Vectorize: chunks by their words. FTS5 holds the index alone, and reads
-- words from the view. The triggers are part of each statement that writes or deletes chunks, so
-- that index and chunks can't differ.
-- `heading` is what a chunk is about; the first `shared` characters of its text are also in the one
-- before; `words`, if not NULL, is what FTS5 gets of a chunk whose
-- script puts no spaces between words (src/rag/text_index.py).
ALTER TABLE chunks ADD COLUMN heading TEXT NOT NULL DEFAULT '';
ALTER TABLE chunks ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chunks ADD COLUMN words TEXT;

CREATE VIEW chunk_words AS
SELECT rowid, ifnull(words, heading || ' ' || text) AS words FROM chunks;

-- Without M*, vowel signs would cut the words of many Asian scripts.
CREATE VIRTUAL TABLE chunk_index USING fts5(
  words,
  content = 'chunk_words',
  tokenize = "unicode61 remove_diacritics 2 categories 'L* M* N* Co'"
);

-- In how many chunks a word is.
CREATE VIRTUAL TABLE chunk_index_words USING fts5vocab('chunk_index', 'row');

CREATE TRIGGER chunk_added AFTER INSERT ON chunks BEGIN
  INSERT INTO chunk_index (rowid, words)
  SELECT rowid, words FROM chunk_words WHERE rowid = new.rowid;
END;

CREATE TRIGGER chunk_deleted BEFORE DELETE ON chunks BEGIN
  INSERT INTO chunk_index (chunk_index, rowid, words)
  SELECT 'delete', rowid, words FROM chunk_words WHERE rowid = old.rowid;
END;

-- The chunks that there are.
INSERT INTO chunk_index (chunk_index) VALUES ('rebuild');
