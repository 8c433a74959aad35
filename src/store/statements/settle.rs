//! Where a payload stands: the tally, dispositions that follow from jobs, and the issues that dead letters hang on; not
//! here: who decides outcomes.

use std::collections::BTreeMap;

use super::db::Connection;
use sqlx::{Row as _, query, query_scalar};

use super::sql::{identity, json_list, text, word};
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::rows::*;

/// Changes to the tally within one transaction, summed before they are written.
#[derive(Default)]
pub(super) struct TallyDelta(BTreeMap<(String, i64, Disposition, String), i64>);

impl TallyDelta {
    pub fn add(&mut self, connection: &str, day: i64, disposition: Disposition, reason: &str, n: i64) {
        *self.0.entry((connection.to_owned(), day, disposition, reason.to_owned())).or_default() += n;
    }

    /// A row leaves one disposition for another.
    pub fn shift(&mut self, connection: &str, day: i64, from: (Disposition, &str), to: (Disposition, &str)) {
        self.add(connection, day, from.0, from.1, -1);
        self.add(connection, day, to.0, to.1, 1);
    }
}

/// The counters of what the ledger holds.
const TALLY: &str = "INSERT INTO tally (connection, day, disposition, reason, n) \
     SELECT k.value ->> 0, CAST(k.value ->> 1 AS BIGINT), k.value ->> 2, k.value ->> 3, CAST(k.value ->> 4 AS BIGINT) FROM json_each($1) k WHERE true \
     ON CONFLICT (connection, day, disposition, reason) DO UPDATE SET n = tally.n + excluded.n";
/// The counters of what was removed from under it.
const PURGED: &str = "INSERT INTO purged (connection, day, disposition, reason, n) \
     SELECT k.value ->> 0, CAST(k.value ->> 1 AS BIGINT), k.value ->> 2, k.value ->> 3, CAST(k.value ->> 4 AS BIGINT) FROM json_each($1) k WHERE true \
     ON CONFLICT (connection, day, disposition, reason) DO UPDATE SET n = purged.n + excluded.n";

pub(super) async fn move_tally(conn: &mut Connection, delta: TallyDelta) -> Result<(), StoreError> {
    count(conn, TALLY, &delta).await
}

/// Rows that leave the inbox stay in the ledger: they are counted here instead.
pub(super) async fn count_purged(conn: &mut Connection, rows: TallyDelta) -> Result<(), StoreError> {
    count(conn, PURGED, &rows).await
}

async fn count(conn: &mut Connection, statement: &'static str, delta: &TallyDelta) -> Result<(), StoreError> {
    // Payloads that were cut into several are not records: their parts are counted instead.
    let moves: Vec<(&str, i64, &str, &str, i64)> = delta
        .0
        .iter()
        .filter(|((_, _, disposition, _), n)| **n != 0 && *disposition != Disposition::Split)
        .map(|((connection, day, disposition, reason), n)| {
            (connection.as_str(), *day, disposition.as_str(), reason.as_str(), *n)
        })
        .collect();
    if moves.is_empty() {
        return Ok(());
    }
    query(statement).bind(json_list(&moves)?).execute(conn).await?;
    Ok(())
}

/// Finds or opens the issue of a dead letter and counts it there. Returns the issue's id.
pub(super) async fn file_dead_letter(conn: &mut Connection, dead: &DeadLetter, at: i64) -> Result<i64, StoreError> {
    Ok(query_scalar(
        "INSERT INTO issue (fingerprint, scope, class, title, next_step, sample, seen, first_at, last_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7) \
         ON CONFLICT (fingerprint) WHERE state = 'open' \
         DO UPDATE SET seen = issue.seen + 1, last_at = excluded.last_at, sample = excluded.sample RETURNING id",
    )
    .bind(identity(&dead.fingerprint))
    .bind(&dead.scope)
    .bind(dead.class.as_str())
    .bind(text(&dead.title))
    .bind(text(&dead.next_step))
    .bind(text(&dead.detail))
    .bind(at)
    .fetch_one(conn)
    .await?)
}

/// Recomputes the disposition of payloads from their jobs: pending while one is open, then the worst that befell them.
pub(super) async fn settle_payloads(conn: &mut Connection, inbox_ids: &[i64]) -> Result<(), StoreError> {
    if inbox_ids.is_empty() {
        return Ok(());
    }
    // The worst that befell a payload's jobs, in words of a Disposition; grouped, as most payloads of a commit move alike.
    let rows = query(
        "WITH of_payload AS ( \
           SELECT i.id, i.connection, i.received_at / 86400000000 AS day, i.disposition, i.reason, \
                  COUNT(*) FILTER (WHERE j.state IN ('ready', 'blocked', 'running', 'waiting')) AS open, \
                  COUNT(*) FILTER (WHERE j.state = 'dead') AS dead, COUNT(*) FILTER (WHERE j.state = 'done') AS done, \
                  COUNT(*) FILTER (WHERE j.state = 'superseded') AS superseded, \
                  COUNT(*) FILTER (WHERE j.state = 'discarded') AS discarded, \
                  MAX(CASE WHEN j.state = 'ignored' THEN j.error END) AS rule \
           FROM inbox i JOIN job j ON j.inbox_id = i.id \
           WHERE i.id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1)) GROUP BY i.id), \
         verdict AS ( \
           SELECT *, CASE WHEN open > 0 THEN 'pending' WHEN dead > 0 THEN 'dead' WHEN done > 0 THEN 'applied' \
                          WHEN superseded > 0 THEN 'superseded' ELSE 'ignored' END AS to_disposition, \
                  CASE WHEN open > 0 THEN '' WHEN dead > 0 THEN 'delivery' WHEN done > 0 THEN '' WHEN superseded > 0 THEN '' \
                       WHEN discarded > 0 THEN 'discarded' ELSE COALESCE(NULLIF(rule, ''), 'no effect needed') END AS to_reason \
           FROM of_payload) \
         SELECT connection, day, disposition, reason, to_disposition, to_reason, COUNT(*) AS n, \
                '[' || string_agg(CAST(id AS TEXT), ',') || ']' AS ids \
         FROM verdict WHERE disposition <> to_disposition OR reason <> to_reason GROUP BY 1, 2, 3, 4, 5, 6",
    )
    .bind(json_list(inbox_ids)?)
    .fetch_all(&mut *conn)
    .await?;
    let mut tally = TallyDelta::default();
    for row in &rows {
        let to: Disposition = word(row, "to_disposition", Disposition::parse)?;
        let from: Disposition = word(row, "disposition", Disposition::parse)?;
        let (connection, day, n): (String, i64, i64) =
            (row.try_get("connection")?, row.try_get("day")?, row.try_get("n")?);
        let (reason, to_reason): (String, String) = (row.try_get("reason")?, row.try_get("to_reason")?);
        tally.add(&connection, day, from, &reason, -n);
        tally.add(&connection, day, to, &to_reason, n);
        query("UPDATE inbox SET disposition = $2, reason = $3 WHERE id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1))")
            .bind(row.try_get::<String, _>("ids")?)
            .bind(to.as_str())
            .bind(to_reason)
            .execute(&mut *conn)
            .await?;
    }
    move_tally(conn, tally).await
}

/// Issues without dead letters and files left are resolved.
pub(super) async fn resolve_empty_issues(
    conn: &mut Connection,
    issue_ids: &[i64],
    resolution: &str,
) -> Result<(), StoreError> {
    if issue_ids.is_empty() {
        return Ok(());
    }
    query(
        "UPDATE issue SET state = 'resolved', resolution = $2 WHERE state = 'open' \
         AND id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1)) \
         AND NOT EXISTS (SELECT 1 FROM job j WHERE j.issue_id = issue.id AND j.state = 'dead') \
         AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.issue_id = issue.id AND i.disposition = 'dead') \
         AND NOT EXISTS (SELECT 1 FROM file_batch f WHERE f.issue_id = issue.id AND f.fate IN ('refused', 'held'))",
    )
    .bind(json_list(issue_ids)?)
    .bind(text(resolution))
    .execute(conn)
    .await?;
    Ok(())
}

/// An issue that nothing hangs on.
pub(super) struct Raise {
    pub issue: DeadLetter,
    pub at: i64,
}

impl Operation for Raise {
    type Output = i64;
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, i64> {
        Box::pin(async move { file_dead_letter(conn, &self.issue, self.at).await })
    }
}

/// What was raised is over.
pub(super) struct Over {
    pub fingerprint: String,
    pub resolution: String,
}

impl Operation for Over {
    type Output = ();
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, ()> {
        Box::pin(async move {
            let ids: Vec<i64> = query_scalar("SELECT id FROM issue WHERE state = 'open' AND fingerprint = $1")
                .bind(identity(&self.fingerprint))
                .fetch_all(&mut *conn)
                .await?;
            resolve_empty_issues(conn, &ids, &self.resolution).await
        })
    }
}
