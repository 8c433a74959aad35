//! Statements of processing: pending payloads, the mirror, events and the jobs they cause; not here: what is decided.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Row as _, query, query_scalar};

use super::inbox::insert_pending;
use super::order::{coalesce, promote, release_waiting};
use super::settle::{TallyDelta, file_dead_letter, move_tally, settle_payloads};
use super::sighting::{add_sightings, see_by_poll};
use super::sql::{day_of, json_list, word};
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::mutation;
use crate::store::rows::*;

pub(super) async fn pending(pool: &SqlitePool, after: i64, limit: u32) -> Result<Vec<InboxRow>, StoreError> {
    let rows = query(
        "SELECT id, connection, stream, source, topic, headers, place, COALESCE(edited, payload) AS payload, \
         received_at FROM inbox \
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
                headers: row.try_get("headers")?,
                place: row.try_get("place")?,
                payload: row.try_get("payload")?,
                received_at: row.try_get("received_at")?,
            })
        })
        .collect()
}

pub(super) async fn pending_count(pool: &SqlitePool, up_to: u32) -> Result<u64, StoreError> {
    let n: i64 = query_scalar("SELECT COUNT(*) FROM (SELECT 1 FROM inbox WHERE state = 'pending' LIMIT $1)")
        .bind(up_to)
        .fetch_one(pool)
        .await?;
    Ok(n.unsigned_abs())
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

/// What a payload becomes: id, disposition, reason, stream, entity, key, issue, error.
#[derive(Serialize)]
struct Settled(i64, Disposition, String, String, String, String, Option<i64>, String);

/// Bookkeeping of one commit.
#[derive(Default)]
struct Pass {
    now: i64,
    tally: TallyDelta,
    settled: Vec<Settled>,
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
                self.appears(state);
                if jobs.is_empty() { (Disposition::Applied, "") } else { (Disposition::Pending, "") }
            }
            PlannedOutcome::Absorb { state, kind, occurred_at, rule } => {
                if !write_entity(conn, state, row.inbox_id, self.now).await? {
                    self.done.conflicts.push(row.inbox_id);
                    self.conflicted.insert(record);
                    return Ok(());
                }
                append_event(conn, state, kind, row.inbox_id, *occurred_at, self.now).await?;
                self.appears(state);
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
                insert_pending(conn, &children.iter().collect::<Vec<_>>()).await?;
                self.done.split_rows += children.len() as u64;
                (Disposition::Split, "")
            }
        };
        let (issue, error) = dead_as;
        self.settled.push(Settled(
            row.inbox_id,
            to,
            reason.to_owned(),
            row.stream.clone(),
            row.entity.clone(),
            row.key.clone(),
            issue,
            error.to_owned(),
        ));
        if let Some(sighting) = row.sighting {
            count_sighting(conn, row, sighting).await?;
        }
        Ok(())
    }

    /// Others may be waiting for this record to exist.
    fn appears(&mut self, state: &EntityWrite) {
        if !state.natural_key.is_empty() && !state.deleted {
            self.appeared.insert(wait_key(&state.id.connection, state.entity, &state.natural_key));
        }
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

    /// Closes the payloads of the commit with one statement.
    async fn settle(&mut self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        let moved = query(
            "UPDATE inbox SET state = 'done', disposition = k.value ->> 1, reason = k.value ->> 2, stream = k.value ->> 3, \
             entity = k.value ->> 4, key = k.value ->> 5, issue_id = k.value ->> 6, error = k.value ->> 7, \
             processed_at = $2 FROM json_each($1) k WHERE inbox.id = k.value ->> 0 AND inbox.state = 'pending' \
             RETURNING id, connection, received_at",
        )
        .bind(json_list(&self.settled)?)
        .bind(self.now)
        .fetch_all(conn)
        .await?;
        let mut wanted: BTreeMap<i64, &Settled> = self.settled.iter().map(|row| (row.0, row)).collect();
        let twice = wanted.len() < self.settled.len();
        for row in &moved {
            let connection: String = row.try_get("connection")?;
            if let Some(Settled(_, to, reason, ..)) = wanted.remove(&row.try_get("id")?) {
                let day = day_of(row.try_get("received_at")?);
                self.tally.shift(&connection, day, (Disposition::Pending, ""), (*to, reason));
            }
        }
        if twice || !wanted.is_empty() {
            let ids: Vec<&i64> = wanted.keys().collect();
            return Err(StoreError::Refused(format!(
                "payloads {ids:?} are not pending any more, or were decided twice"
            )));
        }
        Ok(())
    }

    async fn finish(mut self, conn: &mut SqliteConnection) -> Result<Processed, StoreError> {
        if !self.settled.is_empty() {
            self.settle(conn).await?;
        }
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
         seen_by, changed_at, as_of) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $15 \
         WHERE $7 = 1 OR EXISTS (SELECT 1 FROM entity WHERE connection = $1 AND stream = $2 AND key = $4) \
         ON CONFLICT (connection, stream, key) DO UPDATE SET natural_key = excluded.natural_key, \
         version = excluded.version, revision = excluded.revision, hash = excluded.hash, doc = excluded.doc, \
         deleted = excluded.deleted, inbox_id = excluded.inbox_id, seen_by = excluded.seen_by, \
         changed_at = excluded.changed_at, as_of = excluded.as_of \
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
    .bind(state.as_of)
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
        Sighting::ByPoll => (0, 1, i64::from(see_by_poll(conn, row.inbox_id).await?)),
        Sighting::Late => (0, 0, 1),
    };
    add_sightings(conn, (&row.connection, &row.stream, day_of(row.received_at)), [webhook, poll, late]).await
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
