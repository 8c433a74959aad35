//! Statements that tell what the hub knows of one record; not here: who may see it.

use std::collections::BTreeMap;

use super::db::{Pool, Row};
use sqlx::{Row as _, query};

use super::sql::{binding_row, entity_key, entity_row, entity_word, json_list, text as plain, word};
use crate::store::contract::StoreError;
use crate::store::rows::*;

/// Entries of each kind that one timeline shows; older ones are still in the database.
const TIMELINE_MAX: i64 = 200;

/// Records whose key, natural key or remote id is the text, then those whose natural key begins with it. People write
/// `1001` for `#1001` and the other way round.
pub(super) async fn find_records(pool: &Pool, text: &str, limit: u32) -> Result<Vec<EntityRow>, StoreError> {
    let text = plain(text.trim());
    let text = &*text;
    let bare = text.trim_start_matches('#');
    if bare.is_empty() {
        return Ok(Vec::new());
    }
    let rows = query(
        "WITH hit(id, rank) AS ( \
           SELECT id, 0 FROM entity WHERE key IN ($1, $2, $3) \
           UNION ALL SELECT id, 1 FROM entity WHERE natural_key IN ($1, $2, $3) \
           UNION ALL SELECT e.id, 2 FROM binding b JOIN entity e ON e.connection = b.source_connection \
             AND e.stream = b.source_stream AND e.key = b.source_key WHERE b.remote_id IN ($1, $2, $3) \
           UNION ALL SELECT id, 3 FROM (SELECT id FROM entity WHERE natural_key >= $2 AND natural_key < $4 LIMIT $6) plain \
           UNION ALL SELECT id, 3 FROM (SELECT id FROM entity WHERE natural_key >= $3 AND natural_key < $5 LIMIT $6) numbered) \
         SELECT e.* FROM (SELECT id, MIN(rank) AS rank FROM hit GROUP BY id) h JOIN entity e ON e.id = h.id \
         ORDER BY h.rank, e.changed_at DESC, e.id LIMIT $6",
    )
    .bind(text)
    .bind(bare)
    .bind(format!("#{bare}"))
    .bind(after_prefix(bare))
    .bind(after_prefix(&format!("#{bare}")))
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(entity_row).collect()
}

/// Payloads that could not be used, about records of this key.
pub(super) async fn find_dead(pool: &Pool, text: &str, limit: u32) -> Result<Vec<DeadRecord>, StoreError> {
    let text = plain(text.trim());
    let text = &*text;
    let bare = text.trim_start_matches('#');
    if bare.is_empty() {
        return Ok(Vec::new());
    }
    let rows = query(
        "SELECT connection, stream, entity, key, MAX(received_at) AS received_at FROM inbox \
         WHERE issue_id IS NOT NULL AND disposition = 'dead' AND stream <> '' AND key IN ($1, $2, $3) \
         GROUP BY connection, stream, entity, key ORDER BY 5 DESC LIMIT $4",
    )
    .bind(text)
    .bind(bare)
    .bind(format!("#{bare}"))
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            let id = EntityKey {
                connection: row.try_get("connection")?,
                stream: row.try_get("stream")?,
                key: row.try_get("key")?,
            };
            Ok(DeadRecord { id, entity: row.try_get("entity")?, received_at: row.try_get("received_at")? })
        })
        .collect()
}

/// Above every text that begins with the prefix, in the order of UTF-8 bytes.
fn after_prefix(prefix: &str) -> String {
    format!("{prefix}\u{10FFFF}")
}

pub(super) async fn timeline(pool: &Pool, key: &EntityKey) -> Result<Timeline, StoreError> {
    let current = query("SELECT * FROM entity WHERE connection = $1 AND stream = $2 AND key = $3")
        .bind(&key.connection)
        .bind(&key.stream)
        .bind(&key.key)
        .fetch_optional(pool)
        .await?;
    Ok(Timeline {
        current: current.as_ref().map(entity_row).transpose()?,
        received: received(pool, key).await?,
        events: events(pool, key).await?,
        jobs: jobs(pool, key).await?,
        bindings: bindings(pool, key).await?,
        edits: edits(pool, key).await?,
    })
}

async fn received(pool: &Pool, key: &EntityKey) -> Result<Vec<InboxSummary>, StoreError> {
    let rows = query(
        "SELECT id, source, topic, place, received_at, processed_at, disposition, reason, duplicates, \
         error, issue_id, body, purged_at FROM inbox LEFT JOIN payload ON inbox_id = id \
         WHERE connection = $1 AND stream = $2 AND key = $3 AND key <> '' \
         ORDER BY id DESC LIMIT $4",
    )
    .bind(&key.connection)
    .bind(&key.stream)
    .bind(&key.key)
    .bind(TIMELINE_MAX)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .rev()
        .map(|row| {
            let payload: Option<Vec<u8>> = row.try_get("body")?;
            Ok(InboxSummary {
                id: row.try_get("id")?,
                source: word(row, "source", SourceKind::parse)?,
                topic: row.try_get("topic")?,
                place: row.try_get("place")?,
                received_at: row.try_get("received_at")?,
                processed_at: row.try_get("processed_at")?,
                disposition: word(row, "disposition", Disposition::parse)?,
                reason: row.try_get("reason")?,
                duplicates: row.try_get("duplicates")?,
                error: row.try_get("error")?,
                issue_id: row.try_get("issue_id")?,
                payload: String::from_utf8_lossy(payload.as_deref().unwrap_or_default()).into_owned(),
                purged_at: row.try_get("purged_at")?,
            })
        })
        .collect()
}

async fn events(pool: &Pool, key: &EntityKey) -> Result<Vec<EventRow>, StoreError> {
    let rows =
        query("SELECT * FROM event WHERE connection = $1 AND stream = $2 AND key = $3 ORDER BY revision DESC LIMIT $4")
            .bind(&key.connection)
            .bind(&key.stream)
            .bind(&key.key)
            .bind(TIMELINE_MAX)
            .fetch_all(pool)
            .await?;
    rows.iter().rev().map(event_row).collect()
}

pub(super) async fn recent_events(pool: &Pool, after: i64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
    let rows = query("SELECT * FROM event WHERE id > $1 ORDER BY id DESC LIMIT $2")
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?;
    rows.iter().rev().map(event_row).collect()
}

pub(super) async fn events_after(pool: &Pool, after: i64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
    let rows = query("SELECT * FROM event WHERE id > $1 ORDER BY id LIMIT $2")
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?;
    rows.iter().map(event_row).collect()
}

fn event_row(row: &Row) -> Result<EventRow, StoreError> {
    Ok(EventRow {
        id: row.try_get("id")?,
        record: entity_key(row)?,
        entity: entity_word(row, "entity")?,
        revision: row.try_get("revision")?,
        kind: row.try_get("kind")?,
        doc: row.try_get("doc")?,
        occurred_at: row.try_get("occurred_at")?,
        recorded_at: row.try_get("recorded_at")?,
        inbox_id: row.try_get("inbox_id")?,
    })
}

async fn jobs(pool: &Pool, key: &EntityKey) -> Result<Vec<JobRow>, StoreError> {
    let rows = query(
        "SELECT j.* FROM event v JOIN job j ON j.event_id = v.id \
         WHERE v.connection = $1 AND v.stream = $2 AND v.key = $3 ORDER BY j.id DESC LIMIT $4",
    )
    .bind(&key.connection)
    .bind(&key.stream)
    .bind(&key.key)
    .bind(TIMELINE_MAX)
    .fetch_all(pool)
    .await?;
    let ids = rows.iter().map(|row| row.try_get("id")).collect::<Result<Vec<i64>, _>>()?;
    let mut tries = attempts(pool, &ids).await?;
    rows.iter()
        .rev()
        .map(|row| {
            let id = row.try_get("id")?;
            Ok(JobRow {
                id,
                flow: row.try_get("flow")?,
                lane: row.try_get("lane")?,
                stream: row.try_get("stream")?,
                revision: row.try_get("revision")?,
                event_id: row.try_get("event_id")?,
                state: word(row, "state", JobState::parse)?,
                unknown: row.try_get("unknown")?,
                run_at: row.try_get("run_at")?,
                attempts: row.try_get("attempts")?,
                wait_for: row.try_get("wait_for")?,
                class: row.try_get("class")?,
                error: row.try_get("error")?,
                issue_id: row.try_get("issue_id")?,
                created_at: row.try_get("created_at")?,
                finished_at: row.try_get("finished_at")?,
                tries: tries.remove(&id).unwrap_or_default(),
            })
        })
        .collect()
}

async fn attempts(pool: &Pool, jobs: &[i64]) -> Result<BTreeMap<i64, Vec<AttemptRow>>, StoreError> {
    let rows = query(
        "SELECT * FROM attempt WHERE job_id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1)) ORDER BY job_id, no",
    )
    .bind(json_list(jobs)?)
    .fetch_all(pool)
    .await?;
    let mut by_job: BTreeMap<i64, Vec<AttemptRow>> = BTreeMap::new();
    for row in &rows {
        by_job.entry(row.try_get("job_id")?).or_default().push(AttemptRow {
            no: row.try_get("no")?,
            started_at: row.try_get("started_at")?,
            finished_at: row.try_get("finished_at")?,
            outcome: row.try_get("outcome")?,
            class: row.try_get("class")?,
            status: row.try_get("status")?,
            request: row.try_get("request")?,
            response: row.try_get("response")?,
        });
    }
    Ok(by_job)
}

async fn edits(pool: &Pool, key: &EntityKey) -> Result<Vec<EditRow>, StoreError> {
    let rows = query(
        "SELECT e.* FROM event v JOIN job j ON j.event_id = v.id JOIN edit e ON e.job_id = j.id \
         WHERE v.connection = $1 AND v.stream = $2 AND v.key = $3 \
         UNION ALL SELECT e.* FROM inbox i JOIN edit e ON e.inbox_id = i.id \
         WHERE i.connection = $1 AND i.stream = $2 AND i.key = $3 AND i.key <> '' ORDER BY 1 DESC LIMIT $4",
    )
    .bind(&key.connection)
    .bind(&key.stream)
    .bind(&key.key)
    .bind(TIMELINE_MAX)
    .fetch_all(pool)
    .await?;
    rows.iter().rev().map(edit_row).collect()
}

fn edit_row(row: &Row) -> Result<EditRow, StoreError> {
    let job: Option<i64> = row.try_get("job_id")?;
    let (before, after): (Vec<u8>, Vec<u8>) = (row.try_get("before")?, row.try_get("after")?);
    let changed: String = row.try_get("changed")?;
    Ok(EditRow {
        dead: match job {
            Some(id) => DeadRef::Job(id),
            None => DeadRef::Inbox(row.try_get("inbox_id")?),
        },
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        changed: serde_json::from_str(&changed).map_err(|error| StoreError::Corrupt {
            what: "the fields that an edit changed".into(),
            cause: error.to_string(),
        })?,
        before: String::from_utf8_lossy(&before).into_owned(),
        after: String::from_utf8_lossy(&after).into_owned(),
    })
}

/// Where the record went, and of which records it is the copy.
async fn bindings(pool: &Pool, key: &EntityKey) -> Result<Vec<BindingRow>, StoreError> {
    let rows = query(
        "SELECT * FROM binding WHERE source_connection = $1 AND source_stream = $2 AND source_key = $3 \
         UNION SELECT * FROM binding WHERE dest_connection = $1 AND dest_stream = $2 AND remote_id = $3 \
         ORDER BY source_connection, source_stream, source_key, dest_connection, dest_stream",
    )
    .bind(&key.connection)
    .bind(&key.stream)
    .bind(&key.key)
    .fetch_all(pool)
    .await?;
    rows.iter().map(binding_row).collect()
}
