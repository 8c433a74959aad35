//! Statements of the work list: issues, and what people do with dead letters; not here: how issues come to be.
//!
//! Each act is one transaction that also writes its audit entry.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{Row as _, query, query_scalar};

use super::people::Audit;
use super::process::{coalesce, promote};
use super::settle::{TallyDelta, move_tally, resolve_empty_issues, settle_payloads};
use super::sql::{day_of, json_list};
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::rows::*;

/// Dead letters that one issue's page shows.
const DETAIL_MAX: i64 = 100;

pub(super) async fn issues(pool: &SqlitePool, filter: IssueFilter) -> Result<Vec<IssueRow>, StoreError> {
    let all = match filter {
        IssueFilter::Open => false,
        IssueFilter::All => true,
    };
    let rows = query(
        "SELECT s.*, (SELECT COUNT(*) FROM job j WHERE j.issue_id = s.id AND j.state = 'dead') \
         + (SELECT COUNT(*) FROM inbox i WHERE i.issue_id = s.id AND i.disposition = 'dead') AS open_count \
         FROM issue s WHERE $1 OR s.state = 'open' ORDER BY s.state, s.last_at DESC, s.id DESC",
    )
    .bind(all)
    .fetch_all(pool)
    .await?;
    rows.iter().map(issue_row).collect()
}

fn issue_row(row: &SqliteRow) -> Result<IssueRow, StoreError> {
    Ok(IssueRow {
        id: row.try_get("id")?,
        scope: row.try_get("scope")?,
        class: row.try_get("class")?,
        title: row.try_get("title")?,
        next_step: row.try_get("next_step")?,
        sample: row.try_get("sample")?,
        state: row.try_get("state")?,
        resolution: row.try_get("resolution")?,
        open_count: row.try_get("open_count")?,
        seen: row.try_get("seen")?,
        first_at: row.try_get("first_at")?,
        last_at: row.try_get("last_at")?,
    })
}

pub(super) async fn issue(pool: &SqlitePool, id: i64) -> Result<Option<IssueDetail>, StoreError> {
    let found = query(
        "SELECT s.*, (SELECT COUNT(*) FROM job j WHERE j.issue_id = s.id AND j.state = 'dead') \
         + (SELECT COUNT(*) FROM inbox i WHERE i.issue_id = s.id AND i.disposition = 'dead') AS open_count \
         FROM issue s WHERE s.id = $1",
    )
    .bind(id)
    .fetch_optional(pool)
    .await?;
    let Some(found) = found else { return Ok(None) };
    let mut dead = dead_payloads(pool, id).await?;
    dead.extend(dead_jobs(pool, id, DETAIL_MAX.saturating_sub(dead.len() as i64)).await?);
    Ok(Some(IssueDetail { issue: issue_row(&found)?, dead }))
}

async fn dead_payloads(pool: &SqlitePool, issue: i64) -> Result<Vec<DeadRow>, StoreError> {
    let rows = query(
        "SELECT id, connection, stream, key, place, error, COALESCE(processed_at, received_at) AS at, \
         COALESCE(edited, payload) AS body FROM inbox WHERE issue_id = $1 AND disposition = 'dead' ORDER BY id LIMIT $2",
    )
    .bind(issue)
    .bind(DETAIL_MAX)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            let body: Vec<u8> = row.try_get("body")?;
            Ok(DeadRow {
                dead: DeadRef::Inbox(row.try_get("id")?),
                connection: row.try_get("connection")?,
                stream: row.try_get("stream")?,
                key: row.try_get("key")?,
                flow: String::new(),
                place: row.try_get("place")?,
                error: row.try_get("error")?,
                at: row.try_get("at")?,
                body: String::from_utf8_lossy(&body).into_owned(),
                request: String::new(),
                response: String::new(),
            })
        })
        .collect()
}

async fn dead_jobs(pool: &SqlitePool, issue: i64, limit: i64) -> Result<Vec<DeadRow>, StoreError> {
    let rows = query(
        "SELECT j.id, v.connection, v.stream, v.key, j.flow, COALESCE(i.place, '') AS place, j.error, \
         COALESCE(j.finished_at, j.created_at) AS at, COALESCE(j.edited, v.doc) AS body, \
         COALESCE(a.request, '') AS request, COALESCE(a.response, '') AS response \
         FROM job j JOIN event v ON v.id = j.event_id LEFT JOIN inbox i ON i.id = j.inbox_id \
         LEFT JOIN attempt a ON a.job_id = j.id AND a.no = j.attempts \
         WHERE j.issue_id = $1 AND j.state = 'dead' ORDER BY j.id LIMIT $2",
    )
    .bind(issue)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(DeadRow {
                dead: DeadRef::Job(row.try_get("id")?),
                connection: row.try_get("connection")?,
                stream: row.try_get("stream")?,
                key: row.try_get("key")?,
                flow: row.try_get("flow")?,
                place: row.try_get("place")?,
                error: row.try_get("error")?,
                at: row.try_get("at")?,
                body: row.try_get("body")?,
                request: row.try_get("request")?,
                response: row.try_get("response")?,
            })
        })
        .collect()
}

/// The dead letters that an act is about.
#[derive(Default)]
struct Chosen {
    jobs: Vec<i64>,
    /// Payloads that the jobs came from.
    causes: Vec<i64>,
    order_keys: BTreeSet<String>,
    payloads: Vec<i64>,
    /// What leaves the tally's `dead` when the payloads do.
    tally: Vec<(String, i64, String)>,
}

impl Chosen {
    async fn of_issue(conn: &mut SqliteConnection, issue: i64, only: Option<DeadRef>) -> Result<Chosen, StoreError> {
        let known: bool =
            query_scalar("SELECT EXISTS (SELECT 1 FROM issue WHERE id = $1)").bind(issue).fetch_one(&mut *conn).await?;
        if !known {
            return Err(StoreError::Refused(format!("issue {issue} does not exist")));
        }
        let mut chosen = Chosen::default();
        match only {
            None => {
                chosen.add_jobs(conn, Some(issue), None).await?;
                chosen.add_payloads(conn, Some(issue), None).await?;
            }
            Some(DeadRef::Job(id)) => chosen.add_jobs(conn, Some(issue), Some(id)).await?,
            Some(DeadRef::Inbox(id)) => chosen.add_payloads(conn, Some(issue), Some(id)).await?,
        }
        Ok(chosen)
    }

    async fn add_jobs(
        &mut self,
        conn: &mut SqliteConnection,
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

    async fn add_payloads(
        &mut self,
        conn: &mut SqliteConnection,
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

    fn count(&self) -> u64 {
        (self.jobs.len() + self.payloads.len()) as u64
    }

    /// Jobs go back behind whatever of their key is under way; payloads are processed again.
    async fn send_back(&self, conn: &mut SqliteConnection, at: i64) -> Result<(), StoreError> {
        query(
            "UPDATE job SET state = 'blocked', failures = 0, run_at = $2, class = '', error = '', finished_at = NULL \
             WHERE id IN (SELECT value FROM json_each($1))",
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
             processed_at = NULL WHERE id IN (SELECT value FROM json_each($1))",
        )
        .bind(json_list(&self.payloads)?)
        .execute(&mut *conn)
        .await?;
        self.leave_dead(conn, (Disposition::Pending, "")).await
    }

    async fn discard(&self, conn: &mut SqliteConnection, reason: &str, at: i64) -> Result<(), StoreError> {
        query(
            "UPDATE job SET state = 'discarded', error = $2, finished_at = $3 \
             WHERE id IN (SELECT value FROM json_each($1))",
        )
        .bind(json_list(&self.jobs)?)
        .bind(reason)
        .bind(at)
        .execute(&mut *conn)
        .await?;
        settle_payloads(conn, &self.causes).await?;
        query(
            "UPDATE inbox SET disposition = 'ignored', reason = 'discarded', error = $2 \
             WHERE id IN (SELECT value FROM json_each($1))",
        )
        .bind(json_list(&self.payloads)?)
        .bind(reason)
        .execute(&mut *conn)
        .await?;
        self.leave_dead(conn, (Disposition::Ignored, "discarded")).await
    }

    async fn leave_dead(&self, conn: &mut SqliteConnection, to: (Disposition, &str)) -> Result<(), StoreError> {
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
    fn apply<'a>(&'a self, conn: &'a mut SqliteConnection) -> OpFuture<'a, u64> {
        Box::pin(async move {
            let chosen = Chosen::of_issue(conn, self.issue, self.only).await?;
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
    fn apply<'a>(&'a self, conn: &'a mut SqliteConnection) -> OpFuture<'a, u64> {
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

pub(super) struct Edit {
    pub dead: DeadRef,
    pub body: String,
    pub actor: String,
    pub at: i64,
}

impl Operation for Edit {
    type Output = ();
    fn apply<'a>(&'a self, conn: &'a mut SqliteConnection) -> OpFuture<'a, ()> {
        Box::pin(async move {
            let mut chosen = Chosen::default();
            let (target, replaced) = match self.dead {
                DeadRef::Job(id) => {
                    chosen.add_jobs(conn, None, Some(id)).await?;
                    (format!("job {id}"), self.replace_job(conn, id).await?)
                }
                DeadRef::Inbox(id) => {
                    chosen.add_payloads(conn, None, Some(id)).await?;
                    (format!("payload {id}"), self.replace_payload(conn, id).await?)
                }
            };
            let Some((issue, before)) = replaced.filter(|_| chosen.count() == 1) else {
                return Err(StoreError::Refused(format!(
                    "{target} is not a dead letter any more; nothing was changed"
                )));
            };
            chosen.send_back(conn, self.at).await?;
            resolve_empty_issues(conn, &Vec::from_iter(issue), &format!("edited by {}", self.actor)).await?;
            let detail = serde_json::json!({
                "before_sha256": hex::encode(Sha256::digest(&before)),
                "after_sha256": hex::encode(Sha256::digest(self.body.as_bytes())),
                "issue": issue,
            });
            record(conn, self.at, &self.actor, "dead_letter.edit", target, detail).await
        })
    }
}

impl Edit {
    /// The issue and the former body, if the job is dead.
    async fn replace_job(
        &self,
        conn: &mut SqliteConnection,
        id: i64,
    ) -> Result<Option<(Option<i64>, Vec<u8>)>, StoreError> {
        let before = query(
            "SELECT j.issue_id, COALESCE(j.edited, v.doc) AS body FROM job j JOIN event v ON v.id = j.event_id \
             WHERE j.id = $1 AND j.state = 'dead'",
        )
        .bind(id)
        .fetch_optional(&mut *conn)
        .await?;
        query("UPDATE job SET edited = $2 WHERE id = $1 AND state = 'dead'")
            .bind(id)
            .bind(&self.body)
            .execute(conn)
            .await?;
        before.map(|row| Ok((row.try_get("issue_id")?, row.try_get::<String, _>("body")?.into_bytes()))).transpose()
    }

    /// The payload as received stays beside its replacement.
    async fn replace_payload(
        &self,
        conn: &mut SqliteConnection,
        id: i64,
    ) -> Result<Option<(Option<i64>, Vec<u8>)>, StoreError> {
        let before = query(
            "SELECT issue_id, COALESCE(edited, payload) AS body FROM inbox \
             WHERE id = $1 AND disposition = 'dead' AND issue_id IS NOT NULL",
        )
        .bind(id)
        .fetch_optional(&mut *conn)
        .await?;
        query("UPDATE inbox SET edited = $2 WHERE id = $1 AND disposition = 'dead' AND issue_id IS NOT NULL")
            .bind(id)
            .bind(self.body.as_bytes())
            .execute(conn)
            .await?;
        before.map(|row| Ok((row.try_get("issue_id")?, row.try_get("body")?))).transpose()
    }
}

fn describe(chosen: &Chosen, only: Option<DeadRef>, reason: &str) -> serde_json::Value {
    serde_json::json!({
        "jobs": chosen.jobs.len(),
        "payloads": chosen.payloads.len(),
        "only": only,
        "reason": reason,
    })
}

async fn record(
    conn: &mut SqliteConnection,
    at: i64,
    actor: &str,
    action: &str,
    target: String,
    detail: serde_json::Value,
) -> Result<(), StoreError> {
    let entry = Audit { at, actor: actor.to_owned(), action: action.to_owned(), target, detail: detail.to_string() };
    entry.append(conn).await
}
