//! What an outcome makes of a job, its attempt and its binding; not here: what follows for others.

use std::sync::LazyLock;

use super::db::{Connection, Row};
use serde::Deserialize;
use sqlx::query;

use super::sql::{RowStatement, identity, json_list, text};
use crate::store::contract::StoreError;
use crate::store::rows::*;

pub(super) struct JobChange<'a> {
    pub outcome: &'static str,
    pub state: JobState,
    /// None leaves the doubt as it was.
    pub unknown: Option<bool>,
    pub run_at: Option<i64>,
    pub failures: i64,
    pub wait_for: &'a str,
    pub error: &'a str,
    pub issue: Option<i64>,
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
    pub fn of(outcome: &'a AckOutcome) -> Option<JobChange<'a>> {
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

    pub async fn write(
        &self,
        conn: &mut Connection,
        claim: JobClaim,
        class: &str,
        now: i64,
    ) -> Result<Row, StoreError> {
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
        .bind(identity(self.wait_for))
        .bind(text(self.error))
        .bind(class)
        .bind(self.issue)
        .bind(self.state.is_open())
        .bind(now)
        .fetch_one(conn)
        .await?)
    }
}

/// A job that an outcome closes: id, order key, payload, flow, number of its attempt.
#[derive(Deserialize)]
pub(super) struct ClosingRow(pub i64, pub String, pub i64, pub String, pub i64);

/// A job that its destination confirmed, and what was learned there.
pub(super) struct Confirmed<'a> {
    job: i64,
    attempt: i64,
    remote_id: &'a str,
    remote_version: Option<i64>,
    sent_hash: &'a str,
    echo: &'a str,
    ack: &'a Ack,
}

impl<'a> Confirmed<'a> {
    /// None if the outcome is no success.
    pub fn of(closing: &ClosingRow, ack: &'a Ack) -> Option<Confirmed<'a>> {
        let AckOutcome::Done { remote_id, remote_version, sent_hash, echo } = &ack.outcome else { return None };
        Some(Confirmed {
            job: closing.0,
            attempt: closing.4,
            remote_id,
            remote_version: *remote_version,
            sent_hash,
            echo,
            ack,
        })
    }
}

static COMPLETE: LazyLock<RowStatement> = LazyLock::new(|| {
    RowStatement::new(6, |rows| {
        format!(
            "WITH told (job_id, no, finished_at, status, request, response) AS (VALUES {rows}) \
             UPDATE attempt SET finished_at = told.finished_at, outcome = 'done', status = told.status, \
             request = told.request, response = told.response FROM told \
             WHERE attempt.job_id = told.job_id AND attempt.no = told.no"
        )
    })
});

pub(super) async fn complete_attempts(
    conn: &mut Connection,
    confirmed: &[Confirmed<'_>],
    now: i64,
) -> Result<(), StoreError> {
    for (statement, piece) in COMPLETE.pieces(confirmed) {
        let mut complete = query(statement);
        for Confirmed { job, attempt, ack, .. } in piece {
            complete = complete
                .bind(job)
                .bind(attempt)
                .bind(now)
                .bind(ack.status.map(i64::from))
                .bind(text(&ack.request))
                .bind(text(&ack.response));
        }
        complete.execute(&mut *conn).await?;
    }
    Ok(())
}

pub(super) async fn bind(conn: &mut Connection, confirmed: &[Confirmed<'_>], now: i64) -> Result<(), StoreError> {
    let rows: Vec<_> =
        confirmed.iter().map(|c| (c.job, text(c.remote_id), c.remote_version, c.sent_hash, c.echo)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    query(
        "INSERT INTO binding (source_connection, source_stream, source_key, dest_connection, dest_stream, remote_id, \
         remote_version, sent_revision, sent_hash, echo, updated_at) \
         SELECT v.connection, v.stream, v.key, j.lane, j.stream, k.value ->> 1, CAST(k.value ->> 2 AS BIGINT), j.revision, k.value ->> 3, \
         k.value ->> 4, $2 FROM json_each($1) k JOIN job j ON j.id = CAST(k.value ->> 0 AS BIGINT) JOIN event v ON v.id = j.event_id \
         WHERE true \
         ON CONFLICT (source_connection, source_stream, source_key, dest_connection, dest_stream) DO UPDATE SET \
         remote_id = CASE WHEN excluded.remote_id = '' THEN binding.remote_id ELSE excluded.remote_id END, \
         remote_version = excluded.remote_version, sent_revision = CASE WHEN binding.sent_revision > excluded.sent_revision \
         THEN binding.sent_revision ELSE excluded.sent_revision END, \
         sent_hash = excluded.sent_hash, echo = excluded.echo, updated_at = excluded.updated_at",
    )
    .bind(json_list(&rows)?)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}
