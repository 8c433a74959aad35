//! Where a payload stands: the tally, dispositions that follow from jobs, and the issues that dead letters hang on; not
//! here: who decides outcomes.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Row as _, query, query_scalar};

use super::sql::{day_of, json_list, word};
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

pub(super) async fn move_tally(conn: &mut SqliteConnection, delta: TallyDelta) -> Result<(), StoreError> {
    for ((connection, day, disposition, reason), n) in delta.0 {
        // Payloads that were cut into several are not records: their parts are counted instead.
        if n == 0 || disposition == Disposition::Split {
            continue;
        }
        query(
            "INSERT INTO tally (connection, day, disposition, reason, n) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (connection, day, disposition, reason) DO UPDATE SET n = n + excluded.n",
        )
        .bind(connection)
        .bind(day)
        .bind(disposition.as_str())
        .bind(reason)
        .bind(n)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Finds or opens the issue of a dead letter and counts it there. Returns the issue's id.
pub(super) async fn file_dead_letter(
    conn: &mut SqliteConnection,
    dead: &DeadLetter,
    at: i64,
) -> Result<i64, StoreError> {
    Ok(query_scalar(
        "INSERT INTO issue (fingerprint, scope, class, title, next_step, sample, seen, first_at, last_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7) \
         ON CONFLICT (fingerprint) WHERE state = 'open' \
         DO UPDATE SET seen = seen + 1, last_at = excluded.last_at, sample = excluded.sample RETURNING id",
    )
    .bind(&dead.fingerprint)
    .bind(&dead.scope)
    .bind(dead.class.as_str())
    .bind(&dead.title)
    .bind(&dead.next_step)
    .bind(&dead.detail)
    .bind(at)
    .fetch_one(conn)
    .await?)
}

/// Recomputes the disposition of payloads from their jobs: pending while one is open, then the worst that befell them.
pub(super) async fn settle_payloads(conn: &mut SqliteConnection, inbox_ids: &[i64]) -> Result<(), StoreError> {
    if inbox_ids.is_empty() {
        return Ok(());
    }
    let rows = query(
        "SELECT i.id, i.connection, i.received_at, i.disposition, i.reason, \
                SUM(j.state IN ('ready', 'blocked', 'running', 'waiting')) AS open, \
                SUM(j.state = 'dead') AS dead, SUM(j.state = 'done') AS done, \
                SUM(j.state = 'superseded') AS superseded, SUM(j.state = 'discarded') AS discarded, \
                MAX(CASE WHEN j.state = 'ignored' THEN j.error END) AS rule \
         FROM inbox i JOIN job j ON j.inbox_id = i.id \
         WHERE i.id IN (SELECT value FROM json_each($1)) GROUP BY i.id",
    )
    .bind(json_list(inbox_ids)?)
    .fetch_all(&mut *conn)
    .await?;
    let mut tally = TallyDelta::default();
    let mut moves: BTreeMap<(Disposition, String), Vec<i64>> = BTreeMap::new();
    for row in &rows {
        let (to, reason) = verdict(row)?;
        let from: Disposition = word(row, "disposition", Disposition::parse)?;
        let from_reason: String = row.try_get("reason")?;
        if (from, &from_reason) == (to, &reason) {
            continue;
        }
        let connection: String = row.try_get("connection")?;
        tally.shift(&connection, day_of(row.try_get("received_at")?), (from, &from_reason), (to, &reason));
        moves.entry((to, reason)).or_default().push(row.try_get("id")?);
    }
    for ((to, reason), ids) in moves {
        query("UPDATE inbox SET disposition = $2, reason = $3 WHERE id IN (SELECT value FROM json_each($1))")
            .bind(json_list(&ids)?)
            .bind(to.as_str())
            .bind(reason)
            .execute(&mut *conn)
            .await?;
    }
    move_tally(conn, tally).await
}

/// What the jobs of one payload, counted by state, say about it.
fn verdict(row: &sqlx::sqlite::SqliteRow) -> Result<(Disposition, String), StoreError> {
    let some = |column: &str| row.try_get::<i64, _>(column).map(|n| n > 0);
    Ok(if some("open")? {
        (Disposition::Pending, String::new())
    } else if some("dead")? {
        (Disposition::Dead, "delivery".to_owned())
    } else if some("done")? {
        (Disposition::Applied, String::new())
    } else if some("superseded")? {
        (Disposition::Superseded, String::new())
    } else if some("discarded")? {
        (Disposition::Ignored, "discarded".to_owned())
    } else {
        let rule: Option<String> = row.try_get("rule")?;
        (Disposition::Ignored, rule.filter(|rule| !rule.is_empty()).unwrap_or_else(|| "no effect needed".to_owned()))
    })
}

/// Issues without dead letters and files left are resolved.
pub(super) async fn resolve_empty_issues(
    conn: &mut SqliteConnection,
    issue_ids: &[i64],
    resolution: &str,
) -> Result<(), StoreError> {
    if issue_ids.is_empty() {
        return Ok(());
    }
    query(
        "UPDATE issue SET state = 'resolved', resolution = $2 WHERE state = 'open' \
         AND id IN (SELECT value FROM json_each($1)) \
         AND NOT EXISTS (SELECT 1 FROM job j WHERE j.issue_id = issue.id AND j.state = 'dead') \
         AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.issue_id = issue.id AND i.disposition = 'dead') \
         AND NOT EXISTS (SELECT 1 FROM file_batch f WHERE f.issue_id = issue.id AND f.fate IN ('refused', 'held'))",
    )
    .bind(json_list(issue_ids)?)
    .bind(resolution)
    .execute(conn)
    .await?;
    Ok(())
}
