//! Statements of file batches: rows are staged apart and become payloads together, or never; not here: what makes a file
//! acceptable.
//!
//! Lifecycle: `staging` until released (`applied`) or refused. A pick-up that died leaves a staging batch; the next one of
//! the same stream sweeps it away.

use std::sync::LazyLock;

use super::db::{Connection, Pool};
use sqlx::{Row as _, query, query_scalar};

use super::file_fate::hang;
use super::settle::{TallyDelta, file_dead_letter, move_tally};
use super::sql::{RowStatement, identity, json_list, text};
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::file_fate::FileFate;
use crate::store::rows::*;

pub(super) struct OpenBatch {
    pub batch: NewBatch,
}

impl Operation for OpenBatch {
    type Output = i64;
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, i64> {
        Box::pin(async move {
            let batch = &self.batch;
            let left_over: Vec<i64> = query_scalar(
                "DELETE FROM file_batch WHERE connection = $1 AND stream = $2 AND state = 'staging' RETURNING id",
            )
            .bind(&batch.connection)
            .bind(&batch.stream)
            .fetch_all(&mut *conn)
            .await?;
            if !left_over.is_empty() {
                query("DELETE FROM staged_row WHERE batch IN (SELECT CAST(atom AS BIGINT) FROM json_each($1))")
                    .bind(json_list(&left_over)?)
                    .execute(&mut *conn)
                    .await?;
            }
            Ok(query_scalar(
                "INSERT INTO file_batch (connection, stream, name, sha256, state, started_at) \
                 VALUES ($1, $2, $3, $4, 'staging', $5) RETURNING id",
            )
            .bind(&batch.connection)
            .bind(&batch.stream)
            .bind(&batch.name)
            .bind(&batch.sha256)
            .bind(batch.at)
            .fetch_one(conn)
            .await?)
        })
    }
}

pub(super) struct Stage {
    pub batch: i64,
    pub rows: Vec<NewInbox>,
}

impl Operation for Stage {
    type Output = ();
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, ()> {
        Box::pin(async move {
            require_staging(conn, self.batch).await?;
            let last: i64 = query_scalar("SELECT COALESCE(MAX(no), 0) FROM staged_row WHERE batch = $1")
                .bind(self.batch)
                .fetch_one(&mut *conn)
                .await?;
            let mut next = last + 1;
            for (statement, piece) in STAGE.pieces(&self.rows) {
                stage(conn, self.batch, next, piece, statement).await?;
                next += piece.len() as i64;
            }
            Ok(())
        })
    }
}

static STAGE: LazyLock<RowStatement> = LazyLock::new(|| {
    RowStatement::new(11, |rows| {
        format!(
            "INSERT INTO staged_row (batch, no, connection, stream, source, dedupe_key, topic, headers, place, payload, \
             received_at) VALUES {rows}"
        )
    })
});

async fn stage(
    conn: &mut Connection,
    batch: i64,
    first: i64,
    rows: &[NewInbox],
    statement: &'static str,
) -> Result<(), StoreError> {
    let mut insert = query(statement);
    for (no, row) in (first..).zip(rows) {
        insert = insert
            .bind(batch)
            .bind(no)
            .bind(&row.connection)
            .bind(&row.stream)
            .bind(row.source.as_str())
            .bind(identity(&row.dedupe_key))
            .bind(text(&row.topic))
            .bind(text(&row.headers))
            .bind(text(&row.place))
            .bind(&row.payload)
            .bind(row.received_at);
    }
    insert.execute(conn).await?;
    Ok(())
}

/// A batch that was released, refused or swept away takes no more rows: its file must be picked up anew.
async fn require_staging(conn: &mut Connection, batch: i64) -> Result<(), StoreError> {
    let state: Option<String> =
        query_scalar("SELECT state FROM file_batch WHERE id = $1").bind(batch).fetch_optional(conn).await?;
    match state.as_deref() {
        Some("staging") => Ok(()),
        Some(state) => Err(StoreError::Refused(format!("file batch {batch} is {state}, not staging"))),
        None => Err(StoreError::Refused(format!("file batch {batch} was given up for a newer one of its stream"))),
    }
}

pub(super) struct Release {
    pub batch: i64,
    pub sequence: Option<i64>,
}

impl Operation for Release {
    type Output = Released;
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, Released> {
        Box::pin(async move {
            require_staging(conn, self.batch).await?;
            let before: i64 = query_scalar("SELECT COALESCE(MAX(id), 0) FROM inbox").fetch_one(&mut *conn).await?;
            query(
                "INSERT INTO inbox (connection, stream, source, dedupe_key, topic, place, batch, received_at) \
                 SELECT connection, stream, source, dedupe_key, topic, place, batch, received_at \
                 FROM staged_row WHERE batch = $1 ORDER BY no ON CONFLICT (connection, dedupe_key) DO NOTHING",
            )
            .bind(self.batch)
            .execute(&mut *conn)
            .await?;
            // Of rows that repeat each other within the file the first is the one that was kept.
            query(
                "INSERT INTO payload (inbox_id, headers, body) \
                 SELECT i.id, s.headers, s.payload FROM staged_row s \
                 JOIN inbox i ON i.connection = s.connection AND i.dedupe_key = s.dedupe_key \
                 WHERE s.batch = $1 AND i.id > $2 ORDER BY s.no ON CONFLICT (inbox_id) DO NOTHING",
            )
            .bind(self.batch)
            .bind(before)
            .execute(&mut *conn)
            .await?;
            let released = self.count(conn, before).await?;
            if released.duplicates > 0 {
                self.count_repeats(conn, before).await?;
            }
            query("DELETE FROM staged_row WHERE batch = $1").bind(self.batch).execute(&mut *conn).await?;
            query("UPDATE file_batch SET state = 'applied', sequence = $2, rows = $3 WHERE id = $1")
                .bind(self.batch)
                .bind(self.sequence)
                .bind((released.rows + released.duplicates) as i64)
                .execute(conn)
                .await?;
            Ok(released)
        })
    }
}

impl Release {
    /// Each payload knows how often it came again: of one that this batch brought, all but its first row.
    async fn count_repeats(&self, conn: &mut Connection, before: i64) -> Result<(), StoreError> {
        query(
            "UPDATE inbox SET duplicates = duplicates + s.n - CASE WHEN inbox.id > $2 THEN 1 ELSE 0 END \
             FROM (SELECT connection, dedupe_key, COUNT(*) AS n FROM staged_row WHERE batch = $1 GROUP BY 1, 2) s \
             WHERE inbox.connection = s.connection AND inbox.dedupe_key = s.dedupe_key AND (inbox.id <= $2 OR s.n > 1)",
        )
        .bind(self.batch)
        .bind(before)
        .execute(conn)
        .await?;
        Ok(())
    }

    /// Moves the tally. What got an id above `before` is new; every other staged row repeated a payload, which counts on
    /// the day of its first receipt.
    async fn count(&self, conn: &mut Connection, before: i64) -> Result<Released, StoreError> {
        let rows = query(
            "SELECT i.connection, i.received_at / 86400000000 AS day, COUNT(*) AS staged, \
             COUNT(DISTINCT CASE WHEN i.id > $2 THEN i.id END) AS fresh FROM staged_row s \
             JOIN inbox i ON i.connection = s.connection AND i.dedupe_key = s.dedupe_key WHERE s.batch = $1 GROUP BY 1, 2",
        )
        .bind(self.batch)
        .bind(before)
        .fetch_all(&mut *conn)
        .await?;
        let mut released = Released::default();
        let mut tally = TallyDelta::default();
        for row in &rows {
            let connection: String = row.try_get("connection")?;
            let (day, staged, fresh): (i64, i64, i64) =
                (row.try_get("day")?, row.try_get("staged")?, row.try_get("fresh")?);
            tally.add(&connection, day, Disposition::Pending, "", fresh);
            tally.add(&connection, day, Disposition::Ignored, "duplicate", staged - fresh);
            released.rows += fresh.unsigned_abs();
            released.duplicates += (staged - fresh).unsigned_abs();
        }
        move_tally(conn, tally).await?;
        Ok(released)
    }
}

pub(super) struct Refuse {
    pub batch: i64,
    pub sequence: Option<i64>,
    pub reason: String,
    pub issue: DeadLetter,
    pub fate: FileFate,
}

impl Operation for Refuse {
    type Output = i64;
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, i64> {
        Box::pin(async move {
            require_staging(conn, self.batch).await?;
            query("DELETE FROM staged_row WHERE batch = $1").bind(self.batch).execute(&mut *conn).await?;
            let at: i64 = query_scalar(
                "UPDATE file_batch SET state = 'refused', reason = $2, sequence = $3 WHERE id = $1 RETURNING started_at",
            )
            .bind(self.batch)
            .bind(text(&self.reason))
            .bind(self.sequence)
            .fetch_one(&mut *conn)
            .await?;
            let issue = file_dead_letter(conn, &self.issue, at).await?;
            hang(conn, self.batch, issue, self.fate).await?;
            Ok(issue)
        })
    }
}

/// Names remembered of one content; who applies the same content more often has other problems.
const NAMES_MAX: i64 = 100;

pub(super) async fn history(
    pool: &Pool,
    connection: &str,
    stream: &str,
    sha256: &str,
) -> Result<BatchHistory, StoreError> {
    let applied_as: Vec<String> = query_scalar(
        "SELECT name FROM file_batch WHERE connection = $1 AND stream = $2 AND sha256 = $3 AND state = 'applied' \
         ORDER BY id DESC LIMIT $4",
    )
    .bind(connection)
    .bind(stream)
    .bind(sha256)
    .bind(NAMES_MAX)
    .fetch_all(pool)
    .await?;
    let newest = query(
        "SELECT rows, sha256 FROM file_batch WHERE connection = $1 AND stream = $2 AND state = 'applied' \
         ORDER BY id DESC LIMIT 1",
    )
    .bind(connection)
    .bind(stream)
    .fetch_optional(pool)
    .await?;
    let numbered = query(
        "SELECT sequence, state FROM file_batch WHERE connection = $1 AND stream = $2 \
         AND (state = 'applied' OR (state = 'refused' AND sequence IS NOT NULL)) ORDER BY id DESC LIMIT 1",
    )
    .bind(connection)
    .bind(stream)
    .fetch_optional(pool)
    .await?;
    let mut history = BatchHistory { same_content: applied_as.first().cloned(), applied_as, ..BatchHistory::default() };
    if let Some(newest) = newest {
        let content: String = newest.try_get("sha256")?;
        (history.last_rows, history.is_newest) = (Some(newest.try_get("rows")?), content == sha256);
    }
    if let Some(numbered) = numbered {
        let state: String = numbered.try_get("state")?;
        (history.last_sequence, history.last_refused) = (numbered.try_get("sequence")?, state == "refused");
    }
    Ok(history)
}
