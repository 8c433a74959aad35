-- The attempt from which on a job's present idempotency key holds: a person's retry after a definite refusal begins a new one.
ALTER TABLE job ADD COLUMN key_from INTEGER NOT NULL DEFAULT 1;
