//! Files of the hub's own inside an image of the database, in a table that only images have; not here: which files.

use std::io;
use std::path::{Component, Path, PathBuf};

use futures::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, query, query_scalar};

use super::image::{create_private, image_error, sync_directory};
use crate::store::contract::StoreError;
use crate::store::rows::OwnFiles;

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
        for file in files {
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

/// Takes the files out of an image, which then is a plain database. What lies there under the same name, or under the same
/// folder, stays: it is newer. Returns the names of what was written.
pub(super) async fn take(image: &Path, data_dir: &Path) -> Result<Vec<String>, StoreError> {
    let mut conn = open(image).await?;
    let taken = take_all(&mut conn, data_dir).await;
    conn.close().await?;
    taken
}

async fn take_all(conn: &mut SqliteConnection, data_dir: &Path) -> Result<Vec<String>, StoreError> {
    let brought: bool =
        query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'kept_file')")
            .fetch_one(&mut *conn)
            .await?;
    if !brought {
        return Ok(Vec::new());
    }
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

/// Names whose first part does not exist yet, with where they go. A name that leads elsewhere is refused.
fn missing(names: &[String], data_dir: &Path) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let mut missing = Vec::new();
    for name in names {
        let parts: Vec<Component<'_>> = Path::new(name).components().collect();
        let Some(Component::Normal(first)) = parts.first() else { return Err(strange(name)) };
        if !parts.iter().all(|part| matches!(part, Component::Normal(_))) {
            return Err(strange(name));
        }
        if is_free(&data_dir.join(first)) {
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
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = create_private(path)?;
    io::Write::write_all(&mut file, content)?;
    file.sync_all()?;
    sync_directory(path)
}
