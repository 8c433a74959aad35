-- Reconciliation: what was run, and everything that people and the hub decided about it. Both append only.

-- One run, with the document that is signed.
CREATE TABLE recon_run (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    reconciliation TEXT    NOT NULL,
    period_from    TEXT    NOT NULL,              -- days; '' for everything that the statements hold
    period_to      TEXT    NOT NULL,
    as_of          TEXT    NOT NULL,
    rules          TEXT    NOT NULL,              -- the definition's version
    definition     TEXT    NOT NULL,              -- its text, so that the run can be made again after an edit
    status         TEXT    NOT NULL,              -- complete | not_reconciled | failed
    sha256         TEXT    NOT NULL,              -- of the document's canonical JSON
    bytes          INTEGER NOT NULL,              -- its length
    body           BLOB    NOT NULL,              -- the document, compressed (zlib)
    started_at     INTEGER NOT NULL,
    ended_at       INTEGER NOT NULL,
    actor          TEXT    NOT NULL
) STRICT;
CREATE INDEX recon_run_name ON recon_run (reconciliation, id);
CREATE TRIGGER recon_run_no_update BEFORE UPDATE ON recon_run BEGIN SELECT RAISE(ABORT, 'runs are append only'); END;
CREATE TRIGGER recon_run_no_delete BEFORE DELETE ON recon_run BEGIN SELECT RAISE(ABORT, 'runs are append only'); END;

-- What happened, chained by hash: each entry covers the one before it.
CREATE TABLE recon_event (
    seq            INTEGER PRIMARY KEY,
    at             INTEGER NOT NULL,
    actor          TEXT    NOT NULL,
    kind           TEXT    NOT NULL,
    reconciliation TEXT    NOT NULL,
    run            INTEGER,
    item           TEXT    NOT NULL DEFAULT '',   -- the break's id
    detail         TEXT    NOT NULL,              -- JSON
    prev_hash      TEXT    NOT NULL,
    hash           TEXT    NOT NULL
) STRICT;
CREATE INDEX recon_event_name ON recon_event (reconciliation, seq);
CREATE TRIGGER recon_event_no_update BEFORE UPDATE ON recon_event BEGIN SELECT RAISE(ABORT, 'events are append only'); END;
CREATE TRIGGER recon_event_no_delete BEFORE DELETE ON recon_event BEGIN SELECT RAISE(ABORT, 'events are append only'); END;

-- The chain's end, so that entries missing there are missed too. Moves in the commit that appends.
CREATE TABLE recon_head (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,
    hash TEXT    NOT NULL
) STRICT;
INSERT INTO recon_head (one, seq, hash) VALUES (1, 0, '');
