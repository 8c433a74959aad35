//! Statements of processing: pending payloads, the mirror, events and the jobs they cause; not here: what is decided.

use std::collections::BTreeSet;

use serde::Serialize;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Row as _, query, query_scalar};

use super::inbox::insert_pending;
use super::settle::{TallyDelta, file_dead_letter, move_tally, settle_payloads};
use super::sql::{binding_row, day_of, entity_row, json_list, key_list, word};
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::mutation;
use crate::store::rows::*;

pub(super) async fn pending(pool: &SqlitePool, after: i64, limit: u32) -> Result<Vec<InboxRow>, StoreError> {
    let rows = query(
        "SELECT id, connection, stream, source, topic, place, COALESCE(edited, payload) AS payload, received_at FROM inbox \
         WHERE state = 'pending' AND id > $1 ORDER BY id LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(InboxRow {
                id: row.try_get("id")?,
                connection: row.try_get("connection")?,
                stream: row.try_get("stream")?,
                source: word(row, "source", SourceKind::parse)?,
                topic: row.try_get("topic")?,
                place: row.try_get("place")?,
                payload: row.try_get("payload")?,
                received_at: row.try_get("received_at")?,
            })
        })
        .collect()
}

pub(super) async fn entities(pool: &SqlitePool, keys: &[EntityKey]) -> Result<Vec<EntityRow>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows = query(
        "SELECT e.* FROM json_each($1) k JOIN entity e ON e.connection = k.value ->> 0 \
         AND e.stream = k.value ->> 1 AND e.key = k.value ->> 2",
    )
    .bind(key_list(keys)?)
    .fetch_all(pool)
    .await?;
    rows.iter().map(entity_row).collect()
}

pub(super) async fn bindings_by_remote(pool: &SqlitePool, keys: &[EntityKey]) -> Result<Vec<BindingRow>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows = query(
        "SELECT b.* FROM json_each($1) k JOIN binding b ON b.dest_connection = k.value ->> 0 \
         AND b.dest_stream = k.value ->> 1 AND b.remote_id = k.value ->> 2",
    )
    .bind(key_list(keys)?)
    .fetch_all(pool)
    .await?;
    rows.iter().map(binding_row).collect()
}

pub(super) struct Commit {
    pub commit: ProcessCommit,
}

impl Operation for Commit {
    type Output = Processed;
    fn apply<'a>(&'a self, conn: &'a mut SqliteConnection) -> OpFuture<'a, Processed> {
        Box::pin(async move {
            let mut pass = Pass { now: self.commit.now, ..Pass::default() };
            for row in &self.commit.rows {
                pass.row(conn, row).await?;
            }
            pass.finish(conn).await
        })
    }
}

/// Bookkeeping of one commit.
#[derive(Default)]
struct Pass {
    now: i64,
    tally: TallyDelta,
    done: Processed,
    lanes: BTreeSet<String>,
    /// Keys in which a job came to stand behind another.
    crowded: BTreeSet<String>,
    /// Records whose plan was outdated: what was decided about them afterwards is too.
    conflicted: BTreeSet<(String, String, String)>,
    /// `connection|entity|natural key` of records that came into being: what others may wait for.
    appeared: BTreeSet<String>,
}

impl Pass {
    async fn row(&mut self, conn: &mut SqliteConnection, row: &PlannedRow) -> Result<(), StoreError> {
        let record = (row.connection.clone(), row.stream.clone(), row.key.clone());
        if !row.key.is_empty() && self.conflicted.contains(&record) {
            self.done.conflicts.push(row.inbox_id);
            return Ok(());
        }
        let mut dead_as = (None, "");
        let (to, reason) = match &row.outcome {
            PlannedOutcome::Wait => return Ok(()),
            PlannedOutcome::Apply { state, kind, occurred_at, jobs } => {
                if !write_entity(conn, state, row.inbox_id, self.now).await? {
                    self.done.conflicts.push(row.inbox_id);
                    self.conflicted.insert(record);
                    return Ok(());
                }
                let event = append_event(conn, state, kind, row.inbox_id, *occurred_at, self.now).await?;
                for job in jobs {
                    self.job(conn, job, event, row.inbox_id, state.revision, false).await?;
                }
                if !state.natural_key.is_empty() && !state.deleted {
                    self.appeared.insert(wait_key(&state.id.connection, state.entity, &state.natural_key));
                }
                if jobs.is_empty() { (Disposition::Applied, "") } else { (Disposition::Pending, "") }
            }
            PlannedOutcome::Absorb { state, kind, occurred_at, rule } => {
                if !write_entity(conn, state, row.inbox_id, self.now).await? {
                    self.done.conflicts.push(row.inbox_id);
                    return Ok(());
                }
                append_event(conn, state, kind, row.inbox_id, *occurred_at, self.now).await?;
                (Disposition::Ignored, rule.as_str())
            }
            PlannedOutcome::Unchanged { id, version } => {
                advance_fence(conn, id, *version).await?;
                (Disposition::Ignored, "unchanged")
            }
            PlannedOutcome::Superseded => (Disposition::Superseded, ""),
            PlannedOutcome::Ignored(rule) => (Disposition::Ignored, rule.as_str()),
            PlannedOutcome::Dead(dead) => {
                dead_as = (Some(file_dead_letter(conn, dead, self.now).await?), dead.detail.as_str());
                (Disposition::Dead, dead.class.as_str())
            }
            PlannedOutcome::Split(children) => {
                insert_pending(conn, children).await?;
                self.done.split_rows += children.len() as u64;
                (Disposition::Split, "")
            }
        };
        let moved = query(
            "UPDATE inbox SET state = 'done', disposition = $2, reason = $3, stream = $4, entity = $5, key = $6, \
             issue_id = $7, error = $8, processed_at = $9 WHERE id = $1 AND state = 'pending' \
             RETURNING connection, received_at",
        )
        .bind(row.inbox_id)
        .bind(to.as_str())
        .bind(reason)
        .bind(&row.stream)
        .bind(&row.entity)
        .bind(&row.key)
        .bind(dead_as.0)
        .bind(dead_as.1)
        .bind(self.now)
        .fetch_optional(&mut *conn)
        .await?
        .ok_or_else(|| StoreError::Refused(format!("payload {} is not pending any more", row.inbox_id)))?;
        let connection: String = moved.try_get("connection")?;
        self.tally.shift(&connection, day_of(moved.try_get("received_at")?), (Disposition::Pending, ""), (to, reason));
        if let Some(sighting) = row.sighting {
            count_sighting(conn, row, sighting).await?;
        }
        Ok(())
    }

    async fn job(
        &mut self,
        conn: &mut SqliteConnection,
        job: &NewJob,
        event: i64,
        inbox_id: i64,
        revision: i64,
        force: bool,
    ) -> Result<(), StoreError> {
        let state: String = query_scalar(
            "INSERT INTO job (flow, lane, stream, order_key, latest, event_id, inbox_id, revision, state, force, run_at, \
             created_at) SELECT $1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN EXISTS (SELECT 1 FROM job older \
             WHERE older.order_key = $4 AND older.state IN ('ready', 'blocked', 'running', 'waiting')) \
             THEN 'blocked' ELSE 'ready' END, $9, $10, $10 RETURNING state",
        )
        .bind(&job.flow)
        .bind(&job.lane)
        .bind(&job.stream)
        .bind(&job.order_key)
        .bind(job.latest)
        .bind(event)
        .bind(inbox_id)
        .bind(revision)
        .bind(force)
        .bind(self.now)
        .fetch_one(&mut *conn)
        .await?;
        if state != JobState::Ready.as_str() {
            self.crowded.insert(job.order_key.clone());
        }
        self.lanes.insert(job.lane.clone());
        Ok(())
    }

    async fn finish(mut self, conn: &mut SqliteConnection) -> Result<Processed, StoreError> {
        let crowded: Vec<String> = self.crowded.into_iter().collect();
        coalesce(conn, &crowded, self.now).await?;
        promote(conn, &crowded).await?;
        let appeared: Vec<String> = self.appeared.into_iter().collect();
        self.lanes.extend(release_waiting(conn, &appeared, self.now).await?);
        move_tally(conn, self.tally).await?;
        self.done.lanes = self.lanes.into_iter().collect();
        Ok(self.done)
    }
}

/// Writes a new revision. False if the stored revision is not the one the plan was made on.
async fn write_entity(
    conn: &mut SqliteConnection,
    state: &EntityWrite,
    inbox_id: i64,
    now: i64,
) -> Result<bool, StoreError> {
    let written = query(
        "INSERT INTO entity (connection, stream, entity, key, natural_key, version, revision, hash, doc, deleted, inbox_id, \
         seen_by, changed_at) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 \
         WHERE $7 = 1 OR EXISTS (SELECT 1 FROM entity WHERE connection = $1 AND stream = $2 AND key = $4) \
         ON CONFLICT (connection, stream, key) DO UPDATE SET natural_key = excluded.natural_key, \
         version = excluded.version, revision = excluded.revision, hash = excluded.hash, doc = excluded.doc, \
         deleted = excluded.deleted, inbox_id = excluded.inbox_id, seen_by = excluded.seen_by, \
         changed_at = excluded.changed_at \
         WHERE entity.revision = excluded.revision - 1 AND (entity.version <= excluded.version OR $14)",
    )
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
    .bind(mutation::active(mutation::NO_VERSION_FENCE))
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

async fn advance_fence(conn: &mut SqliteConnection, id: &EntityKey, version: i64) -> Result<(), StoreError> {
    query("UPDATE entity SET version = $4 WHERE connection = $1 AND stream = $2 AND key = $3 AND version < $4")
        .bind(&id.connection)
        .bind(&id.stream)
        .bind(&id.key)
        .bind(version)
        .execute(conn)
        .await?;
    Ok(())
}

async fn append_event(
    conn: &mut SqliteConnection,
    state: &EntityWrite,
    kind: &str,
    inbox_id: i64,
    occurred_at: Option<i64>,
    now: i64,
) -> Result<i64, StoreError> {
    Ok(query_scalar(
        "INSERT INTO event (connection, stream, entity, key, revision, kind, doc, deleted, inbox_id, occurred_at, recorded_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
    )
    .bind(&state.id.connection)
    .bind(&state.id.stream)
    .bind(state.entity.as_str())
    .bind(&state.id.key)
    .bind(state.revision)
    .bind(kind)
    .bind(&state.doc)
    .bind(state.deleted)
    .bind(inbox_id)
    .bind(occurred_at)
    .bind(now)
    .fetch_one(conn)
    .await?)
}

async fn count_sighting(conn: &mut SqliteConnection, row: &PlannedRow, sighting: Sighting) -> Result<(), StoreError> {
    let (webhook, poll, late) = match sighting {
        Sighting::ByWebhook => (1, 0, 0),
        Sighting::ByPoll => (0, 1, 0),
        Sighting::Late => (0, 0, 1),
    };
    query(
        "INSERT INTO sighting (connection, stream, day, by_webhook, by_poll, late) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (connection, stream, day) DO UPDATE SET by_webhook = by_webhook + excluded.by_webhook, \
         by_poll = by_poll + excluded.by_poll, late = late + excluded.late",
    )
    .bind(&row.connection)
    .bind(&row.stream)
    .bind(day_of(row.received_at))
    .bind(webhook)
    .bind(poll)
    .bind(late)
    .execute(conn)
    .await?;
    Ok(())
}

/// Of a flow's jobs for a `latest` key that are not being sent, and whose outcome is not in doubt, only the newest stays.
/// What a person edited or demanded stays too, unless the newer job was demanded as well.
///
/// The first state condition is the one of the index `job_open`, word for word: SQLite uses a partial index only then.
pub(super) async fn coalesce<K: Serialize>(
    conn: &mut SqliteConnection,
    order_keys: &[K],
    now: i64,
) -> Result<(), StoreError> {
    if order_keys.is_empty() {
        return Ok(());
    }
    let replaced: Vec<i64> = query_scalar(
        "UPDATE job SET state = 'superseded', finished_at = $2 WHERE order_key IN (SELECT value FROM json_each($1)) \
         AND state IN ('ready', 'blocked', 'running', 'waiting') AND state <> 'running' \
         AND latest = 1 AND unknown = 0 AND edited IS NULL \
         AND EXISTS (SELECT 1 FROM job newer WHERE newer.order_key = job.order_key AND newer.id > job.id \
                     AND newer.state IN ('ready', 'blocked', 'running', 'waiting') \
                     AND newer.flow = job.flow AND newer.force >= job.force) \
         RETURNING inbox_id",
    )
    .bind(json_list(order_keys)?)
    .bind(now)
    .fetch_all(&mut *conn)
    .await?;
    settle_payloads(conn, &replaced).await
}

/// The oldest open job of each key with none in flight becomes ready. Returns the lanes in which one did.
pub(super) async fn promote<K: Serialize>(
    conn: &mut SqliteConnection,
    order_keys: &[K],
) -> Result<Vec<String>, StoreError> {
    if order_keys.is_empty() {
        return Ok(Vec::new());
    }
    Ok(query_scalar(
        "UPDATE job SET state = 'ready' WHERE state = 'blocked' AND id IN ( \
           SELECT (SELECT MIN(id) FROM job head WHERE head.order_key = k.value \
                   AND head.state IN ('ready', 'blocked', 'running', 'waiting')) FROM json_each($1) k \
           WHERE NOT EXISTS (SELECT 1 FROM job active WHERE active.order_key = k.value \
                             AND active.state IN ('ready', 'running', 'waiting'))) \
         RETURNING lane",
    )
    .bind(json_list(order_keys)?)
    .fetch_all(conn)
    .await?)
}

/// Jobs that waited for one of these become ready. Returns their lanes.
pub(super) async fn release_waiting(
    conn: &mut SqliteConnection,
    appeared: &[String],
    now: i64,
) -> Result<Vec<String>, StoreError> {
    if appeared.is_empty() {
        return Ok(Vec::new());
    }
    Ok(query_scalar(
        "UPDATE job SET state = 'ready', wait_for = '', run_at = $2 WHERE state = 'waiting' \
         AND wait_for IN (SELECT value FROM json_each($1)) RETURNING lane",
    )
    .bind(json_list(appeared)?)
    .bind(now)
    .fetch_all(conn)
    .await?)
}

pub(super) struct ReplayFlow {
    pub replay: Replay,
}

impl Operation for ReplayFlow {
    type Output = u64;
    fn apply<'a>(&'a self, conn: &'a mut SqliteConnection) -> OpFuture<'a, u64> {
        Box::pin(async move {
            let replay = &self.replay;
            let events = query(
                "SELECT MAX(v.id) AS id, v.inbox_id, v.key, v.revision FROM event v WHERE v.connection = $1 AND v.stream = $2 \
                 AND ($3 IS NULL OR v.key = $3) AND ($4 IS NULL OR v.recorded_at >= $4) GROUP BY v.key ORDER BY 1",
            )
            .bind(&replay.source_connection)
            .bind(&replay.source_stream)
            .bind(&replay.key)
            .bind(replay.since)
            .fetch_all(&mut *conn)
            .await?;
            let mut pass = Pass { now: replay.at, ..Pass::default() };
            let mut payloads = Vec::with_capacity(events.len());
            for event in &events {
                let key: String = event.try_get("key")?;
                let job = NewJob {
                    flow: replay.flow.clone(),
                    lane: replay.dest_connection.clone(),
                    stream: replay.dest_stream.clone(),
                    latest: replay.latest,
                    order_key: order_key(&replay.dest_connection, &replay.dest_stream, &replay.source_connection, &key),
                };
                let inbox_id = event.try_get("inbox_id")?;
                pass.job(conn, &job, event.try_get("id")?, inbox_id, event.try_get("revision")?, replay.force).await?;
                payloads.push(inbox_id);
            }
            pass.finish(conn).await?;
            settle_payloads(conn, &payloads).await?;
            Ok(events.len() as u64)
        })
    }
}
