//! PostgreSQL behind the store's contract: one writer at a time in the whole cluster, a pool of readers; not here: business
//! rules, statements that SQLite has too (`statements`).
//!
//! Invariants: what is written is written under the hub's advisory lock, so that ids are given in the order of commits and no
//! reader can miss a row that commits late; no reply to a write before its commit is confirmed; no transaction is held across
//! anything but statements.

mod db;
mod error;
mod open;
mod session;
mod settings;
#[allow(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../statements/mod.rs"]
mod statements;

use std::path::Path;

use sqlx::postgres::PgPool;

use super::contract::StoreError;
use super::rows::OwnFiles;
use settings::Settings;
use statements::{Operation, Writer};

/// The store of a hub that shares a server with others, or runs on more than one machine.
pub struct PostgresStore {
    settings: Settings,
    /// Without the password.
    name: String,
    /// None when opened for reading beside a daemon.
    writer: Option<Writer>,
    readers: PgPool,
}

impl PostgresStore {
    /// The database as people know it: server, database and schema, without the password.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> String {
        self.name.clone()
    }

    async fn write<O: Operation>(&self, op: O) -> Result<O::Output, StoreError> {
        match &self.writer {
            Some(writer) => writer.run(op).await,
            None => Err(StoreError::Refused(format!("{} is open for reading only", self.name))),
        }
    }

    /// The server's own tools do this better, and for everything that is in it.
    async fn copy(&self, _to: &Path, _own: OwnFiles) -> Result<(), StoreError> {
        Err(StoreError::Refused(format!(
            "{} is a PostgreSQL database, which this command does not copy: back it up with `pg_dump --format=custom` or the \
             server's base backups, and copy the folder of the hub's own files beside it",
            self.name
        )))
    }

    async fn shut(&self) {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }
}
