//! SQLite behind the store's contract: one group-committing writer, a pool of readers; not here: business rules, statements
//! that PostgreSQL has too (`statements`).
//!
//! Invariants: exactly one connection writes; `synchronous=FULL`; no reply to a write before its commit is on disk.

mod db;
mod filesystem;
mod image;
mod kept_files;
mod lock;
mod open;
#[allow(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../statements/mod.rs"]
mod statements;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sqlx::sqlite::SqlitePool;

use super::contract::StoreError;
use super::rows::OwnFiles;
use lock::InstanceLock;
use statements::{Operation, Writer};

/// The embedded store.
pub struct SqliteStore {
    path: PathBuf,
    /// None when opened for reading beside a daemon.
    writer: Option<Writer>,
    readers: SqlitePool,
    lock: Mutex<Option<InstanceLock>>,
}

impl SqliteStore {
    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn label(&self) -> String {
        self.path.display().to_string()
    }

    async fn write<O: Operation>(&self, op: O) -> Result<O::Output, StoreError> {
        match &self.writer {
            Some(writer) => writer.run(op).await,
            None => Err(StoreError::Refused(format!("{} is open for reading only", self.path.display()))),
        }
    }

    async fn copy(&self, to: &Path, own: OwnFiles) -> Result<(), StoreError> {
        image::backup(&self.path, to, own).await
    }

    async fn shut(&self) {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
