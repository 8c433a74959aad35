//! What processing writes, set-wise: new revisions, their events, the jobs they cause; not here: what is decided, and in
//! which order (see `process`).
//!
//! The rows of one call concern different records, so that they may be written in any order.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::LazyLock;

use super::db::{Connection, gave_out, last_id};
use sqlx::{query, query_scalar};

use super::sql::{RowStatement, json_list};
use crate::store::contract::StoreError;
use crate::store::mutation;
use crate::store::rows::*;

/// A new revision of a record, and the event that tells of it.
pub(super) struct Revision<'a> {
    pub inbox_id: i64,
    pub state: &'a EntityWrite,
    pub kind: &'a str,
    pub occurred_at: Option<i64>,
}

static CREATE: LazyLock<RowStatement> = LazyLock::new(|| {
    RowStatement::new(14, |rows| {
        format!(
            "INSERT INTO entity (connection, stream, entity, key, natural_key, version, revision, hash, doc, deleted, \
             inbox_id, seen_by, changed_at, as_of) VALUES {rows} ON CONFLICT (connection, stream, key) DO NOTHING"
        )
    })
});

static CHANGE: LazyLock<RowStatement> = LazyLock::new(|| {
    RowStatement::new(14, |rows| {
        format!(
            "WITH next (connection, stream, entity, key, natural_key, version, revision, hash, doc, deleted, inbox_id, \
             seen_by, changed_at, as_of) AS (VALUES {rows}) \
             UPDATE entity SET natural_key = next.natural_key, version = next.version, revision = next.revision, \
             hash = next.hash, doc = next.doc, deleted = next.deleted, inbox_id = next.inbox_id, \
             seen_by = next.seen_by, changed_at = next.changed_at, as_of = next.as_of FROM next \
             WHERE entity.connection = next.connection AND entity.stream = next.stream AND entity.key = next.key \
             AND entity.revision = next.revision - 1 {FENCE}"
        )
    })
});

static CHANGE_UNFENCED: LazyLock<RowStatement> = LazyLock::new(|| CHANGE.rewritten(FENCE, ""));

/// An older version never overwrites a newer one, whatever was planned.
const FENCE: &str = "AND entity.version <= next.version";

/// Writes revisions. Returns the payloads whose revision was written; for the others the stored state is not the one that
/// the plan was made on.
pub(super) async fn write_revisions(
    conn: &mut Connection,
    revisions: &[Revision<'_>],
    now: i64,
) -> Result<HashSet<i64>, StoreError> {
    let (created, changed): (Vec<_>, Vec<_>) = revisions.iter().partition(|revision| revision.state.revision == 1);
    let change = if mutation::active(mutation::NO_VERSION_FENCE) { &CHANGE_UNFENCED } else { &CHANGE };
    let mut written = HashSet::with_capacity(revisions.len());
    for (statement, revisions) in [(&CREATE, created), (change, changed)] {
        for (text, piece) in statement.pieces(&revisions) {
            let mut write = query(text);
            for Revision { inbox_id, state, .. } in piece {
                write = write
                    .bind(&state.id.connection)
                    .bind(&state.id.stream)
                    .bind(state.entity.as_str())
                    .bind(&state.id.key)
                    .bind(&state.natural_key)
                    .bind(state.version)
                    .bind(state.revision)
                    .bind(&state.hash)
                    .bind(&state.doc)
                    .bind(state.deleted)
                    .bind(inbox_id)
                    .bind(state.seen_by.as_str())
                    .bind(now)
                    .bind(state.as_of);
            }
            let count = write.execute(&mut *conn).await?.rows_affected();
            if count == piece.len() as u64 {
                written.extend(piece.iter().map(|revision| revision.inbox_id));
            } else {
                written.extend(written_of(conn, piece).await?);
            }
        }
    }
    Ok(written)
}

/// Which of these revisions are in place.
async fn written_of(conn: &mut Connection, piece: &[&Revision<'_>]) -> Result<Vec<i64>, StoreError> {
    let payloads: Vec<(&str, &str, &str, i64)> = piece
        .iter()
        .map(|Revision { inbox_id, state: EntityWrite { id, .. }, .. }| {
            (id.connection.as_str(), id.stream.as_str(), id.key.as_str(), *inbox_id)
        })
        .collect();
    Ok(query_scalar(
        "SELECT e.inbox_id FROM json_each($1) k JOIN entity e ON e.connection = k.value ->> 0 AND e.stream = k.value ->> 1 \
         AND e.key = k.value ->> 2 AND e.inbox_id = CAST(k.value ->> 3 AS BIGINT)",
    )
    .bind(json_list(&payloads)?)
    .fetch_all(conn)
    .await?)
}

/// Moves the fence of records that a newer version left as they were.
pub(super) async fn advance_fences(conn: &mut Connection, fences: &[(&EntityKey, i64)]) -> Result<(), StoreError> {
    if fences.is_empty() {
        return Ok(());
    }
    let rows: Vec<(&str, &str, &str, i64)> = fences
        .iter()
        .map(|(id, version)| (id.connection.as_str(), id.stream.as_str(), id.key.as_str(), *version))
        .collect();
    query(
        "UPDATE entity SET version = CAST(k.value ->> 3 AS BIGINT) FROM json_each($1) k WHERE connection = k.value ->> 0 \
         AND stream = k.value ->> 1 AND entity.key = k.value ->> 2 AND version < CAST(k.value ->> 3 AS BIGINT)",
    )
    .bind(json_list(&rows)?)
    .execute(conn)
    .await?;
    Ok(())
}

static EVENTS: LazyLock<RowStatement> = LazyLock::new(|| {
    RowStatement::new(12, |rows| {
        format!(
            "INSERT INTO event (id, connection, stream, entity, key, revision, kind, doc, deleted, inbox_id, occurred_at, \
             recorded_at) VALUES {rows}"
        )
    })
});

/// Appends the events of revisions. Returns each payload's event.
pub(super) async fn append_events(
    conn: &mut Connection,
    revisions: &[Revision<'_>],
    now: i64,
) -> Result<BTreeMap<i64, i64>, StoreError> {
    let mut events = BTreeMap::new();
    if revisions.is_empty() {
        return Ok(events);
    }
    let mut next = last_id(conn, "event").await?;
    for (text, piece) in EVENTS.pieces(revisions) {
        let mut append = query(text);
        for Revision { inbox_id, state, kind, occurred_at } in piece {
            next += 1;
            events.insert(*inbox_id, next);
            append = append
                .bind(next)
                .bind(&state.id.connection)
                .bind(&state.id.stream)
                .bind(state.entity.as_str())
                .bind(&state.id.key)
                .bind(state.revision)
                .bind(*kind)
                .bind(&state.doc)
                .bind(state.deleted)
                .bind(inbox_id)
                .bind(occurred_at)
                .bind(now);
        }
        append.execute(&mut *conn).await?;
    }
    gave_out(conn, "event", next).await?;
    Ok(events)
}

/// A job to be written, and what caused it.
pub(super) struct Caused<'a> {
    pub job: &'a NewJob,
    pub event: i64,
    pub inbox_id: i64,
    pub revision: i64,
    pub force: bool,
}

static JOBS: LazyLock<RowStatement> = LazyLock::new(|| {
    RowStatement::new(12, |rows| {
        format!(
            "INSERT INTO job (flow, lane, stream, order_key, latest, event_id, inbox_id, revision, state, force, run_at, \
             created_at) VALUES {rows}"
        )
    })
});

/// Writes jobs in their order: ready where its key has no job under way, else blocked. Returns the keys in which one came
/// to stand behind another.
pub(super) async fn enqueue(
    conn: &mut Connection,
    caused: &[Caused<'_>],
    now: i64,
) -> Result<BTreeSet<String>, StoreError> {
    if caused.is_empty() {
        return Ok(BTreeSet::new());
    }
    let keys: BTreeSet<&str> = caused.iter().map(|caused| caused.job.order_key.as_str()).collect();
    let busy: Vec<String> = query_scalar(
        "SELECT k.atom FROM json_each($1) k WHERE EXISTS (SELECT 1 FROM job older WHERE older.order_key = k.atom \
         AND older.state IN ('ready', 'blocked', 'running', 'waiting'))",
    )
    .bind(json_list(&keys.into_iter().collect::<Vec<_>>())?)
    .fetch_all(&mut *conn)
    .await?;
    let mut busy: HashSet<&str> = busy.iter().map(String::as_str).collect();
    let mut crowded = BTreeSet::new();
    let states: Vec<JobState> = caused
        .iter()
        .map(|caused| {
            if busy.insert(&caused.job.order_key) {
                JobState::Ready
            } else {
                crowded.insert(caused.job.order_key.clone());
                JobState::Blocked
            }
        })
        .collect();
    let rows: Vec<(&Caused<'_>, JobState)> = caused.iter().zip(states).collect();
    for (text, piece) in JOBS.pieces(&rows) {
        let mut insert = query(text);
        for (Caused { job, event, inbox_id, revision, force }, state) in piece {
            insert = insert
                .bind(&job.flow)
                .bind(&job.lane)
                .bind(&job.stream)
                .bind(&job.order_key)
                .bind(job.latest)
                .bind(event)
                .bind(inbox_id)
                .bind(revision)
                .bind(state.as_str())
                .bind(force)
                .bind(now)
                .bind(now);
        }
        insert.execute(&mut *conn).await?;
    }
    Ok(crowded)
}
