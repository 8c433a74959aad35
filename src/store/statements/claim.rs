//! Claims: giving jobs out with an announced attempt, keeping and ending their leases; not here: outcomes.

use std::collections::BTreeSet;

use super::db::{Connection, Row, clock_ahead};
use sha2::{Digest, Sha256};
use sqlx::{Row as _, query, query_scalar};

use super::sql::{binding_row, entity_word, json_list};
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::rows::*;

pub(super) async fn renew(conn: &mut Connection, tick: &Dispatch, stale: &mut Vec<JobClaim>) -> Result<(), StoreError> {
    if tick.renew.is_empty() {
        return Ok(());
    }
    let asked: Vec<(i64, i64)> = tick.renew.iter().map(|claim| (claim.job_id, claim.claim)).collect();
    let lease_until = tick.lease_until + clock_ahead(conn).await?;
    let kept: Vec<i64> = query_scalar(
        "UPDATE job SET lease_until = $2 FROM json_each($1) k WHERE job.id = CAST(k.value ->> 0 AS BIGINT) \
         AND job.claim = CAST(k.value ->> 1 AS BIGINT) \
         AND job.state = 'running' RETURNING id",
    )
    .bind(json_list(&asked)?)
    .bind(lease_until)
    .fetch_all(&mut *conn)
    .await?;
    let kept: BTreeSet<i64> = kept.into_iter().collect();
    stale.extend(tick.renew.iter().filter(|claim| !kept.contains(&claim.job_id)));
    Ok(())
}

pub(super) async fn claim(
    conn: &mut Connection,
    tick: &Dispatch,
    lane: &str,
    room: u32,
    claimed: &mut Vec<Claimed>,
) -> Result<(), StoreError> {
    if room == 0 {
        return Ok(());
    }
    // What a job will be once it is claimed: one claim and one attempt more.
    let rows = query(
        "SELECT j.id, j.claim + 1 AS claim, j.attempts + 1 AS attempts, j.failures, j.flow, j.lane, \
         j.stream AS lane_stream, j.order_key, j.revision, \
         j.edited, j.unknown, j.force, j.key_from, j.created_at, \
         (j.unknown AND j.edited IS NOT NULL \
           AND COALESCE((SELECT e.in_doubt FROM edit e WHERE e.job_id = j.id ORDER BY e.id DESC LIMIT 1), true) \
           AND NOT EXISTS (SELECT 1 FROM attempt t WHERE t.job_id = j.id \
           AND t.no >= j.key_from AND t.outcome = 'dead' AND t.class = 'unknown_outcome')) AS edited_in_doubt, \
         v.id AS event_id, v.kind AS event_kind, \
         v.connection, v.stream, v.entity, v.key, v.doc, v.deleted, v.occurred_at, v.recorded_at, \
         a.started_at AS first_attempt_at, b.source_connection, b.source_stream, b.source_key, b.dest_connection, \
         b.dest_stream, b.remote_id, b.remote_version, b.sent_revision, b.sent_hash, b.echo \
         FROM (SELECT * FROM job WHERE state = 'ready' AND lane = $1 AND run_at <= $2 \
               AND flow NOT IN (SELECT atom FROM json_each($4)) ORDER BY run_at, id LIMIT $3) j \
         JOIN event v ON v.id = j.event_id \
         LEFT JOIN attempt a ON a.job_id = j.id AND a.no = j.key_from \
         LEFT JOIN binding b ON b.source_connection = v.connection AND b.source_stream = v.stream \
           AND b.source_key = v.key AND b.dest_connection = j.lane AND b.dest_stream = j.stream \
         ORDER BY j.run_at, j.id",
    )
    .bind(lane)
    .bind(tick.now)
    .bind(i64::from(room))
    .bind(json_list(&tick.held_flows)?)
    .fetch_all(&mut *conn)
    .await?;
    if rows.is_empty() {
        return Ok(());
    }
    let mut batch = rows.iter().map(|row| claimed_row(row, tick.now)).collect::<Result<Vec<_>, _>>()?;
    for job in batch.iter_mut().filter(|job| job.unknown && job.edited.is_some()) {
        job.formers = formers(conn, job.claim.job_id).await?;
    }
    let announcements: Vec<(i64, i64, &str)> =
        batch.iter().map(|job| (job.claim.job_id, job.attempt, job.idempotency_key.as_str())).collect();
    let announcements = json_list(&announcements)?;
    let lease_until = tick.lease_until + clock_ahead(conn).await?;
    query(
        "UPDATE job SET state = 'running', claim = claim + 1, attempts = attempts + 1, lease_owner = $2, lease_until = $3 \
         WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
    )
    .bind(&announcements)
    .bind(&tick.owner)
    .bind(lease_until)
    .execute(&mut *conn)
    .await?;
    query(
        "INSERT INTO attempt (job_id, no, idempotency_key, started_at) \
         SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), value ->> 2, $2 FROM json_each($1)",
    )
    .bind(announcements)
    .bind(tick.now)
    .execute(conn)
    .await?;
    claimed.extend(batch);
    Ok(())
}

fn claimed_row(row: &Row, now: i64) -> Result<Claimed, StoreError> {
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
        event: ClaimedEvent {
            id: row.try_get("event_id")?,
            kind: row.try_get("event_kind")?,
            occurred_at: row.try_get("occurred_at")?,
            recorded_at: row.try_get("recorded_at")?,
        },
        revision: row.try_get("revision")?,
        deleted: row.try_get("deleted")?,
        doc: row.try_get("doc")?,
        edited: row.try_get("edited")?,
        formers: Vec::new(),
        unknown: row.try_get("unknown")?,
        edited_in_doubt: row.try_get("edited_in_doubt")?,
        force: row.try_get("force")?,
        idempotency_key: String::new(),
        first_attempt_at: row.try_get::<Option<i64>, _>("first_attempt_at")?.unwrap_or(now),
        created_at: row.try_get("created_at")?,
        binding: bound.map(|_| binding_row(row)).transpose()?,
    };
    job.idempotency_key = idempotency_key(&job, row.try_get("key_from")?);
    Ok(job)
}

/// What an edited record was when it may have reached the destination.
async fn formers(conn: &mut Connection, job: i64) -> Result<Vec<String>, StoreError> {
    let formers: Vec<Vec<u8>> = query_scalar("SELECT before FROM edit WHERE job_id = $1 AND in_doubt ORDER BY id")
        .bind(job)
        .fetch_all(conn)
        .await?;
    Ok(formers.iter().map(|former| String::from_utf8_lossy(former).into_owned()).collect())
}

/// Same effect, same key, whichever process or attempt asks for it; an effect that a person changed or demanded again is
/// another effect, and so is one that a person sends again after a definite refusal: the vendor may have kept that answer
/// under the key, and would give it for as long as it remembers.
fn idempotency_key(job: &Claimed, key_from: i64) -> String {
    let mut hasher = Sha256::new();
    let mut again = if job.force { job.claim.job_id.to_string() } else { String::new() };
    if key_from > 1 {
        again.push_str(&format!("~{key_from}"));
    }
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
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, u64> {
        Box::pin(async move {
            let lease_now = self.now + clock_ahead(conn).await?;
            let rescued: Vec<i64> = query_scalar(
                "UPDATE job SET state = 'ready', unknown = true, run_at = CASE WHEN run_at < $1 THEN run_at ELSE $1 END, lease_until = 0 \
                 WHERE state = 'running' AND (lease_until < $3 OR lease_owner = $2) RETURNING id",
            )
            .bind(self.now)
            .bind(&self.all_of)
            .bind(lease_now)
            .fetch_all(&mut *conn)
            .await?;
            query(
                "UPDATE attempt SET outcome = 'lost', finished_at = $2 WHERE outcome = 'announced' \
                 AND job_id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1))",
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
