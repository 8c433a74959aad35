//! Statements of the queue: one tick acknowledges, renews and claims in one transaction; not here: who decides outcomes.
//!
//! Successes, the common case, are written set-wise: the number of statements in a tick does not grow with the jobs in it.

use std::collections::BTreeSet;

use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{Row as _, query, query_scalar};

use super::process::{coalesce, promote, release_waiting};
use super::settle::{file_dead_letter, resolve_empty_issues, settle_payloads};
use super::sql::{binding_row, entity_word, json_list};
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::rows::*;

pub(super) struct Tick {
    pub tick: Dispatch,
}

impl Operation for Tick {
    type Output = Dispatched;
    fn apply<'a>(&'a self, conn: &'a mut SqliteConnection) -> OpFuture<'a, Dispatched> {
        Box::pin(async move {
            let tick = &self.tick;
            let mut result = Dispatched::default();
            let mut closing = Closing { now: tick.now, ..Closing::default() };
            let (done, other): (Vec<&Ack>, Vec<&Ack>) =
                tick.acks.iter().partition(|ack| matches!(ack.outcome, AckOutcome::Done { .. }));
            closing.done(conn, &done, &mut result.stale).await?;
            for ack in other {
                if !closing.other(conn, ack).await? {
                    result.stale.push(ack.claim);
                }
            }
            result.woken = closing.finish(conn).await?;
            renew(conn, tick, &mut result.stale).await?;
            for (lane, room) in &tick.claims {
                claim(conn, tick, lane, *room, &mut result.claimed).await?;
                let due: Option<i64> = query_scalar(
                    "SELECT MIN(run_at) FROM job WHERE lane = $1 AND state = 'ready' \
                     AND flow NOT IN (SELECT value FROM json_each($2))",
                )
                .bind(lane)
                .bind(json_list(&tick.held_flows)?)
                .fetch_one(&mut *conn)
                .await?;
                result.next_due.extend(due.map(|due| (lane.clone(), due)));
            }
            Ok(result)
        })
    }
}

/// What follows once the outcomes of a tick are written.
#[derive(Default)]
struct Closing {
    now: i64,
    payloads: Vec<i64>,
    /// Keys whose job in flight was closed: the next one's turn.
    order_keys: BTreeSet<String>,
    /// Keys whose job in flight went back: a newer one may take its place.
    reopened: BTreeSet<String>,
    issues: BTreeSet<i64>,
    lanes: BTreeSet<String>,
    /// Jobs that the destination confirmed in this tick.
    done: Vec<i64>,
    /// Jobs that began to wait in this tick: id, entity and natural key of what they wait for.
    waiting: Vec<(i64, String, String)>,
}

#[derive(Serialize)]
struct DoneRow<'a>(i64, i64, &'a str, Option<i64>, &'a str, &'a str, Option<u16>, &'a str, &'a str);

impl Closing {
    async fn done(
        &mut self,
        conn: &mut SqliteConnection,
        acks: &[&Ack],
        stale: &mut Vec<JobClaim>,
    ) -> Result<(), StoreError> {
        if acks.is_empty() {
            return Ok(());
        }
        let rows: Vec<DoneRow<'_>> = acks
            .iter()
            .filter_map(|ack| match &ack.outcome {
                AckOutcome::Done { remote_id, remote_version, sent_hash, echo } => Some(DoneRow(
                    ack.claim.job_id,
                    ack.claim.claim,
                    remote_id,
                    *remote_version,
                    sent_hash,
                    echo,
                    ack.status,
                    &ack.request,
                    &ack.response,
                )),
                AckOutcome::Superseded
                | AckOutcome::Ignored(_)
                | AckOutcome::Retry { .. }
                | AckOutcome::Unknown { .. }
                | AckOutcome::Wait { .. }
                | AckOutcome::Dead(_)
                | AckOutcome::Released { .. } => None,
            })
            .collect();
        let list = json_list(&rows)?;
        let closed = query(
            "UPDATE job SET state = 'done', unknown = 0, wait_for = '', class = '', error = '', lease_until = 0, \
             finished_at = $2 FROM json_each($1) k \
             WHERE job.id = k.value ->> 0 AND job.claim = k.value ->> 1 AND job.state = 'running' \
             RETURNING id, order_key, inbox_id, flow",
        )
        .bind(&list)
        .bind(self.now)
        .fetch_all(&mut *conn)
        .await?;
        let mut closed_ids = Vec::with_capacity(closed.len());
        let mut healed: Vec<(i64, String, String)> = Vec::with_capacity(closed.len());
        for row in &closed {
            let (id, key): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
            closed_ids.push(id);
            self.payloads.push(row.try_get(2)?);
            healed.push((id, key.clone(), row.try_get(3)?));
            self.order_keys.insert(key);
        }
        if closed_ids.len() < acks.len() {
            let known: BTreeSet<i64> = closed_ids.iter().copied().collect();
            stale.extend(acks.iter().map(|ack| ack.claim).filter(|claim| !known.contains(&claim.job_id)));
        }
        let closed_list = json_list(&closed_ids)?;
        complete_attempts(conn, &list, &closed_list, self.now).await?;
        bind(conn, &list, &closed_list, self.now).await?;
        self.supersede_dead(conn, &healed).await?;
        self.done = closed_ids;
        Ok(())
    }

    /// A dead letter of a key whose newer revision has now arrived needs nobody any more.
    async fn supersede_dead(
        &mut self,
        conn: &mut SqliteConnection,
        done: &[(i64, String, String)],
    ) -> Result<(), StoreError> {
        let healed = query(
            "UPDATE job SET state = 'superseded', finished_at = $2 FROM json_each($1) k WHERE job.state = 'dead' \
             AND job.order_key = k.value ->> 1 AND job.id < k.value ->> 0 AND job.flow = k.value ->> 2 \
             RETURNING inbox_id, issue_id",
        )
        .bind(json_list(done)?)
        .bind(self.now)
        .fetch_all(&mut *conn)
        .await?;
        for row in &healed {
            self.payloads.push(row.try_get(0)?);
            self.issues.extend(row.try_get::<Option<i64>, _>(1)?);
        }
        Ok(())
    }

    /// What waited for a record that has now arrived is ready. After all outcomes are written, so that a job which began to
    /// wait in the same tick is among them.
    async fn release_dependents(&mut self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        if self.done.is_empty() {
            return Ok(());
        }
        let waiting: bool =
            query_scalar("SELECT EXISTS (SELECT 1 FROM job WHERE state = 'waiting')").fetch_one(&mut *conn).await?;
        if !waiting {
            return Ok(());
        }
        let appeared: Vec<String> = query_scalar(
            "SELECT j.lane || '|' || e.entity || '|' || e.natural_key FROM job j JOIN event v ON v.id = j.event_id \
             JOIN entity e ON e.connection = v.connection AND e.stream = v.stream AND e.key = v.key \
             WHERE j.id IN (SELECT value FROM json_each($1)) AND e.natural_key <> ''",
        )
        .bind(json_list(&self.done)?)
        .fetch_all(&mut *conn)
        .await?;
        self.lanes.extend(release_waiting(conn, &appeared, self.now).await?);
        Ok(())
    }

    /// Outcomes other than success. False if the claim is not the job's current one.
    async fn other(&mut self, conn: &mut SqliteConnection, ack: &Ack) -> Result<bool, StoreError> {
        if !is_current(conn, ack.claim).await? {
            return Ok(false);
        }
        let class = ack.class.map_or("", |class| class.as_str());
        let Some(mut change) = JobChange::of(&ack.outcome) else { return Ok(true) };
        if let AckOutcome::Dead(dead) = &ack.outcome {
            change.issue = Some(file_dead_letter(conn, dead, self.now).await?);
        }
        let row = change.write(conn, ack.claim, class, self.now).await?;
        if !change.state.is_open() {
            self.payloads.push(row.try_get("inbox_id")?);
        }
        let order_key: String = row.try_get("order_key")?;
        if change.state.is_open() {
            self.reopened.insert(order_key);
        } else {
            self.order_keys.insert(order_key);
        }
        if let Some((entity, natural_key)) = parse_wait_key(change.wait_for) {
            self.waiting.push((ack.claim.job_id, entity.to_owned(), natural_key.to_owned()));
        }
        query(
            "UPDATE attempt SET finished_at = $3, outcome = $4, class = $5, status = $6, request = $7, response = $8 \
             WHERE job_id = $1 AND no = $2",
        )
        .bind(ack.claim.job_id)
        .bind(row.try_get::<i64, _>("attempts")?)
        .bind(self.now)
        .bind(change.outcome)
        .bind(class)
        .bind(ack.status)
        .bind(&ack.request)
        .bind(&ack.response)
        .execute(conn)
        .await?;
        Ok(true)
    }

    /// What a job waits for may have come between its look-up and the outcome that says so: then nobody would wake it.
    async fn wake_overtaken(&mut self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let woken: Vec<String> = query_scalar(
            "UPDATE job SET state = 'ready', wait_for = '', run_at = $2 FROM json_each($1) k \
             WHERE job.id = k.value ->> 0 AND job.state = 'waiting' AND EXISTS ( \
               SELECT 1 FROM attempt a JOIN entity e ON e.entity = k.value ->> 1 AND e.natural_key = k.value ->> 2 \
               WHERE a.job_id = job.id AND a.no = job.attempts AND ( \
                 (e.connection = job.lane AND e.deleted = 0 AND e.changed_at >= a.started_at) \
                 OR EXISTS (SELECT 1 FROM binding b WHERE b.source_connection = e.connection \
                   AND b.source_stream = e.stream AND b.source_key = e.key AND b.dest_connection = job.lane \
                   AND b.remote_id <> '' AND b.updated_at >= a.started_at))) \
             RETURNING lane",
        )
        .bind(json_list(&self.waiting)?)
        .bind(self.now)
        .fetch_all(conn)
        .await?;
        self.lanes.extend(woken);
        Ok(())
    }

    async fn finish(mut self, conn: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
        let keys: Vec<String> = std::mem::take(&mut self.order_keys).into_iter().collect();
        let reopened: Vec<String> = std::mem::take(&mut self.reopened).into_iter().collect();
        coalesce(conn, &reopened, self.now).await?;
        self.lanes.extend(promote(conn, &reopened).await?);
        self.lanes.extend(promote(conn, &keys).await?);
        self.release_dependents(conn).await?;
        self.wake_overtaken(conn).await?;
        settle_payloads(conn, &self.payloads).await?;
        let issues: Vec<i64> = self.issues.into_iter().collect();
        resolve_empty_issues(conn, &issues, "the same records were applied later").await?;
        Ok(self.lanes.into_iter().collect())
    }
}

async fn is_current(conn: &mut SqliteConnection, claim: JobClaim) -> Result<bool, StoreError> {
    Ok(query_scalar("SELECT EXISTS (SELECT 1 FROM job WHERE id = $1 AND claim = $2 AND state = 'running')")
        .bind(claim.job_id)
        .bind(claim.claim)
        .fetch_one(conn)
        .await?)
}

struct JobChange<'a> {
    outcome: &'static str,
    state: JobState,
    /// None leaves the doubt as it was.
    unknown: Option<bool>,
    run_at: Option<i64>,
    failures: i64,
    wait_for: &'a str,
    error: &'a str,
    issue: Option<i64>,
}

impl Default for JobChange<'_> {
    fn default() -> Self {
        JobChange {
            outcome: "",
            state: JobState::Ready,
            unknown: None,
            run_at: None,
            failures: 0,
            wait_for: "",
            error: "",
            issue: None,
        }
    }
}

impl<'a> JobChange<'a> {
    /// None for success, which is written set-wise.
    fn of(outcome: &'a AckOutcome) -> Option<JobChange<'a>> {
        Some(match outcome {
            AckOutcome::Done { .. } => return None,
            AckOutcome::Superseded => JobChange::closed("superseded", JobState::Superseded, ""),
            AckOutcome::Ignored(rule) => JobChange::closed("ignored", JobState::Ignored, rule),
            AckOutcome::Retry { run_at, counts, error } => JobChange {
                outcome: "failed",
                unknown: Some(false),
                run_at: Some(*run_at),
                failures: i64::from(*counts),
                error,
                ..JobChange::default()
            },
            AckOutcome::Unknown { run_at, error } => JobChange {
                outcome: "unknown",
                unknown: Some(true),
                run_at: Some(*run_at),
                failures: 1,
                error,
                ..JobChange::default()
            },
            AckOutcome::Wait { wait_for, check_at, error } => JobChange {
                outcome: "waiting",
                state: JobState::Waiting,
                run_at: Some(*check_at),
                wait_for,
                error,
                ..JobChange::default()
            },
            AckOutcome::Released { run_at } => {
                JobChange { outcome: "released", run_at: Some(*run_at), ..JobChange::default() }
            }
            AckOutcome::Dead(dead) => {
                JobChange { outcome: "dead", state: JobState::Dead, error: &dead.detail, ..JobChange::default() }
            }
        })
    }

    fn closed(outcome: &'static str, state: JobState, error: &'a str) -> JobChange<'a> {
        JobChange { outcome, state, unknown: Some(false), error, ..JobChange::default() }
    }

    async fn write(
        &self,
        conn: &mut SqliteConnection,
        claim: JobClaim,
        class: &str,
        now: i64,
    ) -> Result<SqliteRow, StoreError> {
        Ok(query(
            "UPDATE job SET state = $3, unknown = COALESCE($4, unknown), run_at = COALESCE($5, run_at), \
             failures = failures + $6, wait_for = $7, error = $8, class = $9, issue_id = COALESCE($10, issue_id), \
             finished_at = CASE WHEN $11 THEN NULL ELSE $12 END, lease_until = 0 \
             WHERE id = $1 AND claim = $2 AND state = 'running' RETURNING inbox_id, order_key, attempts",
        )
        .bind(claim.job_id)
        .bind(claim.claim)
        .bind(self.state.as_str())
        .bind(self.unknown)
        .bind(self.run_at)
        .bind(self.failures)
        .bind(self.wait_for)
        .bind(self.error)
        .bind(class)
        .bind(self.issue)
        .bind(self.state.is_open())
        .bind(now)
        .fetch_one(conn)
        .await?)
    }
}

async fn complete_attempts(conn: &mut SqliteConnection, done: &str, closed: &str, now: i64) -> Result<(), StoreError> {
    query(
        "UPDATE attempt SET finished_at = $3, outcome = 'done', status = k.value ->> 6, request = k.value ->> 7, \
         response = k.value ->> 8 FROM json_each($1) k JOIN job j ON j.id = k.value ->> 0 \
         WHERE attempt.job_id = j.id AND attempt.no = j.attempts AND j.id IN (SELECT value FROM json_each($2))",
    )
    .bind(done)
    .bind(closed)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

async fn bind(conn: &mut SqliteConnection, done: &str, closed: &str, now: i64) -> Result<(), StoreError> {
    query(
        "INSERT INTO binding (source_connection, source_stream, source_key, dest_connection, dest_stream, remote_id, \
         remote_version, sent_revision, sent_hash, echo, updated_at) \
         SELECT v.connection, v.stream, v.key, j.lane, j.stream, k.value ->> 2, k.value ->> 3, j.revision, k.value ->> 4, \
         k.value ->> 5, $3 FROM json_each($1) k JOIN job j ON j.id = k.value ->> 0 JOIN event v ON v.id = j.event_id \
         WHERE j.id IN (SELECT value FROM json_each($2)) \
         ON CONFLICT (source_connection, source_stream, source_key, dest_connection, dest_stream) DO UPDATE SET \
         remote_id = CASE WHEN excluded.remote_id = '' THEN binding.remote_id ELSE excluded.remote_id END, \
         remote_version = excluded.remote_version, sent_revision = MAX(binding.sent_revision, excluded.sent_revision), \
         sent_hash = excluded.sent_hash, echo = excluded.echo, updated_at = excluded.updated_at",
    )
    .bind(done)
    .bind(closed)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

async fn renew(conn: &mut SqliteConnection, tick: &Dispatch, stale: &mut Vec<JobClaim>) -> Result<(), StoreError> {
    if tick.renew.is_empty() {
        return Ok(());
    }
    let asked: Vec<(i64, i64)> = tick.renew.iter().map(|claim| (claim.job_id, claim.claim)).collect();
    let kept: Vec<i64> = query_scalar(
        "UPDATE job SET lease_until = $2 FROM json_each($1) k WHERE job.id = k.value ->> 0 AND job.claim = k.value ->> 1 \
         AND job.state = 'running' RETURNING id",
    )
    .bind(json_list(&asked)?)
    .bind(tick.lease_until)
    .fetch_all(conn)
    .await?;
    let kept: BTreeSet<i64> = kept.into_iter().collect();
    stale.extend(tick.renew.iter().filter(|claim| !kept.contains(&claim.job_id)));
    Ok(())
}

async fn claim(
    conn: &mut SqliteConnection,
    tick: &Dispatch,
    lane: &str,
    room: u32,
    claimed: &mut Vec<Claimed>,
) -> Result<(), StoreError> {
    if room == 0 {
        return Ok(());
    }
    let ids: Vec<i64> = query_scalar(
        "UPDATE job SET state = 'running', claim = claim + 1, attempts = attempts + 1, lease_owner = $4, lease_until = $5 \
         WHERE id IN (SELECT id FROM job WHERE state = 'ready' AND lane = $1 AND run_at <= $2 \
         AND flow NOT IN (SELECT value FROM json_each($6)) ORDER BY run_at, id LIMIT $3) \
         RETURNING id",
    )
    .bind(lane)
    .bind(tick.now)
    .bind(room)
    .bind(&tick.owner)
    .bind(tick.lease_until)
    .bind(json_list(&tick.held_flows)?)
    .fetch_all(&mut *conn)
    .await?;
    if ids.is_empty() {
        return Ok(());
    }
    let rows = query(
        "SELECT j.id, j.claim, j.attempts, j.failures, j.flow, j.lane, j.stream AS lane_stream, j.order_key, j.revision, \
         j.edited, j.unknown, j.force, j.created_at, v.connection, v.stream, v.entity, v.key, v.doc, v.deleted, \
         a.started_at AS first_attempt_at, b.source_connection, b.source_stream, b.source_key, b.dest_connection, \
         b.dest_stream, b.remote_id, b.remote_version, b.sent_revision, b.sent_hash, b.echo \
         FROM job j JOIN event v ON v.id = j.event_id \
         LEFT JOIN attempt a ON a.job_id = j.id AND a.no = 1 \
         LEFT JOIN binding b ON b.source_connection = v.connection AND b.source_stream = v.stream \
           AND b.source_key = v.key AND b.dest_connection = j.lane AND b.dest_stream = j.stream \
         WHERE j.id IN (SELECT value FROM json_each($1)) ORDER BY j.run_at, j.id",
    )
    .bind(json_list(&ids)?)
    .fetch_all(&mut *conn)
    .await?;
    let batch = rows.iter().map(|row| claimed_row(row, tick.now)).collect::<Result<Vec<_>, _>>()?;
    let announcements: Vec<(i64, i64, &str)> =
        batch.iter().map(|job| (job.claim.job_id, job.attempt, job.idempotency_key.as_str())).collect();
    query(
        "INSERT INTO attempt (job_id, no, idempotency_key, started_at) \
         SELECT value ->> 0, value ->> 1, value ->> 2, $2 FROM json_each($1)",
    )
    .bind(json_list(&announcements)?)
    .bind(tick.now)
    .execute(conn)
    .await?;
    claimed.extend(batch);
    Ok(())
}

fn claimed_row(row: &SqliteRow, now: i64) -> Result<Claimed, StoreError> {
    let bound: Option<String> = row.try_get("source_connection")?;
    let job_id: i64 = row.try_get("id")?;
    let mut job = Claimed {
        claim: JobClaim { job_id, claim: row.try_get("claim")? },
        attempt: row.try_get("attempts")?,
        failures: row.try_get("failures")?,
        flow: row.try_get("flow")?,
        lane: row.try_get("lane")?,
        stream: row.try_get("lane_stream")?,
        order_key: row.try_get("order_key")?,
        source: EntityKey {
            connection: row.try_get("connection")?,
            stream: row.try_get("stream")?,
            key: row.try_get("key")?,
        },
        entity: entity_word(row, "entity")?,
        revision: row.try_get("revision")?,
        deleted: row.try_get("deleted")?,
        doc: row.try_get("doc")?,
        edited: row.try_get("edited")?,
        unknown: row.try_get("unknown")?,
        force: row.try_get("force")?,
        idempotency_key: String::new(),
        first_attempt_at: row.try_get::<Option<i64>, _>("first_attempt_at")?.unwrap_or(now),
        created_at: row.try_get("created_at")?,
        binding: bound.map(|_| binding_row(row)).transpose()?,
    };
    job.idempotency_key = idempotency_key(&job);
    Ok(job)
}

/// Same effect, same key, whichever process or attempt asks for it; an effect that a person changed or demanded again is
/// another effect.
fn idempotency_key(job: &Claimed) -> String {
    let mut hasher = Sha256::new();
    let again = if job.force { job.claim.job_id.to_string() } else { String::new() };
    let revision = job.revision.to_string();
    for part in [&job.order_key, &revision, &again, job.edited.as_deref().unwrap_or("")] as [&str; 4] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    format!("syncline-{}", &hex::encode(hasher.finalize())[..32])
}

pub(super) struct Rescue {
    pub now: i64,
    pub all_of: Option<String>,
}

impl Operation for Rescue {
    type Output = u64;
    fn apply<'a>(&'a self, conn: &'a mut SqliteConnection) -> OpFuture<'a, u64> {
        Box::pin(async move {
            let rescued: Vec<i64> = query_scalar(
                "UPDATE job SET state = 'ready', unknown = 1, run_at = MIN(run_at, $1), lease_until = 0 \
                 WHERE state = 'running' AND (lease_until < $1 OR lease_owner = $2) RETURNING id",
            )
            .bind(self.now)
            .bind(&self.all_of)
            .fetch_all(&mut *conn)
            .await?;
            query(
                "UPDATE attempt SET outcome = 'lost', finished_at = $2 WHERE outcome = 'announced' \
                 AND job_id IN (SELECT value FROM json_each($1))",
            )
            .bind(json_list(&rescued)?)
            .bind(self.now)
            .execute(&mut *conn)
            .await?;
            // Waiting jobs look again from time to time, should the thing they wait for have come in unnoticed.
            query("UPDATE job SET state = 'ready' WHERE state = 'waiting' AND run_at <= $1")
                .bind(self.now)
                .execute(conn)
                .await?;
            Ok(rescued.len() as u64)
        })
    }
}

pub(super) async fn resolve_refs(
    pool: &SqlitePool,
    dest: &str,
    refs: &[RefKey],
) -> Result<Vec<ResolvedRef>, StoreError> {
    if refs.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<[&str; 2]> = refs.iter().map(|r| [r.entity.as_str(), r.natural_key.as_str()]).collect();
    // The destination's own record wins: it is what the destination calls it today.
    let rows = query(
        "SELECT k.value ->> 0 AS entity, k.value ->> 1 AS natural_key, e.key AS remote_id, e.doc, 0 AS rank \
         FROM json_each($2) k JOIN entity e ON e.entity = k.value ->> 0 AND e.natural_key = k.value ->> 1 \
         AND e.connection = $1 AND e.deleted = 0 \
         UNION ALL \
         SELECT k.value ->> 0, k.value ->> 1, b.remote_id, NULL, 1 FROM json_each($2) k \
         JOIN entity e ON e.entity = k.value ->> 0 AND e.natural_key = k.value ->> 1 \
         JOIN binding b ON b.source_connection = e.connection AND b.source_stream = e.stream AND b.source_key = e.key \
         AND b.dest_connection = $1 AND b.remote_id <> '' ORDER BY rank DESC",
    )
    .bind(dest)
    .bind(json_list(&asked)?)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(ResolvedRef {
                key: RefKey { entity: entity_word(row, "entity")?, natural_key: row.try_get("natural_key")? },
                remote_id: row.try_get("remote_id")?,
                doc: row.try_get("doc")?,
            })
        })
        .collect()
}
