//! Files of the hub's own inside an image of the database, in tables that only images have; not here: which files.

use std::io;
use std::path::{Component, Path, PathBuf};

use futures::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, query, query_scalar};
use tokio::io::AsyncReadExt as _;

use super::image::{create_private, image_error, sync_directory};
use super::lock::beside;
use crate::store::contract::StoreError;
use crate::store::rows::{KeptFile, OwnFiles};

async fn open(image: &Path) -> Result<SqliteConnection, StoreError> {
    // Without a log beside it: the image is one file.
    let options = SqliteConnectOptions::new().filename(image).journal_mode(SqliteJournalMode::Delete);
    Ok(options.connect().await?)
}

/// Puts the files into an image.
pub(super) async fn put(image: &Path, own: OwnFiles) -> Result<(), StoreError> {
    let listed = tokio::task::spawn_blocking(move || own()).await.map_err(io::Error::other);
    let files = listed.and_then(|files| files).map_err(|cause| image_error(image, &cause))?;
    let mut conn = open(image).await?;
    let stored = async {
        query("CREATE TABLE kept_file (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT")
            .execute(&mut conn)
            .await?;
        query(
            "CREATE TABLE kept_content (name TEXT NOT NULL, no INTEGER NOT NULL, piece BLOB NOT NULL, \
             PRIMARY KEY (name, no)) STRICT, WITHOUT ROWID",
        )
        .execute(&mut conn)
        .await?;
        for file in files {
            if file.by_content {
                put_in_pieces(&mut conn, &file).await?;
                continue;
            }
            let content = match tokio::fs::read(&file.path).await {
                Ok(content) => content,
                // Its time was over since it was listed.
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
                Err(cause) => return Err(image_error(&file.path, &cause)),
            };
            query("INSERT INTO kept_file (name, content) VALUES ($1, $2)")
                .bind(file.name)
                .bind(content)
                .execute(&mut conn)
                .await?;
        }
        Ok(())
    }
    .await;
    conn.close().await?;
    stored
}

/// Of any size: a piece at a time.
const PIECE: u64 = 1024 * 1024;

async fn put_in_pieces(conn: &mut SqliteConnection, file: &KeptFile) -> Result<(), StoreError> {
    let failed = |cause: io::Error| image_error(&file.path, &cause);
    let mut content = match tokio::fs::File::open(&file.path).await {
        Ok(content) => content,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(failed(cause)),
    };
    for no in 0_i64.. {
        let mut piece = Vec::new();
        (&mut content).take(PIECE).read_to_end(&mut piece).await.map_err(failed)?;
        if piece.is_empty() && no > 0 {
            break;
        }
        query("INSERT INTO kept_content (name, no, piece) VALUES ($1, $2, $3)")
            .bind(&file.name)
            .bind(no)
            .bind(piece)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// Takes the files out of an image, which then is a plain database. What lies there under the same name, or under the same
/// folder, stays: it is newer. Returns the names of what was written.
pub(super) async fn take(image: &Path, data_dir: &Path) -> Result<Vec<String>, StoreError> {
    let mut conn = open(image).await?;
    let taken = take_all(&mut conn, data_dir).await;
    conn.close().await?;
    taken
}

async fn take_all(conn: &mut SqliteConnection, data_dir: &Path) -> Result<Vec<String>, StoreError> {
    let mut written = Vec::new();
    if brought(conn, "kept_file").await? {
        written.extend(take_whole(conn, data_dir).await?);
    }
    if brought(conn, "kept_content").await? {
        written.extend(take_pieces(conn, data_dir).await?);
    }
    Ok(written)
}

/// Images of former versions have fewer of these tables.
async fn brought(conn: &mut SqliteConnection, table: &str) -> Result<bool, StoreError> {
    let there = query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1)");
    Ok(there.bind(table).fetch_one(conn).await?)
}

async fn take_whole(conn: &mut SqliteConnection, data_dir: &Path) -> Result<Vec<String>, StoreError> {
    let names: Vec<String> = query_scalar("SELECT name FROM kept_file ORDER BY name").fetch_all(&mut *conn).await?;
    let missing = missing(&names, data_dir)?;
    let mut rows = query("SELECT name, content FROM kept_file ORDER BY name").fetch(&mut *conn);
    let mut written = Vec::new();
    while let Some(row) = rows.try_next().await? {
        let name: String = row.try_get("name")?;
        let Some((_, path)) = missing.iter().find(|(known, _)| *known == name) else { continue };
        write(path, row.try_get("content")?).map_err(|cause| image_error(path, &cause))?;
        written.push(name);
    }
    drop(rows);
    query("DROP TABLE kept_file").execute(conn).await?;
    Ok(written)
}

/// Files whose names tell what they hold: each goes in that is not there yet.
async fn take_pieces(conn: &mut SqliteConnection, data_dir: &Path) -> Result<Vec<String>, StoreError> {
    let names: Vec<String> =
        query_scalar("SELECT DISTINCT name FROM kept_content ORDER BY name").fetch_all(&mut *conn).await?;
    let mut written = Vec::new();
    for name in names {
        is_below(&name)?;
        let path = data_dir.join(&name);
        if path.exists() {
            continue;
        }
        let draft = beside(&path, ".partial");
        let mut file = draft_in(&draft).map_err(|cause| image_error(&draft, &cause))?;
        let mut pieces =
            query_scalar("SELECT piece FROM kept_content WHERE name = $1 ORDER BY no").bind(&name).fetch(&mut *conn);
        while let Some(piece) = pieces.try_next().await? {
            let piece: Vec<u8> = piece;
            io::Write::write_all(&mut file, &piece).map_err(|cause| image_error(&draft, &cause))?;
        }
        drop(pieces);
        let placed = file.sync_all().and_then(|()| std::fs::rename(&draft, &path)).and_then(|()| sync_directory(&path));
        placed.map_err(|cause| image_error(&path, &cause))?;
        written.push(name);
    }
    query("DROP TABLE kept_content").execute(conn).await?;
    Ok(written)
}

fn draft_in(path: &Path) -> io::Result<std::fs::File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    create_private(path)
}

/// The parts of a name that leads nowhere else.
fn is_below(name: &str) -> Result<Vec<Component<'_>>, StoreError> {
    let parts: Vec<Component<'_>> = Path::new(name).components().collect();
    let plain = parts.iter().all(|part| matches!(part, Component::Normal(_)));
    if plain && !parts.is_empty() { Ok(parts) } else { Err(strange(name)) }
}

/// Names whose first part does not exist yet, with where they go. A name that leads elsewhere is refused.
fn missing(names: &[String], data_dir: &Path) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let mut missing = Vec::new();
    for name in names {
        let parts = is_below(name)?;
        if parts.first().is_some_and(|first| is_free(&data_dir.join(first))) {
            missing.push((name.clone(), data_dir.join(name)));
        }
    }
    Ok(missing)
}

/// Nothing is there, or an empty folder.
fn is_free(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !path.exists(),
    }
}

fn strange(name: &str) -> StoreError {
    StoreError::Corrupt {
        what: "a file in the backup".to_owned(),
        cause: format!("{name:?} is no name below a folder"),
    }
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = draft_in(path)?;
    io::Write::write_all(&mut file, content)?;
    file.sync_all()?;
    sync_directory(path)
}
