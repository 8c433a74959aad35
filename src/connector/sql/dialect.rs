//! The few statements that are the engine's own, per database: how a transaction begins, what the clock says, what a session is told.
//!
//! Not here: everything that concerns a connector's tables (its manifest).

use std::time::Duration;

use crate::connector::manifest::SqlDriver;

/// Begins a transaction in which nothing can be changed.
pub(super) fn begin_read(driver: SqlDriver) -> &'static str {
    match driver {
        SqlDriver::Postgres => "BEGIN READ ONLY",
        SqlDriver::Mysql => "START TRANSACTION READ ONLY",
        // SQLite has no such transaction; `only_reads` forbids it to the connection.
        SqlDriver::Sqlite => "BEGIN DEFERRED",
    }
}

/// Before the transaction that only reads, and after it.
pub(super) fn only_reads(driver: SqlDriver, on: bool) -> Option<&'static str> {
    match (driver, on) {
        (SqlDriver::Sqlite, true) => Some("PRAGMA query_only = ON"),
        (SqlDriver::Sqlite, false) => Some("PRAGMA query_only = OFF"),
        (SqlDriver::Postgres | SqlDriver::Mysql, _) => None,
    }
}

pub(super) fn begin_write(driver: SqlDriver) -> &'static str {
    match driver {
        SqlDriver::Postgres => "BEGIN",
        SqlDriver::Mysql => "START TRANSACTION",
        // Waits for the one writer now, where waiting is possible.
        SqlDriver::Sqlite => "BEGIN IMMEDIATE",
    }
}

/// The database's clock, as text: a Unix time in seconds.
pub(super) fn clock(driver: SqlDriver) -> &'static str {
    match driver {
        SqlDriver::Postgres => "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint AS now",
        SqlDriver::Mysql => "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) AS SIGNED) AS now",
        SqlDriver::Sqlite => "SELECT CAST(strftime('%s', 'now') AS INTEGER) AS now",
    }
}

/// Told to every new connection, each line a choice: the first that the server knows holds. MariaDB and MySQL have different
/// names for the same limit.
pub(super) fn session(driver: SqlDriver, statement: Duration) -> Vec<Vec<String>> {
    let (milliseconds, seconds) = (statement.as_millis(), statement.as_secs().max(1));
    match driver {
        SqlDriver::Postgres => vec![
            vec![format!("SET statement_timeout = {milliseconds}")],
            vec![format!("SET lock_timeout = {milliseconds}")],
            vec!["SET idle_in_transaction_session_timeout = '5min'".to_owned()],
            vec!["SET TIME ZONE 'UTC'".to_owned()],
        ],
        SqlDriver::Mysql => vec![
            vec![
                format!("SET SESSION max_statement_time = {}.{:03}", milliseconds / 1000, milliseconds % 1000),
                format!("SET SESSION max_execution_time = {milliseconds}"),
            ],
            vec![format!("SET SESSION innodb_lock_wait_timeout = {seconds}")],
            // What does not fit is refused, never cut or made zero.
            vec!["SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')".to_owned()],
        ],
        SqlDriver::Sqlite => vec![vec!["PRAGMA foreign_keys = ON".to_owned()]],
    }
}

/// Every column of every table that this user sees: `table_name`, `column_name`, `data_type`, `is_key` (1 or 0), in order.
pub(super) fn columns(driver: SqlDriver) -> &'static str {
    match driver {
        SqlDriver::Postgres => {
            "SELECT c.table_schema || '.' || c.table_name AS table_name, c.column_name AS column_name, c.data_type AS data_type, \
             CASE WHEN k.column_name IS NULL THEN 0 ELSE 1 END AS is_key \
             FROM information_schema.columns c \
             LEFT JOIN (SELECT u.table_schema, u.table_name, u.column_name FROM information_schema.table_constraints t \
             JOIN information_schema.key_column_usage u ON u.constraint_name = t.constraint_name AND u.table_schema = t.table_schema \
             WHERE t.constraint_type = 'PRIMARY KEY') k \
             ON k.table_schema = c.table_schema AND k.table_name = c.table_name AND k.column_name = c.column_name \
             WHERE c.table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, c.ordinal_position"
        }
        SqlDriver::Mysql => {
            "SELECT c.table_name AS table_name, c.column_name AS column_name, c.data_type AS data_type, \
             CASE WHEN c.column_key = 'PRI' THEN 1 ELSE 0 END AS is_key \
             FROM information_schema.columns c WHERE c.table_schema = DATABASE() ORDER BY c.table_name, c.ordinal_position"
        }
        SqlDriver::Sqlite => {
            "SELECT m.name AS table_name, c.name AS column_name, c.type AS data_type, CASE WHEN c.pk > 0 THEN 1 ELSE 0 END AS is_key \
             FROM sqlite_master m JOIN pragma_table_info(m.name) c \
             WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid"
        }
    }
}
