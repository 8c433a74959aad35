//! One tick of the queue: acknowledges, renews and claims in one transaction; not here: who decides outcomes.
//!
//! Successes, the common case, are written set-wise: the number of statements in a tick does not grow with the jobs in it.

use std::collections::{BTreeMap, BTreeSet};

use super::db::Connection;
use sqlx::{Row as _, query, query_scalar};

use super::claim::{claim, renew};
use super::order::{coalesce, promote, release_waiting};
use super::outcome::{ClosingRow, Confirmed, JobChange, bind, complete_attempts};
use super::settle::{file_dead_letter, resolve_empty_issues, settle_payloads};
use super::sql::{json_list, text};
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::rows::*;

pub(super) struct Tick {
    pub tick: Dispatch,
}

impl Operation for Tick {
    type Output = Dispatched;
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, Dispatched> {
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
                let taken = u32::try_from(result.claimed.len()).unwrap_or(u32::MAX);
                let room = tick.at_most.map_or(*room, |most| most.saturating_sub(taken).min(*room));
                if room == 0 {
                    // Nobody could take them: the next acknowledgement brings the next tick, not a due time.
                    continue;
                }
                claim(conn, tick, lane, room, &mut result.claimed).await?;
                let due: Option<i64> = query_scalar(
                    "SELECT run_at FROM job WHERE lane = $1 AND state = 'ready' \
                     AND flow NOT IN (SELECT atom FROM json_each($2)) ORDER BY run_at, id LIMIT 1",
                )
                .bind(lane)
                .bind(json_list(&tick.held_flows)?)
                .fetch_optional(&mut *conn)
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

impl Closing {
    async fn done(
        &mut self,
        conn: &mut Connection,
        acks: &[&Ack],
        stale: &mut Vec<JobClaim>,
    ) -> Result<(), StoreError> {
        if acks.is_empty() {
            return Ok(());
        }
        let closing = closing(conn, acks).await?;
        let mut confirmed = Vec::with_capacity(closing.len());
        for ack in acks {
            match closing.get(&ack.claim.job_id) {
                Some(row) => confirmed.extend(Confirmed::of(row, ack)),
                None => stale.push(ack.claim),
            }
        }
        let closed: Vec<i64> = closing.keys().copied().collect();
        query(
            "UPDATE job SET state = 'done', unknown = false, wait_for = '', class = '', error = '', lease_until = 0, \
             finished_at = $2 WHERE id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1))",
        )
        .bind(json_list(&closed)?)
        .bind(self.now)
        .execute(&mut *conn)
        .await?;
        complete_attempts(conn, &confirmed, self.now).await?;
        bind(conn, &confirmed, self.now).await?;
        let healed: Vec<(i64, &str, &str)> =
            closing.values().map(|row| (row.0, row.1.as_str(), row.3.as_str())).collect();
        self.supersede_dead(conn, &healed).await?;
        self.payloads.extend(closing.values().map(|row| row.2));
        self.order_keys.extend(closing.into_values().map(|row| row.1));
        self.done = closed;
        Ok(())
    }

    /// A dead letter of a key whose newer revision has now arrived needs nobody any more.
    async fn supersede_dead(&mut self, conn: &mut Connection, done: &[(i64, &str, &str)]) -> Result<(), StoreError> {
        let healed = query(
            "UPDATE job SET state = 'superseded', finished_at = $2 FROM json_each($1) k WHERE job.state = 'dead' \
             AND job.order_key = k.value ->> 1 AND job.id < CAST(k.value ->> 0 AS BIGINT) AND job.flow = k.value ->> 2 \
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
    async fn release_dependents(&mut self, conn: &mut Connection) -> Result<(), StoreError> {
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
             WHERE j.id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1)) AND e.natural_key <> ''",
        )
        .bind(json_list(&self.done)?)
        .fetch_all(&mut *conn)
        .await?;
        self.lanes.extend(release_waiting(conn, &appeared, self.now).await?);
        Ok(())
    }

    /// Outcomes other than success. False if the claim is not the job's current one.
    async fn other(&mut self, conn: &mut Connection, ack: &Ack) -> Result<bool, StoreError> {
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
        .bind(ack.status.map(i64::from))
        .bind(text(&ack.request))
        .bind(text(&ack.response))
        .execute(conn)
        .await?;
        Ok(true)
    }

    /// What a job waits for may have come between its look-up and the outcome that says so: then nobody would wake it.
    async fn wake_overtaken(&mut self, conn: &mut Connection) -> Result<(), StoreError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let woken: Vec<String> = query_scalar(
            "UPDATE job SET state = 'ready', wait_for = '', run_at = $2 FROM json_each($1) k \
             WHERE job.id = CAST(k.value ->> 0 AS BIGINT) AND job.state = 'waiting' AND EXISTS ( \
               SELECT 1 FROM attempt a JOIN entity e ON e.entity = k.value ->> 1 AND e.natural_key = k.value ->> 2 \
               WHERE a.job_id = job.id AND a.no = job.attempts AND ( \
                 (e.connection = job.lane AND NOT e.deleted AND e.changed_at >= a.started_at) \
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

    async fn finish(mut self, conn: &mut Connection) -> Result<Vec<String>, StoreError> {
        let reopened: Vec<String> = std::mem::take(&mut self.reopened).into_iter().collect();
        coalesce(conn, &reopened, self.now).await?;
        let mut keys: Vec<String> = std::mem::take(&mut self.order_keys).into_iter().collect();
        keys.extend(reopened);
        self.lanes.extend(promote(conn, &keys).await?);
        self.release_dependents(conn).await?;
        self.wake_overtaken(conn).await?;
        settle_payloads(conn, &self.payloads).await?;
        let issues: Vec<i64> = self.issues.into_iter().collect();
        resolve_empty_issues(conn, &issues, "the same records were applied later").await?;
        Ok(self.lanes.into_iter().collect())
    }
}

/// The jobs of outcomes whose claims are current. As one value: a row each would wake this task for each.
async fn closing(conn: &mut Connection, acks: &[&Ack]) -> Result<BTreeMap<i64, ClosingRow>, StoreError> {
    let claims: Vec<(i64, i64)> = acks.iter().map(|ack| (ack.claim.job_id, ack.claim.claim)).collect();
    let found: Option<String> = query_scalar(
        "SELECT '[' || string_agg('[' || j.id || ',' || json_quote(j.order_key) || ',' || j.inbox_id || ',' \
         || json_quote(j.flow) || ',' || j.attempts || ']', ',') || ']' FROM json_each($1) k \
         JOIN job j ON j.id = CAST(k.value ->> 0 AS BIGINT) AND j.claim = CAST(k.value ->> 1 AS BIGINT) AND j.state = 'running'",
    )
    .bind(json_list(&claims)?)
    .fetch_one(conn)
    .await?;
    let rows: Vec<ClosingRow> = serde_json::from_str(found.as_deref().unwrap_or("[]")).map_err(|error| {
        StoreError::Corrupt { what: "the jobs that outcomes close".into(), cause: error.to_string() }
    })?;
    Ok(rows.into_iter().map(|row| (row.0, row)).collect())
}

async fn is_current(conn: &mut Connection, claim: JobClaim) -> Result<bool, StoreError> {
    Ok(query_scalar("SELECT EXISTS (SELECT 1 FROM job WHERE id = $1 AND claim = $2 AND state = 'running')")
        .bind(claim.job_id)
        .bind(claim.claim)
        .fetch_one(conn)
        .await?)
}
