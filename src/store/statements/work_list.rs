//! What people do with dead letters: retry and discard; not here: edits (see `edit`), how issues come to be, how they are
//! listed.
//!
//! Each act is one transaction that also writes its audit entry.

use std::collections::BTreeSet;

use super::db::Connection;
use sqlx::{Row as _, query, query_as};

use super::file_fate;
use super::order::{coalesce, promote};
use super::people::Audit;
use super::settle::{TallyDelta, move_tally, resolve_empty_issues, settle_payloads};
use super::sql::{day_of, json_list, text};
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::rows::*;

/// The dead letters that an act is about.
#[derive(Default)]
pub(super) struct Chosen {
    jobs: Vec<i64>,
    /// Payloads that the jobs came from.
    causes: Vec<i64>,
    order_keys: BTreeSet<String>,
    payloads: Vec<i64>,
    /// Batches of refused and held files.
    files: Vec<i64>,
    /// What leaves the tally's `dead` when the payloads do.
    tally: Vec<(String, i64, String)>,
}

impl Chosen {
    async fn of_issue(conn: &mut Connection, issue: i64, only: Option<DeadRef>) -> Result<Chosen, StoreError> {
        let found: Option<(String, String)> = query_as("SELECT state, resolution FROM issue WHERE id = $1")
            .bind(issue)
            .fetch_optional(&mut *conn)
            .await?;
        match found {
            None => return Err(StoreError::Refused(format!("issue {issue} does not exist"))),
            Some((state, resolution)) if state != "open" => {
                return Err(StoreError::Refused(format!("issue {issue} is resolved already: {resolution}")));
            }
            Some(_) => {}
        }
        let mut chosen = Chosen::default();
        match only {
            None => {
                chosen.add_jobs(conn, Some(issue), None).await?;
                chosen.add_payloads(conn, Some(issue), None).await?;
                chosen.files = file_fate::undecided(conn, issue).await?;
            }
            Some(DeadRef::Job(id)) => chosen.add_jobs(conn, Some(issue), Some(id)).await?,
            Some(DeadRef::Inbox(id)) => chosen.add_payloads(conn, Some(issue), Some(id)).await?,
        }
        match only {
            Some(DeadRef::Job(id)) if chosen.count() == 0 => Err(not_dead(&format!("job {id}"))),
            Some(DeadRef::Inbox(id)) if chosen.count() == 0 => Err(not_dead(&format!("payload {id}"))),
            Some(DeadRef::Job(_) | DeadRef::Inbox(_)) | None => Ok(chosen),
        }
    }

    pub(super) async fn add_jobs(
        &mut self,
        conn: &mut Connection,
        issue: Option<i64>,
        only: Option<i64>,
    ) -> Result<(), StoreError> {
        let rows = query(
            "SELECT id, inbox_id, order_key FROM job WHERE state = 'dead' AND ($1 IS NULL OR issue_id = $1) \
             AND ($2 IS NULL OR id = $2)",
        )
        .bind(issue)
        .bind(only)
        .fetch_all(conn)
        .await?;
        for row in &rows {
            self.jobs.push(row.try_get("id")?);
            self.causes.push(row.try_get("inbox_id")?);
            self.order_keys.insert(row.try_get("order_key")?);
        }
        Ok(())
    }

    pub(super) async fn add_payloads(
        &mut self,
        conn: &mut Connection,
        issue: Option<i64>,
        only: Option<i64>,
    ) -> Result<(), StoreError> {
        let rows = query(
            "SELECT id, connection, received_at, reason FROM inbox WHERE issue_id IS NOT NULL AND disposition = 'dead' \
             AND ($1 IS NULL OR issue_id = $1) AND ($2 IS NULL OR id = $2)",
        )
        .bind(issue)
        .bind(only)
        .fetch_all(conn)
        .await?;
        for row in &rows {
            self.payloads.push(row.try_get("id")?);
            let day = day_of(row.try_get("received_at")?);
            self.tally.push((row.try_get("connection")?, day, row.try_get("reason")?));
        }
        Ok(())
    }

    pub(super) fn count(&self) -> u64 {
        (self.jobs.len() + self.payloads.len() + self.files.len()) as u64
    }

    /// Jobs go back behind whatever of their key is under way; payloads are processed again.
    pub(super) async fn send_back(&self, conn: &mut Connection, at: i64) -> Result<(), StoreError> {
        // A vendor that answered "no" may give that answer to the key for as long as it remembers it, so that the retry
        // needs another. Where anything is in doubt the key stays: it is what keeps a repetition from becoming a second
        // effect.
        query(
            "UPDATE job SET state = 'blocked', failures = 0, run_at = $2, class = '', error = '', finished_at = NULL, \
             key_from = CASE WHEN NOT unknown AND class IN ('data', 'permission', 'not_found') \
               AND EXISTS (SELECT 1 FROM attempt a WHERE a.job_id = job.id AND a.no = job.attempts AND a.status IS NOT NULL) \
               THEN attempts + 1 ELSE key_from END \
             WHERE id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1))",
        )
        .bind(json_list(&self.jobs)?)
        .bind(at)
        .execute(&mut *conn)
        .await?;
        let keys: Vec<&String> = self.order_keys.iter().collect();
        coalesce(conn, &keys, at).await?;
        promote(conn, &keys).await?;
        settle_payloads(conn, &self.causes).await?;
        query(
            "UPDATE inbox SET state = 'pending', disposition = 'pending', reason = '', error = '', issue_id = NULL, \
             processed_at = NULL WHERE id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1))",
        )
        .bind(json_list(&self.payloads)?)
        .execute(&mut *conn)
        .await?;
        file_fate::send_back(conn, &self.files).await?;
        self.leave_dead(conn, (Disposition::Pending, "")).await
    }

    async fn discard(&self, conn: &mut Connection, reason: &str, at: i64) -> Result<(), StoreError> {
        query(
            "UPDATE job SET state = 'discarded', error = $2, finished_at = $3 \
             WHERE id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1))",
        )
        .bind(json_list(&self.jobs)?)
        .bind(text(reason))
        .bind(at)
        .execute(&mut *conn)
        .await?;
        settle_payloads(conn, &self.causes).await?;
        query(
            "UPDATE inbox SET disposition = 'ignored', reason = 'discarded', error = $2 \
             WHERE id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1))",
        )
        .bind(json_list(&self.payloads)?)
        .bind(text(reason))
        .execute(&mut *conn)
        .await?;
        file_fate::discard(conn, &self.files).await?;
        self.leave_dead(conn, (Disposition::Ignored, "discarded")).await
    }

    async fn leave_dead(&self, conn: &mut Connection, to: (Disposition, &str)) -> Result<(), StoreError> {
        let mut tally = TallyDelta::default();
        for (connection, day, reason) in &self.tally {
            tally.shift(connection, *day, (Disposition::Dead, reason), to);
        }
        move_tally(conn, tally).await
    }
}

pub(super) struct Retry {
    pub issue: i64,
    pub only: Option<DeadRef>,
    pub actor: String,
    pub at: i64,
}

impl Operation for Retry {
    type Output = u64;
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, u64> {
        Box::pin(async move {
            let chosen = Chosen::of_issue(conn, self.issue, self.only).await?;
            if chosen.count() == 0 {
                let why = format!("issue {} has nothing that could be retried; nothing was changed", self.issue);
                return Err(StoreError::Refused(why));
            }
            chosen.send_back(conn, self.at).await?;
            resolve_empty_issues(conn, &[self.issue], &format!("retried by {}", self.actor)).await?;
            let detail = describe(&chosen, self.only, "");
            record(conn, self.at, &self.actor, "issue.retry", format!("issue {}", self.issue), detail).await?;
            Ok(chosen.count())
        })
    }
}

pub(super) struct Discard {
    pub issue: i64,
    pub only: Option<DeadRef>,
    pub reason: String,
    pub actor: String,
    pub at: i64,
}

impl Operation for Discard {
    type Output = u64;
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, u64> {
        Box::pin(async move {
            let chosen = Chosen::of_issue(conn, self.issue, self.only).await?;
            chosen.discard(conn, &self.reason, self.at).await?;
            let resolution = format!("discarded by {}: {}", self.actor, self.reason);
            resolve_empty_issues(conn, &[self.issue], &resolution).await?;
            let detail = describe(&chosen, self.only, &self.reason);
            record(conn, self.at, &self.actor, "issue.discard", format!("issue {}", self.issue), detail).await?;
            Ok(chosen.count())
        })
    }
}

pub(super) fn not_dead(target: &str) -> StoreError {
    StoreError::Refused(format!("{target} is not a dead letter any more; nothing was changed"))
}

fn describe(chosen: &Chosen, only: Option<DeadRef>, reason: &str) -> serde_json::Value {
    serde_json::json!({
        "jobs": chosen.jobs.len(),
        "payloads": chosen.payloads.len(),
        "files": chosen.files.len(),
        "only": only,
        "reason": reason,
    })
}

pub(super) async fn record(
    conn: &mut Connection,
    at: i64,
    actor: &str,
    action: &str,
    target: String,
    detail: serde_json::Value,
) -> Result<(), StoreError> {
    let entry = Audit { at, actor: actor.to_owned(), action: action.to_owned(), target, detail: detail.to_string() };
    entry.append(conn).await
}
