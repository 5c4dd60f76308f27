-- Deliveries in a row that began to work on the job, and were cut off as far as anyone knows.
ALTER TABLE jobs ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;

-- Attempts that ended with an answer of the model that is of no use.
ALTER TABLE jobs ADD COLUMN bad_answers INTEGER NOT NULL DEFAULT 0;
