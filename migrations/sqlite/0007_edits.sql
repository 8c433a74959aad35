-- What people changed in dead letters: who, when, before and after. It goes with its job or payload, as its content does; the
-- audit trail, which stays for good, has the names of the fields and hashes only.
--
-- `job.edited` is a canonical record from here on, mapped out like any other.
CREATE TABLE edit (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id       INTEGER,                         -- of a delivery: canonical records
    inbox_id     INTEGER,                         -- of a payload: bytes
    at           INTEGER NOT NULL,
    actor        TEXT    NOT NULL,
    changed      TEXT    NOT NULL,                -- fields of the record, as a JSON list; [] of a payload
    in_doubt     INTEGER NOT NULL DEFAULT 0,      -- what is in `before` may have reached the destination
    before       BLOB    NOT NULL,
    after        BLOB    NOT NULL
) STRICT;
CREATE INDEX edit_job ON edit (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX edit_inbox ON edit (inbox_id) WHERE inbox_id IS NOT NULL;
