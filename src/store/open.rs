//! Which database a hub's memory is in, and opening it for the one hub that uses it; not here: how each of them is opened.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::contract::{Store, StoreError};
use super::postgres::PostgresStore;
use super::sqlite::SqliteStore;

/// Where the database is.
#[derive(Clone, Debug)]
pub enum Location {
    /// A file on a local disk.
    Sqlite(PathBuf),
    /// `postgres://user:password@host/database`.
    Postgres(SecretString),
}

/// Opens the database, creating or upgrading it as needed. Refused while another hub has it.
pub async fn open(location: &Location) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match location {
        Location::Sqlite(path) => Arc::new(SqliteStore::open(path).await?),
        Location::Postgres(url) => Arc::new(PostgresStore::open(url.expose_secret()).await?),
    })
}
