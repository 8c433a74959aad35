-- What is known of how a polled payload was first seen: 1 it counts as a change that polling found first, 2 its webhook came too.
ALTER TABLE inbox ADD COLUMN sighted INTEGER NOT NULL DEFAULT 0;
