//! What the shared statements need of PostgreSQL: its types, ids, snapshots, clock; not here: statements, the writer's
//! connection (`session`).

use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::postgres::{PgConnection, PgPool, PgRow};
use sqlx::{Postgres, Transaction, query, query_as, query_scalar, raw_sql};

pub(super) use super::PostgresStore as Database;
pub(super) use super::error::{classify, is_transient};
pub(super) use super::session::{PAUSES, Session, bounded};
use crate::store::contract::StoreError;

pub(super) type Connection = PgConnection;
pub(super) type Pool = PgPool;
pub(super) type Row = PgRow;

/// `($1, $2), ($3, $4)`: places for so many rows of so many columns.
pub(super) fn value_lists(rows: usize, columns: usize) -> String {
    let mut lists = String::new();
    for at in 0..rows * columns {
        let before = match (at, at % columns) {
            (0, _) => "(",
            (_, 0) => "), (",
            (_, _) => ", ",
        };
        lists.push_str(&format!("{before}${}", at + 1));
    }
    lists.push(')');
    lists
}

/// The highest id that a table ever gave out, whether its row is still there or not. The one writer counts on from it.
pub(super) async fn last_id(conn: &mut Connection, table: &'static str) -> Result<i64, StoreError> {
    let text = format!("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {table}_id_seq");
    Ok(query_scalar(sqlx::AssertSqlSafe(text)).fetch_one(conn).await?)
}

/// Ids that the writer gave are not given again. A sequence keeps that even if the transaction is undone, which leaves a gap.
pub(super) async fn gave_out(conn: &mut Connection, table: &'static str, last: i64) -> Result<(), StoreError> {
    number_from(conn, table, last).await
}

/// By how much the database's clock is ahead of this machine's, in microseconds: leases are on the database's, which is the
/// one that all nodes share.
pub(super) async fn clock_ahead(conn: &mut Connection) -> Result<i64, StoreError> {
    let theirs: i64 =
        query_scalar("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)").fetch_one(conn).await?;
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| StoreError::Corrupt {
        what: "the time of this machine".to_owned(),
        cause: "its clock is before 1970".to_owned(),
    })?;
    Ok(theirs.saturating_sub(i64::try_from(ours.as_micros()).unwrap_or(i64::MAX)))
}

/// A connection beside the store's own, to move everything by. Nobody writes meanwhile.
pub(super) async fn private(store: &Database) -> Result<Connection, StoreError> {
    let mut conn = store.settings.connect().await?;
    // As long as a large table takes; the other side may be slow.
    let patience = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";
    raw_sql(patience).execute(&mut conn).await?;
    Ok(conn)
}

/// All tables, each with the last id that it gave, if it gives ids and has given one.
pub(super) async fn table_names(conn: &mut Connection) -> Result<Vec<(String, Option<i64>)>, StoreError> {
    Ok(query_as(
        "SELECT t.tablename::text, s.last_value FROM pg_tables t LEFT JOIN pg_sequences s \
         ON s.schemaname = t.schemaname AND s.sequencename = t.tablename || '_id_seq' \
         WHERE t.schemaname = current_schema() AND t.tablename <> '_sqlx_migrations' ORDER BY 1",
    )
    .fetch_all(conn)
    .await?)
}

/// The next row of a table gets a larger id.
pub(super) async fn number_from(conn: &mut Connection, table: &str, last: i64) -> Result<(), StoreError> {
    let text = format!("SELECT setval('{table}_id_seq', $1)");
    query(sqlx::AssertSqlSafe(text)).bind(last).execute(conn).await?;
    Ok(())
}

/// A transaction that reads the state of one moment.
pub(super) async fn snapshot(pool: &Pool) -> Result<Transaction<'static, Postgres>, StoreError> {
    Ok(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
}

/// What is wrong with the database itself. The server looks at its pages when it reads them, if it was set up with checksums;
/// going through its files is its own tools' work (`pg_amcheck`).
pub(super) async fn integrity(conn: &mut Connection, faults: &mut Vec<String>) -> Result<(), StoreError> {
    let invalid: Vec<String> = query_scalar(
        "SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
         WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace ORDER BY 1",
    )
    .fetch_all(conn)
    .await?;
    faults.extend(invalid.into_iter().map(|index| format!("database: index {index} is not valid, REINDEX it")));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::value_lists;

    #[test]
    fn places_are_numbered_through() {
        assert_eq!(value_lists(1, 1), "($1)");
        assert_eq!(value_lists(2, 3), "($1, $2, $3), ($4, $5, $6)");
    }
}
