//! Statements of processing: pending payloads, the mirror, events and the jobs they cause; not here: what is decided.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::db::{Connection, Pool};
use serde::Serialize;
use sqlx::{Row as _, query, query_scalar};

use super::applied::{Caused, Revision, advance_fences, append_events, enqueue, write_revisions};
use super::inbox::insert_pending;
use super::order::{coalesce, promote, release_waiting};
use super::settle::{TallyDelta, file_dead_letter, move_tally, settle_payloads};
use super::sighting::{add_sightings, see_by_poll};
use super::sql::{day_of, json_list, text, word};
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::rows::*;

pub(super) async fn pending(pool: &Pool, after: i64, limit: u32) -> Result<Vec<InboxRow>, StoreError> {
    let rows = query(
        "SELECT id, connection, stream, source, topic, headers, place, COALESCE(edited, body) AS payload, received_at, \
         batch FROM inbox JOIN payload ON inbox_id = id WHERE state = 'pending' AND id > $1 ORDER BY id LIMIT $2",
    )
    .bind(after)
    .bind(i64::from(limit))
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
                batch: row.try_get("batch")?,
            })
        })
        .collect()
}

pub(super) async fn pending_count(pool: &Pool, up_to: u32) -> Result<u64, StoreError> {
    let n: i64 = query_scalar("SELECT COUNT(*) FROM (SELECT 1 FROM inbox WHERE state = 'pending' LIMIT $1) counted")
        .bind(i64::from(up_to))
        .fetch_one(pool)
        .await?;
    Ok(n.unsigned_abs())
}

pub(super) struct Commit {
    pub commit: ProcessCommit,
}

impl Operation for Commit {
    type Output = Processed;
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, Processed> {
        Box::pin(async move {
            let mut pass = Pass { now: self.commit.now, ..Pass::default() };
            for wave in waves(&self.commit.rows) {
                pass.wave(conn, wave).await?;
            }
            pass.finish(conn).await
        })
    }
}

/// Rows in the order of their records' changes: the first of each record, then the second of each, and so on, so that each
/// wave can be written set-wise.
fn waves(rows: &[PlannedRow]) -> Vec<Vec<&PlannedRow>> {
    let mut seen: HashMap<Record<'_>, usize> = HashMap::with_capacity(rows.len());
    let mut waves: Vec<Vec<&PlannedRow>> = Vec::new();
    for row in rows {
        let mut wave = 0;
        if !row.key.is_empty() {
            let count = seen.entry(record(row)).or_default();
            wave = *count;
            *count += 1;
        }
        if wave == waves.len() {
            waves.push(Vec::new());
        }
        if let Some(wave) = waves.get_mut(wave) {
            wave.push(row);
        }
    }
    waves
}

/// Connection, stream, key.
type Record<'a> = (&'a str, &'a str, &'a str);

fn record(row: &PlannedRow) -> Record<'_> {
    (&row.connection, &row.stream, &row.key)
}

fn revision(row: &PlannedRow) -> Option<Revision<'_>> {
    match &row.outcome {
        PlannedOutcome::Apply { state, kind, occurred_at, .. }
        | PlannedOutcome::Absorb { state, kind, occurred_at, .. } => {
            Some(Revision { inbox_id: row.inbox_id, state, kind, occurred_at: *occurred_at })
        }
        PlannedOutcome::Unchanged { .. }
        | PlannedOutcome::Superseded
        | PlannedOutcome::Ignored(_)
        | PlannedOutcome::Dead(_)
        | PlannedOutcome::Split(_) => None,
    }
}

/// What a payload becomes: id, disposition, reason, stream, entity, key, issue, error.
#[derive(Serialize)]
struct Settled<'a>(i64, Disposition, &'a str, &'a str, &'a str, &'a str, Option<i64>, Cow<'a, str>);

/// Bookkeeping of one commit.
#[derive(Default)]
struct Pass<'a> {
    now: i64,
    tally: TallyDelta,
    settled: Vec<Settled<'a>>,
    done: Processed,
    lanes: BTreeSet<String>,
    caused: Vec<Caused<'a>>,
    /// Records whose plan was outdated: what was decided about them afterwards is too.
    conflicted: HashSet<Record<'a>>,
    /// Jobs that a person has to release.
    held: Vec<(Caused<'a>, &'a DeadLetter)>,
    /// `connection|entity|natural key` of records that came into being: what others may wait for.
    appeared: BTreeSet<String>,
    /// By webhook, by poll, late: of each connection, stream and day.
    sightings: BTreeMap<(&'a str, &'a str, i64), [i64; 3]>,
}

impl<'a> Pass<'a> {
    /// Rows of different records.
    async fn wave(&mut self, conn: &mut Connection, mut rows: Vec<&'a PlannedRow>) -> Result<(), StoreError> {
        rows.retain(|row| {
            let outdated = !row.key.is_empty() && self.conflicted.contains(&record(row));
            if outdated {
                self.done.conflicts.push(row.inbox_id);
            }
            !outdated
        });
        let mut revisions: Vec<Revision<'a>> = rows.iter().filter_map(|row| revision(row)).collect();
        let written = write_revisions(conn, &revisions, self.now).await?;
        revisions.retain(|revision| written.contains(&revision.inbox_id));
        let events = append_events(conn, &revisions, self.now).await?;
        let fences: Vec<(&EntityKey, i64)> = rows
            .iter()
            .filter_map(|row| match &row.outcome {
                PlannedOutcome::Unchanged { id, version } => Some((id, *version)),
                PlannedOutcome::Apply { .. }
                | PlannedOutcome::Absorb { .. }
                | PlannedOutcome::Superseded
                | PlannedOutcome::Ignored(_)
                | PlannedOutcome::Dead(_)
                | PlannedOutcome::Split(_) => None,
            })
            .collect();
        advance_fences(conn, &fences).await?;
        for row in rows {
            let event = events.get(&row.inbox_id).copied();
            if event.is_none() && revision(row).is_some() {
                self.done.conflicts.push(row.inbox_id);
                self.conflicted.insert(record(row));
                continue;
            }
            self.row(conn, row, event).await?;
        }
        Ok(())
    }

    /// What follows for one row; `event` is that of its revision, if it has one.
    async fn row(&mut self, conn: &mut Connection, row: &'a PlannedRow, event: Option<i64>) -> Result<(), StoreError> {
        let mut dead_as = (None, Cow::Borrowed(""));
        let (to, reason) = match &row.outcome {
            PlannedOutcome::Apply { state, jobs, .. } => {
                for (job, event) in jobs.iter().zip(event.into_iter().cycle()) {
                    let (inbox_id, revision) = (row.inbox_id, state.revision);
                    let caused = Caused { job, event, inbox_id, revision, force: false };
                    if let Some(dead) = &job.held {
                        self.held.push((caused, dead));
                    } else {
                        self.lanes.insert(job.lane.clone());
                        self.caused.push(caused);
                    }
                }
                self.appears(state);
                if jobs.is_empty() { (Disposition::Applied, "") } else { (Disposition::Pending, "") }
            }
            PlannedOutcome::Absorb { state, rule, .. } => {
                self.appears(state);
                (Disposition::Ignored, rule.as_str())
            }
            PlannedOutcome::Unchanged { .. } => (Disposition::Ignored, "unchanged"),
            PlannedOutcome::Superseded => (Disposition::Superseded, ""),
            PlannedOutcome::Ignored(rule) => (Disposition::Ignored, rule.as_str()),
            PlannedOutcome::Dead(dead) => {
                dead_as = (Some(file_dead_letter(conn, dead, self.now).await?), text(&dead.detail));
                (Disposition::Dead, dead.class.as_str())
            }
            PlannedOutcome::Split(children) => {
                insert_pending(conn, &children.iter().collect::<Vec<_>>()).await?;
                self.done.split_rows += children.len() as u64;
                (Disposition::Split, "")
            }
        };
        let day = day_of(row.received_at);
        self.tally.shift(&row.connection, day, (Disposition::Pending, ""), (to, reason));
        let (issue, error) = dead_as;
        self.settled.push(Settled(row.inbox_id, to, reason, &row.stream, &row.entity, &row.key, issue, error));
        if let Some(sighting) = row.sighting {
            let [webhook, poll, late] = self.sightings.entry((&row.connection, &row.stream, day)).or_default();
            match sighting {
                Sighting::ByWebhook => *webhook += 1,
                Sighting::ByPoll => {
                    *poll += 1;
                    *late += i64::from(see_by_poll(conn, row.inbox_id).await?);
                }
                Sighting::Late => *late += 1,
            }
        }
        Ok(())
    }

    /// Others may be waiting for this record to exist.
    fn appears(&mut self, state: &EntityWrite) {
        if !state.natural_key.is_empty() && !state.deleted {
            self.appeared.insert(wait_key(&state.id.connection, state.entity, &state.natural_key));
        }
    }

    /// Closes the payloads of the commit with one statement.
    async fn settle(&mut self, conn: &mut Connection) -> Result<(), StoreError> {
        let moved = query(
            "UPDATE inbox SET state = 'done', disposition = k.value ->> 1, reason = k.value ->> 2, stream = k.value ->> 3, \
             entity = k.value ->> 4, key = k.value ->> 5, issue_id = CAST(k.value ->> 6 AS BIGINT), error = k.value ->> 7, \
             processed_at = $2 FROM json_each($1) k WHERE inbox.id = CAST(k.value ->> 0 AS BIGINT) AND inbox.state = 'pending'",
        )
        .bind(json_list(&self.settled)?)
        .bind(self.now)
        .execute(conn)
        .await?;
        if moved.rows_affected() != self.settled.len() as u64 {
            let ids: Vec<i64> = self.settled.iter().map(|row| row.0).collect();
            return Err(StoreError::Refused(format!(
                "some of payloads {ids:?} are not pending any more, or were decided twice"
            )));
        }
        Ok(())
    }

    async fn finish(mut self, conn: &mut Connection) -> Result<Processed, StoreError> {
        if !self.settled.is_empty() {
            self.settle(conn).await?;
        }
        // Across records as they arrived, too: nobody's turn comes later for having been in a wave with others.
        self.caused.sort_by_key(|caused| caused.inbox_id);
        line_up(conn, &self.caused, self.now).await?;
        for (caused, dead) in &self.held {
            born_dead(conn, caused, dead, self.now).await?;
        }
        settle_payloads(conn, &self.held.iter().map(|(caused, _)| caused.inbox_id).collect::<Vec<_>>()).await?;
        for ((connection, stream, day), counts) in &self.sightings {
            add_sightings(conn, (connection, stream, *day), *counts).await?;
        }
        let appeared: Vec<String> = self.appeared.into_iter().collect();
        self.lanes.extend(release_waiting(conn, &appeared, self.now).await?);
        move_tally(conn, self.tally).await?;
        self.done.lanes = self.lanes.into_iter().collect();
        Ok(self.done)
    }
}

/// Writes jobs, and settles the order in the keys where one came to stand behind another.
async fn line_up(conn: &mut Connection, caused: &[Caused<'_>], now: i64) -> Result<(), StoreError> {
    let crowded: Vec<String> = enqueue(conn, caused, now).await?.into_iter().collect();
    coalesce(conn, &crowded, now).await?;
    promote(conn, &crowded).await?;
    Ok(())
}

/// A job that a person has to release: it is a dead letter from the first, and stands in nobody's way.
async fn born_dead(
    conn: &mut Connection,
    Caused { job, event, inbox_id, revision, .. }: &Caused<'_>,
    dead: &DeadLetter,
    now: i64,
) -> Result<(), StoreError> {
    let issue = file_dead_letter(conn, dead, now).await?;
    query(
        "INSERT INTO job (flow, lane, stream, order_key, latest, event_id, inbox_id, revision, state, run_at, created_at, \
         finished_at, class, error, issue_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'dead', $9, $9, $9, $10, $11, $12)",
    )
    .bind(&job.flow)
    .bind(&job.lane)
    .bind(&job.stream)
    .bind(&job.order_key)
    .bind(job.latest)
    .bind(event)
    .bind(inbox_id)
    .bind(revision)
    .bind(now)
    .bind(dead.class.as_str())
    .bind(text(&dead.detail))
    .bind(issue)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) struct ReplayFlow {
    pub replay: Replay,
}

impl Operation for ReplayFlow {
    type Output = u64;
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, u64> {
        Box::pin(async move {
            let replay = &self.replay;
            let events = query(
                "SELECT last.id, last.inbox_id, last.key, last.revision FROM event last WHERE last.id IN (SELECT MAX(v.id) \
                 FROM event v WHERE v.connection = $1 AND v.stream = $2 AND ($3 IS NULL OR v.key = $3) \
                 AND ($4 IS NULL OR v.recorded_at >= $4) GROUP BY v.key) ORDER BY last.id",
            )
            .bind(&replay.source_connection)
            .bind(&replay.source_stream)
            .bind(&replay.key)
            .bind(replay.since)
            .fetch_all(&mut *conn)
            .await?;
            let mut payloads = Vec::with_capacity(events.len());
            let mut jobs = Vec::with_capacity(events.len());
            for event in &events {
                let key: String = event.try_get("key")?;
                payloads.push(event.try_get("inbox_id")?);
                jobs.push(NewJob {
                    flow: replay.flow.clone(),
                    lane: replay.dest_connection.clone(),
                    stream: replay.dest_stream.clone(),
                    latest: replay.latest,
                    order_key: order_key(&replay.dest_connection, &replay.dest_stream, &replay.source_connection, &key),
                    held: None,
                });
            }
            let mut caused = Vec::with_capacity(events.len());
            for ((event, job), inbox_id) in events.iter().zip(&jobs).zip(&payloads) {
                let (event, revision) = (event.try_get("id")?, event.try_get("revision")?);
                caused.push(Caused { job, event, inbox_id: *inbox_id, revision, force: replay.force });
            }
            line_up(conn, &caused, replay.at).await?;
            settle_payloads(conn, &payloads).await?;
            Ok(events.len() as u64)
        })
    }
}
