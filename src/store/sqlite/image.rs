//! Images of the database: taking one while work goes on, and putting one in place; not here: schedules, retention.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, query, query_scalar};

use super::SqliteStore;
use super::kept_files;
use super::lock::{InstanceLock, beside};
use super::open::{damaged, known_schema, open_error, read_alone};
use crate::store::contract::StoreError;
use crate::store::rows::{OwnFiles, Restored};

/// Writes a consistent image of the database to a path that must not exist. A reader that began the copy sees the state
/// of that moment; the writer goes on. The image appears under its name only when it is whole and on disk.
pub(super) async fn backup(database: &Path, to: &Path, own: OwnFiles) -> Result<(), StoreError> {
    refuse_existing(to)?;
    let partial = beside(to, &format!(".partial-{}", std::process::id()));
    let copied = match copy_image(database, &partial).await {
        Ok(()) => kept_files::put(&partial, own).await,
        failed => failed,
    };
    let placed = copied.and_then(|()| {
        refuse_existing(to)?;
        place(&partial, to).map_err(|cause| image_error(to, &cause))
    });
    if placed.is_err()
        && let Err(cause) = std::fs::remove_file(&partial)
        && cause.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %partial.display(), %cause, "could not remove an unfinished backup");
    }
    placed
}

async fn copy_image(database: &Path, partial: &Path) -> Result<(), StoreError> {
    create_private(partial).map_err(|cause| image_error(partial, &cause))?;
    let mut conn = read_alone(database).await?;
    let target = partial.to_str().ok_or_else(|| StoreError::Refused(format!("{partial:?} is not valid text")))?;
    let copied = query("VACUUM INTO $1").bind(target).execute(&mut conn).await;
    conn.close().await?;
    copied?;
    Ok(())
}

impl SqliteStore {
    /// Puts a backup in the place of a database. The backup is read through first. Without `replace` an existing
    /// database stays untouched; with it, the former one is kept beside under the returned name. Never while a hub has
    /// the database open.
    /// Files that the backup brought along go into `data_dir` where there are none.
    pub async fn restore(from: &Path, to: &Path, replace: bool, data_dir: &Path) -> Result<Restored, StoreError> {
        let lock = InstanceLock::acquire(to)?;
        if !replace {
            refuse_existing(to)?;
        }
        check_image(from).await?;
        let partial = beside(to, &format!(".partial-{}", std::process::id()));
        copy_file(from, &partial).map_err(|cause| image_error(&partial, &cause))?;
        let files = kept_files::take(&partial, data_dir).await?;
        let placed = set_aside(to).and_then(|former| {
            place(&partial, to)?;
            Ok(Restored { former, files })
        });
        drop(lock);
        placed.map_err(|cause| image_error(to, &cause))
    }
}

/// Whether the file is a whole database of a version that this program knows.
async fn check_image(from: &Path) -> Result<(), StoreError> {
    if !from.is_file() {
        return Err(StoreError::Refused(format!("backup {} does not exist", from.display())));
    }
    let mut conn = read_alone(from).await?;
    let checked = check_open_image(from, &mut conn).await;
    conn.close().await?;
    checked
}

async fn check_open_image(from: &Path, conn: &mut SqliteConnection) -> Result<(), StoreError> {
    let findings: Vec<String> = query_scalar("PRAGMA integrity_check(10)")
        .fetch_all(&mut *conn)
        .await
        .map_err(|cause| open_error(from, &cause))?;
    if findings.iter().any(|finding| finding != "ok") {
        return Err(damaged(from, &findings.join("; ")));
    }
    known_schema(from, conn).await
}

fn copy_file(from: &Path, partial: &Path) -> io::Result<()> {
    let mut target = create_private(partial)?;
    io::copy(&mut File::open(from)?, &mut target)?;
    Ok(())
}

/// Makes the finished file durable under its final name.
fn place(partial: &Path, to: &Path) -> io::Result<()> {
    File::open(partial)?.sync_all()?;
    std::fs::rename(partial, to)?;
    sync_directory(to)
}

/// Renames the database and its log together: each is worth nothing without the other.
fn set_aside(database: &Path) -> io::Result<Option<PathBuf>> {
    if !database.exists() {
        return Ok(None);
    }
    let mut kept = beside(database, ".replaced");
    let mut n = 1;
    while kept.exists() {
        n += 1;
        kept = beside(database, &format!(".replaced-{n}"));
    }
    let log = beside(database, "-wal");
    if log.exists() {
        std::fs::rename(&log, beside(&kept, "-wal"))?;
    }
    match std::fs::remove_file(beside(database, "-shm")) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        Ok(()) | Err(_) => {}
    }
    std::fs::rename(database, &kept)?;
    sync_directory(database)?;
    Ok(Some(kept))
}

pub(super) fn sync_directory(of: &Path) -> io::Result<()> {
    match of.parent() {
        Some(parent) if parent != Path::new("") => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn refuse_existing(path: &Path) -> Result<(), StoreError> {
    if path.exists() {
        return Err(StoreError::Refused(format!("{} exists already and is not overwritten", path.display())));
    }
    Ok(())
}

pub(super) fn image_error(path: &Path, cause: &io::Error) -> StoreError {
    StoreError::Open {
        path: path.display().to_string(),
        cause: cause.to_string(),
        next_step: "check that its directory exists, has space, and that this user may write there".to_owned(),
    }
}
