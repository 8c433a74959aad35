//! Statements of intake: payloads and cursors; not here: file batches, what a payload means.

use std::borrow::Cow;
use std::sync::LazyLock;

use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Row as _, query, query_scalar};

use super::settle::{TallyDelta, move_tally};
use super::sighting::count_late;
use super::sql::{day_of, value_lists};
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

    fn payloads(&self) -> &[NewInbox] {
        &self.rows
    }

    fn apply<'a>(&'a self, conn: &'a mut SqliteConnection) -> OpFuture<'a, Self::Output> {
        Box::pin(async move {
            let rows: Vec<&NewInbox> = self.rows.iter().collect();
            let appended = insert_pending(conn, &rows).await?;
            self.complete(conn, appended).await
        })
    }

    fn complete<'a>(&'a self, conn: &'a mut SqliteConnection, appended: Vec<Appended>) -> OpFuture<'a, Self::Output> {
        Box::pin(async move {
            if let Some(cursor) = &self.cursor {
                move_cursor(conn, cursor).await?;
            }
            Ok(appended)
        })
    }
}

const COLUMNS: usize = 9;
/// Rows that one statement inserts. A list is cut into the largest that fit, so that there are few statements to prepare.
const MANY_ROWS: usize = 64;
const SOME_ROWS: usize = 8;

/// Inserts rows as pending, counts them, and counts repeats of known payloads as duplicates.
pub(super) async fn insert_pending(
    conn: &mut SqliteConnection,
    rows: &[&NewInbox],
) -> Result<Vec<Appended>, StoreError> {
    let mut appended = Vec::with_capacity(rows.len());
    let mut tally = TallyDelta::default();
    let mut rest = rows;
    while !rest.is_empty() {
        let (count, statement) = match rest.len() {
            MANY_ROWS.. => (MANY_ROWS, MANY.as_str()),
            SOME_ROWS.. => (SOME_ROWS, SOME.as_str()),
            0.. => (1, ONE.as_str()),
        };
        let (chunk, later) = rest.split_at(count);
        insert(conn, chunk, statement, &mut appended, &mut tally).await?;
        rest = later;
    }
    move_tally(conn, tally).await?;
    Ok(appended)
}

static ONE: LazyLock<String> = LazyLock::new(|| insert_statement(1));
static SOME: LazyLock<String> = LazyLock::new(|| insert_statement(SOME_ROWS));
static MANY: LazyLock<String> = LazyLock::new(|| insert_statement(MANY_ROWS));

fn insert_statement(rows: usize) -> String {
    format!(
        "INSERT INTO inbox (connection, stream, source, dedupe_key, topic, headers, place, payload, received_at) \
         VALUES {} \
         ON CONFLICT (connection, dedupe_key) DO UPDATE SET duplicates = duplicates + 1 \
         RETURNING id, duplicates, received_at, dedupe_key",
        value_lists(rows, COLUMNS)
    )
}

async fn insert(
    conn: &mut SqliteConnection,
    rows: &[&NewInbox],
    statement: &'static str,
    appended: &mut Vec<Appended>,
    tally: &mut TallyDelta,
) -> Result<(), StoreError> {
    let keys: Vec<Cow<'_, str>> = rows.iter().map(|row| dedupe_key(row)).collect();
    let mut insert = query(statement);
    for (row, key) in rows.iter().zip(&keys) {
        insert = insert
            .bind(&row.connection)
            .bind(&row.stream)
            .bind(row.source.as_str())
            .bind(key.as_ref())
            .bind(&row.topic)
            .bind(&row.headers)
            .bind(&row.place)
            .bind(&row.payload)
            .bind(row.received_at);
    }
    let inserted = insert.fetch_all(&mut *conn).await?;
    // SQLite returns rows in the order of insertion without promising it; a wrong id here would lose a payload.
    let stored_keys = inserted.iter().map(|row| row.try_get("dedupe_key")).collect::<Result<Vec<String>, _>>()?;
    if stored_keys != keys {
        return Err(StoreError::Corrupt {
            what: "the answer to an insert".to_owned(),
            cause: format!("expected payloads {keys:?}, got {stored_keys:?}"),
        });
    }
    for (row, stored) in rows.iter().zip(&inserted) {
        let id: i64 = stored.try_get("id")?;
        let duplicate = stored.try_get::<i64, _>("duplicates")? > 0;
        let day = day_of(stored.try_get("received_at")?);
        if duplicate {
            tally.add(&row.connection, day, Disposition::Ignored, "duplicate", 1);
            if row.source == SourceKind::Webhook {
                count_late(conn, id).await?;
            }
        } else {
            tally.add(&row.connection, day, Disposition::Pending, "", 1);
        }
        appended.push(Appended { id, duplicate });
    }
    Ok(())
}

fn dedupe_key(row: &NewInbox) -> Cow<'_, str> {
    if mutation::active(mutation::NO_INBOX_DEDUPE) {
        Cow::Owned(format!("{}#{}", row.dedupe_key, fastrand::u64(..)))
    } else {
        Cow::Borrowed(&row.dedupe_key)
    }
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
