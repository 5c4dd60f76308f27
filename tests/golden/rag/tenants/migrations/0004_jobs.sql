-- One row for each file that somebody sent, from the first byte on.
CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  -- Who sent it, by the name of the token; nobody else ever sees the job.
  owner TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('received', 'queued', 'processing', 'done', 'failed')),
  -- Either the file, which lies in R2 under the job's id, or where to fetch it.
  name TEXT,
  media_type TEXT,
  url TEXT,
  -- A client's own name for its request, and a digest of what it asked for under that name.
  idempotency_key TEXT,
  fingerprint TEXT,
  -- Deliveries that began to work on it, and what went wrong last.
  attempts INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  -- Who works on it (the queue's message id), which delivery of that message, and until when (Unix
  -- seconds) the others stay away.
  worker TEXT,
  lease TEXT,
  leased_until INTEGER,
  -- How often the sweep put it back into the queue.
  sweeps INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL DEFAULT (unixepoch()),
  updated_at INTEGER NOT NULL DEFAULT (unixepoch()),
  UNIQUE (owner, idempotency_key)
);

CREATE INDEX jobs_by_owner ON jobs (owner, created_at, id);
CREATE INDEX jobs_by_status ON jobs (status, updated_at);

-- The primary key is what makes a second result of one job impossible.
CREATE TABLE results (
  job_id TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  summary TEXT NOT NULL,
  characters INTEGER NOT NULL,
  model TEXT NOT NULL,
  created_at INTEGER NOT NULL DEFAULT (unixepoch())
);

-- How far the sweep has looked through the bucket.
CREATE TABLE sweep (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  cursor TEXT
);

-- When the cron puts a job back into the queue, for waits that are longer than the queue's (Unix seconds).
-- NULL: nobody waits, or the job's message is in the queue.
ALTER TABLE jobs ADD COLUMN due_at INTEGER;

CREATE INDEX jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL;

-- What the model has answered for a job that is not finished: the next attempt asks only for the rest.
CREATE TABLE answers (
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  -- A digest of the model and all that it was asked.
  question TEXT NOT NULL,
  answer TEXT NOT NULL,
  PRIMARY KEY (job_id, question)
) WITHOUT ROWID;

-- What the text in `summary` is.
ALTER TABLE results ADD COLUMN operation TEXT NOT NULL DEFAULT 'summary';

-- How the file of a result is written, if it is text, and whether that was guessed.
ALTER TABLE results ADD COLUMN charset TEXT;
ALTER TABLE results ADD COLUMN charset_guessed INTEGER NOT NULL DEFAULT 0;

-- Where to announce that a job is finished; NULL: nowhere.
ALTER TABLE jobs ADD COLUMN webhook TEXT;

-- One row for each job with a webhook that is finished, of the last time that it was.
CREATE TABLE webhooks (
  job_id TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  -- The same in all attempts: by that a receiver knows one that it has already.
  id TEXT NOT NULL,
  owner TEXT NOT NULL,
  url TEXT NOT NULL,
  -- What the job has become, and when.
  event TEXT NOT NULL,
  happened_at INTEGER NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
  attempts INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  -- Nobody sends it before; NULL when it is delivered or failed.
  due_at INTEGER
);

CREATE INDEX webhooks_due ON webhooks (due_at) WHERE due_at IS NOT NULL;

-- Part of every statement that finishes a job, so that none can forget it.
CREATE TRIGGER job_finished AFTER UPDATE OF status ON jobs
WHEN new.webhook IS NOT NULL AND new.status IN ('done', 'failed') AND new.status <> old.status
BEGIN
  INSERT OR REPLACE INTO webhooks (job_id, id, owner, url, event, happened_at, due_at)
  VALUES (
    new.id, lower(hex(randomblob(16))), new.owner, new.webhook, new.status, unixepoch(), unixepoch()
  );
END;
