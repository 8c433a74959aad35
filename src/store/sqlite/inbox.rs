//! Statements of intake: payloads, cursors and file batches; not here: what a payload means.

use std::collections::BTreeMap;

use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Row as _, query, query_scalar};

use super::settle::{TallyDelta, file_dead_letter, move_tally};
use super::sql::day_of;
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::mutation;
use crate::store::rows::*;

pub(super) struct Append {
    pub rows: Vec<NewInbox>,
    pub cursor: Option<CursorMove>,
}

impl Operation for Append {
    type Output = Vec<Appended>;
    fn apply<'a>(&'a self, conn: &'a mut SqliteConnection) -> OpFuture<'a, Self::Output> {
        Box::pin(async move {
            let appended = insert_pending(conn, &self.rows).await?;
            if let Some(cursor) = &self.cursor {
                move_cursor(conn, cursor).await?;
            }
            Ok(appended)
        })
    }
}

/// Inserts rows as pending, counts them, and counts repeats of known payloads as duplicates.
pub(super) async fn insert_pending(conn: &mut SqliteConnection, rows: &[NewInbox]) -> Result<Vec<Appended>, StoreError> {
    let mut appended = Vec::with_capacity(rows.len());
    let mut tally = TallyDelta::default();
    for row in rows {
        let (id, duplicates, first_received) = insert(conn, row, "pending", None).await?;
        let duplicate = duplicates > 0;
        if duplicate {
            tally.add(&row.connection, day_of(first_received), Disposition::Ignored, "duplicate", 1);
        } else {
            tally.add(&row.connection, day_of(row.received_at), Disposition::Pending, "", 1);
        }
        appended.push(Appended { id, duplicate });
    }
    move_tally(conn, tally).await?;
    Ok(appended)
}

async fn insert(
    conn: &mut SqliteConnection,
    row: &NewInbox,
    state: &str,
    batch: Option<i64>,
) -> Result<(i64, i64, i64), StoreError> {
    let unique;
    let dedupe_key = if mutation::active(mutation::NO_INBOX_DEDUPE) {
        unique = format!("{}#{}", row.dedupe_key, fastrand::u64(..));
        &unique
    } else {
        &row.dedupe_key
    };
    let inserted = query(
        "INSERT INTO inbox (connection, stream, source, dedupe_key, topic, place, payload, batch, received_at, state) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (connection, dedupe_key) DO UPDATE SET duplicates = duplicates + 1 \
         RETURNING id, duplicates, received_at",
    )
    .bind(&row.connection)
    .bind(&row.stream)
    .bind(row.source.as_str())
    .bind(dedupe_key)
    .bind(&row.topic)
    .bind(&row.place)
    .bind(&row.payload)
    .bind(batch)
    .bind(row.received_at)
    .bind(state)
    .fetch_one(conn)
    .await?;
    Ok((inserted.try_get(0)?, inserted.try_get(1)?, inserted.try_get(2)?))
}

async fn move_cursor(conn: &mut SqliteConnection, cursor: &CursorMove) -> Result<(), StoreError> {
    query(
        "INSERT INTO cursor (connection, stream, value, moved_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (connection, stream) DO UPDATE SET value = excluded.value, moved_at = excluded.moved_at",
    )
    .bind(&cursor.connection)
    .bind(&cursor.stream)
    .bind(&cursor.value)
    .bind(cursor.at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn cursor(pool: &SqlitePool, connection: &str, stream: &str) -> Result<Option<String>, StoreError> {
    Ok(query_scalar("SELECT value FROM cursor WHERE connection = $1 AND stream = $2")
        .bind(connection)
        .bind(stream)
        .fetch_optional(pool)
        .await?)
}

pub(super) async fn cursors(pool: &SqlitePool) -> Result<Vec<CursorRow>, StoreError> {
    let rows = query("SELECT connection, stream, value, moved_at FROM cursor ORDER BY connection, stream")
        .fetch_all(pool)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(CursorRow {
                connection: row.try_get(0)?,
                stream: row.try_get(1)?,
                value: row.try_get(2)?,
                moved_at: row.try_get(3)?,
            })
        })
        .collect()
}

pub(super) struct OpenBatch {
    pub batch: NewBatch,
}

impl Operation for OpenBatch {
    type Output = i64;
    fn apply<'a>(&'a self, conn: &'a mut SqliteConnection) -> OpFuture<'a, i64> {
        Box::pin(async move {
            let batch = &self.batch;
            // A batch of the same content that never ended belongs to a pick-up that died: its rows go, this one starts over.
            query(
                "DELETE FROM inbox WHERE state = 'staged' AND batch IN (SELECT id FROM file_batch \
                 WHERE connection = $1 AND stream = $2 AND state = 'staging')",
            )
            .bind(&batch.connection)
            .bind(&batch.stream)
            .execute(&mut *conn)
            .await?;
            query("DELETE FROM file_batch WHERE connection = $1 AND stream = $2 AND state = 'staging'")
                .bind(&batch.connection)
                .bind(&batch.stream)
                .execute(&mut *conn)
                .await?;
            let id = query_scalar(
                "INSERT INTO file_batch (connection, stream, name, sha256, state, started_at) \
                 VALUES ($1, $2, $3, $4, 'staging', $5) RETURNING id",
            )
            .bind(&batch.connection)
            .bind(&batch.stream)
            .bind(&batch.name)
            .bind(&batch.sha256)
            .bind(batch.at)
            .fetch_one(conn)
            .await?;
            Ok(id)
        })
    }
}

pub(super) struct Stage {
    pub batch: i64,
    pub rows: Vec<NewInbox>,
}

impl Operation for Stage {
    type Output = ();
    fn apply<'a>(&'a self, conn: &'a mut SqliteConnection) -> OpFuture<'a, ()> {
        Box::pin(async move {
            for row in &self.rows {
                insert(conn, row, "staged", Some(self.batch)).await?;
            }
            Ok(())
        })
    }
}

pub(super) struct Release {
    pub batch: i64,
    pub sequence: Option<i64>,
}

impl Operation for Release {
    type Output = Released;
    fn apply<'a>(&'a self, conn: &'a mut SqliteConnection) -> OpFuture<'a, Released> {
        Box::pin(async move {
            let rows = query("SELECT connection, received_at FROM inbox WHERE batch = $1 AND state = 'staged'")
                .bind(self.batch)
                .fetch_all(&mut *conn)
                .await?;
            let mut days: BTreeMap<(String, i64), i64> = BTreeMap::new();
            for row in &rows {
                *days.entry((row.try_get(0)?, day_of(row.try_get(1)?))).or_default() += 1;
            }
            let mut tally = TallyDelta::default();
            for ((connection, day), n) in days {
                tally.add(&connection, day, Disposition::Pending, "", n);
            }
            move_tally(conn, tally).await?;
            query("UPDATE inbox SET state = 'pending' WHERE batch = $1 AND state = 'staged'")
                .bind(self.batch)
                .execute(&mut *conn)
                .await?;
            query(
                "UPDATE file_batch SET state = 'applied', sequence = $2, rows = $3 WHERE id = $1",
            )
            .bind(self.batch)
            .bind(self.sequence)
            .bind(rows.len() as i64)
            .execute(conn)
            .await?;
            Ok(Released { rows: rows.len() as u64, duplicates: 0 })
        })
    }
}

pub(super) struct Refuse {
    pub batch: i64,
    pub reason: String,
    pub issue: DeadLetter,
}

impl Operation for Refuse {
    type Output = ();
    fn apply<'a>(&'a self, conn: &'a mut SqliteConnection) -> OpFuture<'a, ()> {
        Box::pin(async move {
            query("DELETE FROM inbox WHERE batch = $1 AND state = 'staged'").bind(self.batch).execute(&mut *conn).await?;
            let at: i64 = query_scalar("UPDATE file_batch SET state = 'refused', reason = $2 WHERE id = $1 RETURNING started_at")
                .bind(self.batch)
                .bind(&self.reason)
                .fetch_one(&mut *conn)
                .await?;
            file_dead_letter(conn, &self.issue, at).await?;
            Ok(())
        })
    }
}

pub(super) async fn batch_history(
    pool: &SqlitePool,
    connection: &str,
    stream: &str,
    sha256: &str,
) -> Result<BatchHistory, StoreError> {
    let same_content = query_scalar(
        "SELECT name FROM file_batch WHERE connection = $1 AND stream = $2 AND sha256 = $3 AND state = 'applied' LIMIT 1",
    )
    .bind(connection)
    .bind(stream)
    .bind(sha256)
    .fetch_optional(pool)
    .await?;
    let last = query(
        "SELECT sequence, rows FROM file_batch WHERE connection = $1 AND stream = $2 AND state = 'applied' \
         ORDER BY id DESC LIMIT 1",
    )
    .bind(connection)
    .bind(stream)
    .fetch_optional(pool)
    .await?;
    let (last_sequence, last_rows) = match last {
        Some(row) => (row.try_get(0)?, Some(row.try_get(1)?)),
        None => (None, None),
    };
    Ok(BatchHistory { same_content, last_sequence, last_rows })
}
