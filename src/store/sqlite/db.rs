//! What the shared statements need of SQLite: its types, ids, snapshots, and the writer's transaction; not here: statements.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{
    ConnectOptions as _, Connection as _, Executor as _, Row as _, Sqlite, Transaction, query, query_as, query_scalar,
};

pub(super) use super::SqliteStore as Database;
use super::open::{open_error, writing};
use crate::store::contract::StoreError;

pub(super) type Connection = SqliteConnection;
pub(super) type Pool = SqlitePool;
pub(super) type Row = SqliteRow;

/// Pages of the write-ahead log (256 MiB) from which on it is worth a warning.
const LOG_ALARM_PAGES: i64 = 65_536;

/// A lock taken from outside is waited for by SQLite itself; nothing else passes by itself.
pub(super) const PAUSES: [Duration; 0] = [];

/// `(?, ?), (?, ?)`: places for so many rows of so many columns. Without numbers: those are looked up one after the other at
/// each execution.
pub(super) fn value_lists(rows: usize, columns: usize) -> String {
    let list = format!("({})", vec!["?"; columns].join(", "));
    vec![list; rows].join(", ")
}

/// The highest id that a table ever gave out, whether its row is still there or not. The one writer counts on from it: ids
/// that come back row by row would wake its task for each.
pub(super) async fn last_id(conn: &mut Connection, table: &'static str) -> Result<i64, StoreError> {
    let last: Option<i64> =
        query_scalar("SELECT seq FROM sqlite_sequence WHERE name = $1").bind(table).fetch_optional(conn).await?;
    Ok(last.unwrap_or(0))
}

/// SQLite notes by itself which ids were given.
pub(super) async fn gave_out(_conn: &mut Connection, _table: &'static str, _last: i64) -> Result<(), StoreError> {
    Ok(())
}

/// By how much the database's clock is ahead of this machine's: it is this machine's.
pub(super) async fn clock_ahead(_conn: &mut Connection) -> Result<i64, StoreError> {
    Ok(0)
}

/// A connection beside the store's own, to move everything by. Nobody writes meanwhile.
pub(super) async fn private(store: &Database) -> Result<Connection, StoreError> {
    let options = writing(store.path());
    options.connect().await.map_err(|cause| open_error(store.path(), &cause))
}

/// All tables, each with the last id that it gave, if it gives ids and has given one.
pub(super) async fn table_names(conn: &mut Connection) -> Result<Vec<(String, Option<i64>)>, StoreError> {
    Ok(query_as(
        "SELECT t.name, s.seq FROM sqlite_schema t LEFT JOIN sqlite_sequence s ON s.name = t.name \
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND t.name <> '_sqlx_migrations' ORDER BY t.name",
    )
    .fetch_all(conn)
    .await?)
}

/// The next row of a table gets a larger id.
pub(super) async fn number_from(conn: &mut Connection, table: &str, last: i64) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM sqlite_sequence WHERE name = $1 AND seq <= $2",
        "INSERT INTO sqlite_sequence (name, seq) SELECT $1, $2 \
         WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = $1)",
    ] {
        query(statement).bind(table).bind(last).execute(&mut *conn).await?;
    }
    Ok(())
}

/// A transaction that reads the state of one moment.
pub(super) async fn snapshot(pool: &Pool) -> Result<Transaction<'static, Sqlite>, StoreError> {
    Ok(pool.begin().await?)
}

/// What is wrong with the database file itself.
pub(super) async fn integrity(conn: &mut Connection, faults: &mut Vec<String>) -> Result<(), StoreError> {
    let findings: Vec<String> = query_scalar("PRAGMA integrity_check(20)").fetch_all(conn).await?;
    faults.extend(
        findings.into_iter().filter(|finding| finding != "ok").map(|finding| format!("database file: {finding}")),
    );
    Ok(())
}

/// The writer's connection.
pub(super) struct Session(SqliteConnection);

impl Session {
    pub(super) fn new(conn: SqliteConnection) -> Session {
        Session(conn)
    }

    /// Opens a transaction that nobody else can write beside.
    pub(super) async fn begin(&mut self) -> Result<&mut Connection, StoreError> {
        self.0.execute("BEGIN IMMEDIATE").await?;
        Ok(&mut self.0)
    }

    /// Returns once the transaction is on disk. In any other case it is undone.
    pub(super) async fn commit(&mut self) -> Result<(), StoreError> {
        match self.0.execute("COMMIT").await {
            Ok(_) => Ok(()),
            Err(error) => {
                self.roll_back().await;
                Err(error.into())
            }
        }
    }

    pub(super) async fn roll_back(&mut self) {
        // SQLite may have rolled back by itself (disk full, I/O error); then there is nothing left to undo.
        if let Err(error) = self.0.execute("ROLLBACK").await {
            tracing::debug!(%error, "nothing to roll back");
        }
    }

    /// Nothing to do for a while: the write-ahead log is folded, so that the next start and the next reader find it short.
    pub(super) async fn rest(&mut self) {
        self.fold("PRAGMA wal_checkpoint(PASSIVE)").await;
    }

    pub(super) async fn close(mut self) {
        self.fold("PRAGMA wal_checkpoint(TRUNCATE)").await;
        if let Err(error) = self.0.close().await {
            tracing::warn!(%error, "could not close the database cleanly");
        }
    }

    /// Copies the write-ahead log into the database, as far as readers allow.
    async fn fold(&mut self, checkpoint: &'static str) {
        match query(checkpoint).fetch_one(&mut self.0).await.and_then(|row| row.try_get::<i64, _>("log")) {
            Ok(pages) if pages > LOG_ALARM_PAGES => {
                tracing::warn!(
                    pages,
                    "the write-ahead log is large: a long read (a backup, a report) keeps it from shrinking"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "could not fold the write-ahead log into the database"),
        }
    }
}

/// How long the operations of a group may take: as long as the disk does.
pub(super) async fn bounded<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    work.await
}

/// Whether the same may succeed at once, or over a new connection.
pub(super) fn is_transient(_error: &StoreError) -> bool {
    false
}

/// A full disk is told apart: callers answer 503 and go on by themselves once there is space.
pub(super) fn classify(error: StoreError) -> StoreError {
    match error {
        StoreError::Database(inner) if is_full(&inner) => StoreError::Full(inner.to_string()),
        other => other,
    }
}

/// SQLITE_FULL (13): the database cannot grow.
fn is_full(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|e| e.code()).is_some_and(|code| code == "13")
}
