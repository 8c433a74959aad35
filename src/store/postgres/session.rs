//! The writer's connection: its transactions under the hub's lock, and a new connection where the last was lost; not here:
//! what is written, who may open the database.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, raw_sql};
use tokio::time::timeout;

use super::error::{breaks_connection, timed_out};
use super::settings::Settings;
use crate::store::contract::StoreError;

/// What prevents a commit may pass within so long, such as a restart of the server or a deadlock: then nobody hears of it.
pub(super) const PAUSES: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(250), Duration::from_millis(1000)];
/// A group's operations take no longer, nor does its commit: a server that hangs must not hold everything up for ever. More
/// than the server's own limit for a statement, which tells what it was.
const DEADLINE: Duration = Duration::from_secs(70);
/// Without a limit of the server's for the statement: one that ran out while a synchronous standby is waited for would be
/// reported as success. The first statement fails where a transaction has failed before, which a `COMMIT` would undo in silence.
const COMMIT: &str = "SET LOCAL statement_timeout = 0; COMMIT";
/// Undoing is courtesy: a connection that does not answer is dropped, which undoes as well.
const ROLLBACK: Duration = Duration::from_secs(5);

/// The writer's connection, if there is one.
pub(super) struct Session {
    settings: Settings,
    /// Of this hub alone.
    alone: bool,
    conn: Option<PgConnection>,
}

impl Session {
    pub(super) fn new(settings: Settings, alone: bool, conn: PgConnection) -> Session {
        Session { settings, alone, conn: Some(conn) }
    }

    /// Opens a transaction that nobody else writes beside, in the whole cluster.
    pub(super) async fn begin(&mut self) -> Result<&mut PgConnection, StoreError> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.settings.connect_writer(self.alone).await?,
        };
        let begin = self.settings.begin();
        // After a failure half a transaction may be open, or none: that connection is not used again.
        match timeout(DEADLINE, raw_sql(sqlx::AssertSqlSafe(begin)).execute(&mut conn)).await {
            Ok(begun) => begun?,
            Err(_) => return Err(timed_out("waiting for the turn to write").into()),
        };
        Ok(self.conn.insert(conn))
    }

    /// Returns once the transaction is durable. Where the answer is lost, it is not known whether it is.
    pub(super) async fn commit(&mut self) -> Result<(), StoreError> {
        let Some(mut conn) = self.conn.take() else { return Err(StoreError::Closed) };
        let error = match timeout(DEADLINE, raw_sql(COMMIT).execute(&mut conn)).await {
            Ok(Ok(_)) => {
                self.conn = Some(conn);
                return Ok(());
            }
            Ok(Err(error)) => error,
            Err(_) => timed_out("the commit"),
        };
        if error.as_database_error().is_some() {
            // The server says no, and has undone everything.
            if !breaks_connection(&error) {
                self.conn = Some(conn);
            }
            return Err(error.into());
        }
        Err(StoreError::InDoubt { database: self.settings.name(), cause: error.to_string() })
    }

    pub(super) async fn roll_back(&mut self) {
        let Some(mut conn) = self.conn.take() else { return };
        match timeout(ROLLBACK, raw_sql("ROLLBACK").execute(&mut conn)).await {
            Ok(Ok(_)) => self.conn = Some(conn),
            Ok(Err(error)) => tracing::debug!(%error, "a lost connection has undone what was under way"),
            Err(_) => tracing::warn!(database = self.settings.name(), "the database does not answer"),
        }
    }

    /// The server cleans up by itself.
    pub(super) async fn rest(&mut self) {}

    pub(super) async fn close(self) {
        let Some(conn) = self.conn else { return };
        match timeout(ROLLBACK, conn.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the connection to the database was lost already"),
            Err(_) => tracing::warn!("the database does not answer"),
        }
    }
}

/// The operations of a group, within the time that they may take.
pub(super) async fn bounded<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match timeout(DEADLINE, work).await {
        Ok(done) => done,
        Err(_) => Err(timed_out("a group of writes").into()),
    }
}
