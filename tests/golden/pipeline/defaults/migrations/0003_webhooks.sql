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
