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
