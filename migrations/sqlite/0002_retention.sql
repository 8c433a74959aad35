-- What `limits.retention` removes, so that the ledger and the event log can still be recounted afterwards.

-- When the payload of a closed row was emptied; the row itself stays as the memory of what has been received.
ALTER TABLE inbox ADD COLUMN purged_at INTEGER;

-- Events of the record that were removed: kept ones and these add up to its revision.
ALTER TABLE entity ADD COLUMN purged_events INTEGER NOT NULL DEFAULT 0;

-- Payloads that were removed for good, as the ledger had counted them. Moves in the commit that removes the rows.
CREATE TABLE purged (
    connection  TEXT    NOT NULL,
    day         INTEGER NOT NULL,
    disposition TEXT    NOT NULL,
    reason      TEXT    NOT NULL DEFAULT '',
    n           INTEGER NOT NULL,
    PRIMARY KEY (connection, day, disposition, reason)
) STRICT, WITHOUT ROWID;
