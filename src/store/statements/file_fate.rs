//! Statements about files that need a person: what is open, what was decided, what is done; not here: batches' rows.

use super::db::{Connection, Pool};
use sqlx::{Row as _, query, query_scalar};

use super::settle::resolve_empty_issues;
use super::sql::{json_list, word};
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::file_fate::{FileDecision, FileFate, FileRow};

/// Files that one issue's page shows.
const DETAIL_MAX: i64 = 100;

pub(super) async fn of_issue(pool: &Pool, issue: i64) -> Result<Vec<FileRow>, StoreError> {
    let rows = query(
        "SELECT connection, stream, name, fate, reason, started_at FROM file_batch \
         WHERE issue_id = $1 AND fate IN ('refused', 'held') ORDER BY id LIMIT $2",
    )
    .bind(issue)
    .bind(DETAIL_MAX)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(FileRow {
                connection: row.try_get("connection")?,
                stream: row.try_get("stream")?,
                name: row.try_get("name")?,
                held: word(row, "fate", FileFate::parse)? == FileFate::Held,
                reason: row.try_get("reason")?,
                at: row.try_get("started_at")?,
            })
        })
        .collect()
}

/// Decisions about files of a stream that nobody has acted upon yet.
pub(super) async fn decisions(pool: &Pool, connection: &str, stream: &str) -> Result<Vec<FileDecision>, StoreError> {
    let rows = query(
        "SELECT id, name, sha256, fate FROM file_batch WHERE connection = $1 AND stream = $2 AND fate <> '' \
         AND fate IN ('reread', 'accept', 'reject') ORDER BY id",
    )
    .bind(connection)
    .bind(stream)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(FileDecision {
                batch: row.try_get("id")?,
                name: row.try_get("name")?,
                sha256: row.try_get("sha256")?,
                fate: word(row, "fate", FileFate::parse)?,
            })
        })
        .collect()
}

/// Files that an issue is about, by id of their batch.
pub(super) async fn undecided(conn: &mut Connection, issue: i64) -> Result<Vec<i64>, StoreError> {
    Ok(query_scalar("SELECT id FROM file_batch WHERE issue_id = $1 AND fate IN ('refused', 'held')")
        .bind(issue)
        .fetch_all(conn)
        .await?)
}

/// Retried: refused files are read again, held ones accepted.
pub(super) async fn send_back(conn: &mut Connection, batches: &[i64]) -> Result<(), StoreError> {
    decide(conn, batches, FileFate::Reread.as_str(), FileFate::Accept).await
}

/// Discarded: refused files stay where they are, held ones go to `error/`.
pub(super) async fn discard(conn: &mut Connection, batches: &[i64]) -> Result<(), StoreError> {
    decide(conn, batches, "", FileFate::Reject).await
}

async fn decide(conn: &mut Connection, batches: &[i64], refused: &str, held: FileFate) -> Result<(), StoreError> {
    if batches.is_empty() {
        return Ok(());
    }
    query(
        "UPDATE file_batch SET fate = CASE fate WHEN 'held' THEN $3 ELSE $2 END \
         WHERE id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1))",
    )
    .bind(json_list(batches)?)
    .bind(refused)
    .bind(held.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// A file that needs a person hangs on its issue. For a held one this is the newest word about its name.
pub(super) async fn hang(conn: &mut Connection, batch: i64, issue: i64, fate: FileFate) -> Result<(), StoreError> {
    if fate == FileFate::Held {
        query(
            "UPDATE file_batch SET fate = '' FROM file_batch mine WHERE mine.id = $1 AND file_batch.id <> $1 \
             AND file_batch.connection = mine.connection AND file_batch.stream = mine.stream \
             AND file_batch.name = mine.name AND file_batch.fate IN ('held', 'accept', 'reject')",
        )
        .bind(batch)
        .execute(&mut *conn)
        .await?;
    }
    query("UPDATE file_batch SET issue_id = $2, fate = $3 WHERE id = $1")
        .bind(batch)
        .bind(issue)
        .bind(fate.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) struct RereadDone {
    pub batch: i64,
}

impl Operation for RereadDone {
    type Output = ();
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, ()> {
        Box::pin(async move {
            query("UPDATE file_batch SET fate = '' WHERE id = $1 AND fate = 'reread'")
                .bind(self.batch)
                .execute(conn)
                .await?;
            Ok(())
        })
    }
}

pub(super) struct HeldDone {
    pub connection: String,
    pub stream: String,
    pub name: String,
    pub resolution: String,
}

impl Operation for HeldDone {
    type Output = ();
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, ()> {
        Box::pin(async move {
            let issues: Vec<i64> = query_scalar(
                "UPDATE file_batch SET fate = '' WHERE connection = $1 AND stream = $2 AND name = $3 AND fate <> '' \
                 AND fate IN ('held', 'accept', 'reject') RETURNING issue_id",
            )
            .bind(&self.connection)
            .bind(&self.stream)
            .bind(&self.name)
            .fetch_all(&mut *conn)
            .await?;
            resolve_empty_issues(conn, &issues, &self.resolution).await
        })
    }
}
