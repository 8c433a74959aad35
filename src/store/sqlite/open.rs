//! Opening: what is refused, what is checked, and the settings of each connection; not here: backup and restore.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _, query_scalar};

use super::SqliteStore;
use super::db::Session;
use super::filesystem::{create_private, refuse_network_filesystem};
use super::lock::InstanceLock;
use super::statements::Writer;
use crate::store::contract::StoreError;

/// Connections that only read.
const READERS: u32 = 4;
/// Below this SQLite can lose committed pages when two connections checkpoint at once (sqlite.org/wal.html#walresetbug).
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];
/// Larger databases are not read through at every start, which has to take seconds; `syncline verify` does it.
const QUICK_CHECK_MAX_BYTES: u64 = 512 * 1024 * 1024;
/// SQLITE_CORRUPT and SQLITE_NOTADB, the primary codes of a damaged file.
const DAMAGED: [u32; 2] = [11, 26];

impl SqliteStore {
    /// Opens the database for this process alone, creating or upgrading it as needed.
    pub async fn open(path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        let path = path.as_ref();
        refuse_network_filesystem(path)?;
        let lock = InstanceLock::acquire(path)?;
        let existed = create_private(path)?;
        let mut conn = writing(path).connect().await.map_err(|cause| open_error(path, &cause))?;
        refuse_old_sqlite(path, &mut conn).await?;
        if existed {
            quick_check(path, &mut conn).await?;
        }
        migrate(path, &mut conn).await?;
        conn.close().await?;
        let writer = writing(path).connect().await.map_err(|cause| open_error(path, &cause))?;
        let readers = readers(path).await?;
        Ok(SqliteStore {
            path: path.to_owned(),
            writer: Some(Writer::start(Session::new(writer))),
            readers,
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Opens the database for reading, beside a daemon that may be running. Every write is refused.
    pub async fn open_reader(path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        let path = path.as_ref();
        refuse_network_filesystem(path)?;
        if !path.exists() {
            return Err(StoreError::Open {
                path: path.display().to_string(),
                cause: "no such file".to_owned(),
                next_step: "check the data directory in the configuration, or start the hub once to create it"
                    .to_owned(),
            });
        }
        let readers = readers(path).await?;
        let mut conn = readers.acquire().await.map_err(|cause| open_error(path, &cause))?;
        refuse_old_sqlite(path, &mut conn).await?;
        known_schema(path, &mut conn).await?;
        drop(conn);
        Ok(SqliteStore { path: path.to_owned(), writer: None, readers, lock: Mutex::new(None) })
    }
}

pub(super) fn writing(path: &Path) -> SqliteConnectOptions {
    tuned(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // A log grown by a long reader shrinks again at its next reset.
        .pragma("journal_size_limit", "67108864")
        .pragma("cache_size", "-8192")
        // 16 MiB: pages that change often are copied into the database less often; read again in well under a second.
        .pragma("wal_autocheckpoint", "4000")
        .pragma("temp_store", "MEMORY")
}

fn tuned(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(256)
        // A mapped file turns an I/O error into a signal that ends the process.
        .pragma("mmap_size", "0")
}

async fn readers(path: &Path) -> Result<SqlitePool, StoreError> {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(Duration::from_secs(30))
        // A local file does not hang up on an idle connection.
        .test_before_acquire(false)
        .connect_with(reading(path).pragma("query_only", "ON"))
        .await
        .map_err(|cause| open_error(path, &cause))
}

/// What a report sorts may outgrow memory: it goes to a file.
fn reading(path: &Path) -> SqliteConnectOptions {
    tuned(path).read_only(true).pragma("cache_size", "-2048").pragma("temp_store", "FILE")
}

/// A connection that reads only, for an image or a backup. Without `query_only`, which forbids `VACUUM INTO` too.
pub(super) async fn read_alone(path: &Path) -> Result<SqliteConnection, StoreError> {
    reading(path).connect().await.map_err(|cause| open_error(path, &cause))
}

/// The schema's history. A migration that has been released never changes; a new one is added below.
pub(super) fn migrator() -> Migrator {
    let migration = |version, name: &'static str, text: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(vec![
        migration(1, "initial", include_str!("../../../migrations/sqlite/0001_initial.sql")),
        migration(2, "retention", include_str!("../../../migrations/sqlite/0002_retention.sql")),
        migration(3, "file decisions", include_str!("../../../migrations/sqlite/0003_file_decisions.sql")),
        migration(4, "late webhooks", include_str!("../../../migrations/sqlite/0004_late_webhooks.sql")),
        migration(5, "renewed keys", include_str!("../../../migrations/sqlite/0005_renewed_keys.sql")),
        migration(6, "reconciliation", include_str!("../../../migrations/sqlite/0006_reconciliation.sql")),
        migration(7, "edits", include_str!("../../../migrations/sqlite/0007_edits.sql")),
    ])
}

async fn migrate(path: &Path, conn: &mut SqliteConnection) -> Result<(), StoreError> {
    match migrator().run_direct(None, conn, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(version)) => Err(newer_schema(path, version)),
        Err(cause) => Err(cause.into()),
    }
}

/// Refuses a database whose schema this program does not know exactly.
pub(super) async fn known_schema(path: &Path, conn: &mut SqliteConnection) -> Result<(), StoreError> {
    let not_ours = |cause: String| StoreError::Open {
        path: path.display().to_string(),
        cause,
        next_step: "check the path; it must name a database that a hub has written".to_owned(),
    };
    let applied: Option<i64> = query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success = 1")
        .fetch_one(conn)
        .await
        .map_err(|cause| not_ours(format!("not a hub's database: {cause}")))?;
    let newest = migrator().iter().map(|migration| migration.version).max();
    match applied {
        None => Err(not_ours("its schema was never set up".to_owned())),
        Some(version) if Some(version) > newest => Err(newer_schema(path, version)),
        Some(version) if Some(version) < newest => Err(StoreError::Open {
            path: path.display().to_string(),
            cause: format!("its schema is version {version}, older than this program's"),
            next_step: "start the hub of this version once to upgrade it".to_owned(),
        }),
        Some(_) => Ok(()),
    }
}

fn newer_schema(path: &Path, version: i64) -> StoreError {
    StoreError::Open {
        path: path.display().to_string(),
        cause: format!("its schema is version {version}, newer than this program knows"),
        next_step: "run the newer program, or restore the backup taken before the upgrade".to_owned(),
    }
}

async fn refuse_old_sqlite(path: &Path, conn: &mut SqliteConnection) -> Result<(), StoreError> {
    let version: String =
        query_scalar("SELECT sqlite_version()").fetch_one(conn).await.map_err(|cause| open_error(path, &cause))?;
    if is_old(&version) {
        let [major, minor, patch] = OLDEST_SQLITE;
        return Err(StoreError::Open {
            path: path.display().to_string(),
            cause: format!("this program is linked to SQLite {version}, which can lose committed data"),
            next_step: format!("use a build with the bundled SQLite, {major}.{minor}.{patch} or later"),
        });
    }
    Ok(())
}

fn is_old(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let version: [u32; 3] = std::array::from_fn(|_| parts.next().unwrap_or(0));
    version < OLDEST_SQLITE
}

async fn quick_check(path: &Path, conn: &mut SqliteConnection) -> Result<(), StoreError> {
    let bytes = std::fs::metadata(path).map(|file| file.len()).unwrap_or(0);
    if bytes > QUICK_CHECK_MAX_BYTES {
        tracing::info!(path = %path.display(), bytes, "large database: not read through at start, `syncline verify` does");
        return Ok(());
    }
    let findings: Vec<String> =
        query_scalar("PRAGMA quick_check(5)").fetch_all(conn).await.map_err(|cause| open_error(path, &cause))?;
    if findings.iter().any(|finding| finding != "ok") {
        return Err(damaged(path, &findings.join("; ")));
    }
    Ok(())
}

pub(super) fn open_error(path: &Path, cause: &sqlx::Error) -> StoreError {
    let code = cause.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<u32>().ok());
    if code.is_some_and(|code| DAMAGED.contains(&(code & 0xff))) {
        return damaged(path, &cause.to_string());
    }
    StoreError::Open {
        path: path.display().to_string(),
        cause: cause.to_string(),
        next_step: "check that its directory exists, has space, and that this user may write there".to_owned(),
    }
}

pub(super) fn damaged(path: &Path, findings: &str) -> StoreError {
    StoreError::Open {
        path: path.display().to_string(),
        cause: format!("the file is damaged: {findings}"),
        next_step: "keep it and its -wal file for inspection, check the disk, then put the newest backup in its place \
                    with `syncline restore`; sources are read again from the backup's cursors"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(version: &str, old: bool) {
        assert_eq!(is_old(version), old, "{version}");
    }

    #[test]
    fn versions_with_the_wal_reset_bug_are_old() {
        check("3.40.1", true);
        check("3.51.2", true);
        check("3.51.3", false);
        check("3.52.0", false);
        check("3.100.0", false);
        check("4.0.0", false);
        check("nonsense", true);
    }

    #[test]
    fn a_damaged_file_comes_with_restore_steps() {
        let text = damaged(Path::new("/data/hub.db"), "row 3 missing from index").to_string();
        assert!(text.contains("/data/hub.db") && text.contains("syncline restore"), "{text}");
    }
}
