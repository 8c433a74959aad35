-- The hub's one database. Times are microseconds since the epoch, UTC, on the hub's clock unless a comment says whose.
-- Charter of each table is in src/store/contract.rs; ARCHITECTURE.md tells who moves a row from state to state.

-- What arrived, and what became of it. Durable before it is acknowledged.
CREATE TABLE inbox (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    connection   TEXT    NOT NULL,
    stream       TEXT    NOT NULL DEFAULT '',     -- '' until a webhook's topic has been interpreted
    source       TEXT    NOT NULL,                -- webhook | poll | file | fetch | split
    dedupe_key   TEXT    NOT NULL,
    topic        TEXT    NOT NULL DEFAULT '',
    place        TEXT    NOT NULL DEFAULT '',     -- where in a file or page: "stock.csv row 12"
    batch        INTEGER,                         -- the file batch that brought it, if any
    received_at  INTEGER NOT NULL,
    state        TEXT    NOT NULL DEFAULT 'pending',   -- pending: to be processed | done
    disposition  TEXT    NOT NULL DEFAULT 'pending',   -- pending | applied | superseded | ignored | dead | split
    reason       TEXT    NOT NULL DEFAULT '',     -- of few values: the tally counts by it
    error        TEXT    NOT NULL DEFAULT '',     -- why it is dead
    entity       TEXT    NOT NULL DEFAULT '',
    key          TEXT    NOT NULL DEFAULT '',
    duplicates   INTEGER NOT NULL DEFAULT 0,
    issue_id     INTEGER,
    processed_at INTEGER,
    UNIQUE (connection, dedupe_key)
) STRICT;
CREATE INDEX inbox_pending ON inbox (id) WHERE state = 'pending';
CREATE INDEX inbox_issue ON inbox (issue_id) WHERE issue_id IS NOT NULL;
CREATE INDEX inbox_key ON inbox (connection, stream, key, id) WHERE key <> '';

-- Its bytes as received, never changed. Apart from what changes, so that settling a payload does not write it again.
CREATE TABLE payload (
    inbox_id     INTEGER PRIMARY KEY,
    headers      TEXT    NOT NULL DEFAULT '',     -- of a webhook (without credentials and signatures) or a file row, as JSON
    body         BLOB    NOT NULL,
    edited       BLOB                             -- a person's replacement of the body
) STRICT;

-- Rows of a file that has not been accepted as a whole; they become payloads together, or vanish together.
CREATE TABLE staged_row (
    batch        INTEGER NOT NULL,
    no           INTEGER NOT NULL,                -- in the order of the file
    connection   TEXT    NOT NULL,
    stream       TEXT    NOT NULL,
    source       TEXT    NOT NULL,
    dedupe_key   TEXT    NOT NULL,
    topic        TEXT    NOT NULL,
    headers      TEXT    NOT NULL,
    place        TEXT    NOT NULL,
    payload      BLOB    NOT NULL,
    received_at  INTEGER NOT NULL,
    PRIMARY KEY (batch, no)
) STRICT, WITHOUT ROWID;

-- Current state of each record of each system, as far as the hub knows: the mirror.
CREATE TABLE entity (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    connection   TEXT    NOT NULL,
    stream       TEXT    NOT NULL,
    entity       TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    natural_key  TEXT    NOT NULL DEFAULT '',
    version      INTEGER NOT NULL,                -- the vendor's, comparable (see model::Version)
    revision     INTEGER NOT NULL,                -- ours: 1, 2, 3 ... one for each applied change
    hash         TEXT    NOT NULL,
    doc          TEXT    NOT NULL,
    deleted      INTEGER NOT NULL DEFAULT 0,
    inbox_id     INTEGER NOT NULL,
    seen_by      TEXT    NOT NULL,                -- the source that brought this version first
    as_of        INTEGER NOT NULL,                -- the latest moment, by our clock, at which the vendor can have said so
    changed_at   INTEGER NOT NULL,
    UNIQUE (connection, stream, key)
) STRICT;
CREATE INDEX entity_natural ON entity (natural_key, entity, connection);
CREATE INDEX entity_key ON entity (key);

-- What happened, in the order in which the hub learned of it. Append only.
CREATE TABLE event (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    connection   TEXT    NOT NULL,
    stream       TEXT    NOT NULL,
    entity       TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    revision     INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    doc          TEXT    NOT NULL,
    deleted      INTEGER NOT NULL DEFAULT 0,
    inbox_id     INTEGER NOT NULL,
    occurred_at  INTEGER,                         -- the vendor's clock
    recorded_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX event_key ON event (connection, stream, key, revision);

-- One effect owed to one destination. States: see queue/mod.rs.
CREATE TABLE job (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    flow         TEXT    NOT NULL,
    lane         TEXT    NOT NULL,                -- destination connection
    stream       TEXT    NOT NULL,                -- destination stream
    order_key    TEXT    NOT NULL,                -- one job in flight per order_key
    latest       INTEGER NOT NULL,                -- 1: a newer job of the order_key replaces this one
    event_id     INTEGER NOT NULL,
    inbox_id     INTEGER NOT NULL,
    revision     INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    unknown      INTEGER NOT NULL DEFAULT 0,      -- outcome of the last attempt is not known: look up first
    force        INTEGER NOT NULL DEFAULT 0,      -- a person asked: send even if nothing seems changed
    run_at       INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,      -- attempts started
    failures     INTEGER NOT NULL DEFAULT 0,      -- failures that count against the retry policy
    claim        INTEGER NOT NULL DEFAULT 0,      -- fencing token: grows with each claim
    lease_owner  TEXT    NOT NULL DEFAULT '',
    lease_until  INTEGER NOT NULL DEFAULT 0,
    wait_for     TEXT    NOT NULL DEFAULT '',
    class        TEXT    NOT NULL DEFAULT '',
    error        TEXT    NOT NULL DEFAULT '',
    edited       TEXT,                            -- a person's replacement of the outgoing body
    issue_id     INTEGER,
    created_at   INTEGER NOT NULL,
    finished_at  INTEGER
) STRICT;
CREATE INDEX job_ready ON job (lane, run_at, id) WHERE state = 'ready';
CREATE INDEX job_open ON job (order_key, id) WHERE state IN ('ready', 'blocked', 'running', 'waiting');
-- One job in flight per order_key is the database's own rule.
CREATE UNIQUE INDEX job_active ON job (order_key) WHERE state IN ('ready', 'running', 'waiting');
CREATE INDEX job_running ON job (lease_until) WHERE state = 'running';
CREATE INDEX job_waiting ON job (wait_for) WHERE state = 'waiting';
CREATE INDEX job_dead ON job (issue_id) WHERE state = 'dead';
CREATE INDEX job_dead_key ON job (order_key) WHERE state = 'dead';
CREATE INDEX job_done ON job (flow, finished_at) WHERE state = 'done';
CREATE INDEX job_inbox ON job (inbox_id);
CREATE INDEX job_event ON job (event_id);

-- One try to cause an effect: written before anything is sent, completed afterwards.
CREATE TABLE attempt (
    job_id          INTEGER NOT NULL,
    no              INTEGER NOT NULL,
    idempotency_key TEXT    NOT NULL,
    started_at      INTEGER NOT NULL,
    finished_at     INTEGER,
    outcome         TEXT    NOT NULL DEFAULT 'announced',
    class           TEXT    NOT NULL DEFAULT '',
    status          INTEGER,
    request         TEXT    NOT NULL DEFAULT '',
    response        TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (job_id, no)
) STRICT, WITHOUT ROWID;

-- Which record of ours is which record of theirs, and what we last caused there.
CREATE TABLE binding (
    source_connection TEXT NOT NULL,
    source_stream     TEXT NOT NULL,
    source_key        TEXT NOT NULL,
    dest_connection   TEXT NOT NULL,
    dest_stream       TEXT NOT NULL,
    remote_id         TEXT NOT NULL DEFAULT '',
    remote_version    INTEGER,
    sent_revision     INTEGER NOT NULL DEFAULT 0,
    sent_hash         TEXT NOT NULL DEFAULT '',
    echo              TEXT NOT NULL DEFAULT '',   -- canonical fields that the destination will report back
    updated_at        INTEGER NOT NULL,
    PRIMARY KEY (source_connection, source_stream, source_key, dest_connection, dest_stream)
) STRICT, WITHOUT ROWID;
CREATE INDEX binding_remote ON binding (remote_id, dest_connection, dest_stream);

-- How far each read has come. Moves in the commit that stores the rows it covers.
CREATE TABLE cursor (
    connection TEXT NOT NULL,
    stream     TEXT NOT NULL,
    value      TEXT NOT NULL,
    moved_at   INTEGER NOT NULL,
    PRIMARY KEY (connection, stream)
) STRICT, WITHOUT ROWID;

-- One file taken from a drop folder. staging -> applied | refused
CREATE TABLE file_batch (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    connection  TEXT NOT NULL,
    stream      TEXT NOT NULL,
    name        TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    sequence    INTEGER,
    rows        INTEGER NOT NULL DEFAULT 0,
    state       TEXT NOT NULL,
    reason      TEXT NOT NULL DEFAULT '',
    started_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX file_batch_sha ON file_batch (connection, stream, sha256);

-- Failures grouped by cause: the work list.
CREATE TABLE issue (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint TEXT    NOT NULL,
    scope       TEXT    NOT NULL,                 -- flow or connection
    class       TEXT    NOT NULL,
    title       TEXT    NOT NULL,
    next_step   TEXT    NOT NULL DEFAULT '',
    sample      TEXT    NOT NULL DEFAULT '',
    state       TEXT    NOT NULL DEFAULT 'open',  -- open | resolved
    resolution  TEXT    NOT NULL DEFAULT '',
    seen        INTEGER NOT NULL DEFAULT 0,
    first_at    INTEGER NOT NULL,
    last_at     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX issue_open ON issue (fingerprint) WHERE state = 'open';

-- Counters of the ledger, kept in the commits that change dispositions; `syncline verify` recomputes them.
CREATE TABLE tally (
    connection  TEXT    NOT NULL,
    day         INTEGER NOT NULL,                 -- days since the epoch, UTC, of receipt
    disposition TEXT    NOT NULL,
    reason      TEXT    NOT NULL DEFAULT '',
    n           INTEGER NOT NULL,
    PRIMARY KEY (connection, day, disposition, reason)
) STRICT, WITHOUT ROWID;

-- How often a change was first seen by which source: the webhook-loss figure.
CREATE TABLE sighting (
    connection TEXT    NOT NULL,
    stream     TEXT    NOT NULL,
    day        INTEGER NOT NULL,
    by_webhook INTEGER NOT NULL DEFAULT 0,
    by_poll    INTEGER NOT NULL DEFAULT 0,
    late       INTEGER NOT NULL DEFAULT 0,        -- first seen by poll, webhook came afterwards
    PRIMARY KEY (connection, stream, day)
) STRICT, WITHOUT ROWID;

-- Health of each connection as the hub last knew it; survives a restart, so that a pause stays a pause.
CREATE TABLE connection_state (
    connection TEXT    PRIMARY KEY,
    state      TEXT    NOT NULL,                  -- ok | paused | open | auth
    reason     TEXT    NOT NULL DEFAULT '',
    until      INTEGER,
    failures   INTEGER NOT NULL DEFAULT 0,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who did what. Append only, chained by hash.
CREATE TABLE audit (
    seq       INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    actor     TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    target    TEXT    NOT NULL,
    detail    TEXT    NOT NULL,
    prev_hash TEXT    NOT NULL,
    hash      TEXT    NOT NULL
) STRICT;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are append only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are append only'); END;
