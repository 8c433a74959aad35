//! Where the database is, and what each session with it is told; not here: what is checked at opening, migrations.

use std::str::FromStr as _;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Executor as _, query_as, query_scalar, raw_sql};
use tokio::time::{Instant, sleep, timeout};

use super::error::timed_out;
use crate::store::contract::StoreError;

/// Where the tables are, unless the URL names a search path.
pub(super) const SCHEMA: &str = "syncline";
/// Connections that only read.
const READERS: u32 = 8;
const CONNECT: Duration = Duration::from_secs(5);
/// What the server still knows of a hub that has just died is over by then.
const PREDECESSOR: Duration = Duration::from_secs(5);

/// Of every session. A connection that is lost without a word, with the locks it holds, is noticed within half a minute. Plans
/// are made for the tables as they are: one that was kept since they were empty would read them from end to end.
const EVERY: &str = "SET TIME ZONE 'UTC'; SET jit = off; SET plan_cache_mode = force_custom_plan; \
                     SET random_page_cost = 1.1; SET idle_session_timeout = 0; SET tcp_keepalives_idle = 15; \
                     SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;";
/// A writer that stops in the middle must not hold the others up for long. Its statements go from a short list of keys to
/// rows by an index, whatever the server believes of tables that grow and shrink faster than it counts them.
const WRITER: &str = "SET statement_timeout = '60s'; SET lock_timeout = '30s'; \
                      SET idle_in_transaction_session_timeout = '15s'; SET default_transaction_read_only = off; \
                      SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off; \
                      SET enable_material = off; SET enable_seqscan = off;";
/// Reports and checks read for a while.
const READER: &str = "SET statement_timeout = '15min'; SET lock_timeout = '30s'; \
                      SET idle_in_transaction_session_timeout = '15min'; SET default_transaction_read_only = on;";

/// A database of a server, and the hub's place in it.
#[derive(Clone)]
pub(super) struct Settings {
    options: PgConnectOptions,
    /// The URL names a search path.
    own_path: bool,
    schema: String,
    /// The server's setting would lose what was acknowledged; the hub's sessions have their own.
    pub(super) synchronous: bool,
}

impl Settings {
    pub(super) fn parse(url: &str) -> Result<Settings, StoreError> {
        let unusable = |cause: String| StoreError::Open {
            path: "of the configuration".to_owned(),
            cause: format!("its address cannot be used: {cause}"),
            next_step: "write it as postgres://user:password@host:5432/database".to_owned(),
        };
        let url = without_session_attributes(url).map_err(unusable)?;
        // The parser's errors name what is wrong, never the text that may have a password in it.
        let mut options = PgConnectOptions::from_str(&url).map_err(|cause| unusable(cause.to_string()))?;
        if options.get_application_name().is_none() {
            options = options.application_name(&format!("syncline pid {}", std::process::id()));
        }
        let own_path = options.get_options().is_some_and(|options| options.contains("search_path"));
        let options = options.statement_cache_capacity(512);
        Ok(Settings { options, own_path, schema: SCHEMA.to_owned(), synchronous: false })
    }

    /// As people know it, without the password.
    pub(super) fn name(&self) -> String {
        let server = match self.options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", self.options.get_host(), self.options.get_port()),
        };
        let database = self.options.get_database().unwrap_or(self.options.get_username());
        format!("postgres://{server}/{database}, schema {}", self.schema)
    }

    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    pub(super) fn is_own_path(&self) -> bool {
        self.own_path
    }

    pub(super) fn set_schema(&mut self, schema: String) {
        self.schema = schema;
    }

    /// The statements that open a transaction of the writer: in the cluster one at a time. What the lock waits for is seen by
    /// the statements behind it, as each of them reads what is committed by then.
    pub(super) fn begin(&self) -> String {
        let lock = self.lock_key("writer");
        format!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock({lock})")
    }

    /// The hub's own locks in the database: two hubs in two schemas know nothing of each other.
    pub(super) fn lock_key(&self, purpose: &str) -> i64 {
        let digest = Sha256::digest(format!("syncline {purpose} {}", self.schema));
        digest.iter().take(8).fold(0, |key, byte| (key << 8) | i64::from(*byte))
    }

    pub(super) fn sessions(&self, of: &str) -> String {
        let path = if self.own_path { String::new() } else { format!("SET search_path TO {};", quoted(&self.schema)) };
        let synchronous = if self.synchronous { "SET synchronous_commit = on;" } else { "" };
        format!("{EVERY} {of} {path} {synchronous}")
    }

    pub(super) async fn connect(&self) -> Result<PgConnection, StoreError> {
        let mut conn = match timeout(CONNECT, self.options.connect()).await {
            Ok(conn) => conn?,
            Err(_) => return Err(timed_out("connecting").into()),
        };
        raw_sql(sqlx::AssertSqlSafe(self.sessions(WRITER))).execute(&mut conn).await?;
        Ok(conn)
    }

    /// A connection that may write; with `alone` it holds the lock of the one hub that uses the database.
    pub(super) async fn connect_writer(&self, alone: bool) -> Result<PgConnection, StoreError> {
        let mut conn = self.connect().await?;
        if query_scalar("SELECT pg_is_in_recovery()").fetch_one(&mut conn).await? {
            return Err(StoreError::Unreachable {
                database: self.name(),
                cause: "it is a standby, which takes no writes".to_owned(),
            });
        }
        if alone {
            self.be_alone(&mut conn).await?;
        }
        Ok(conn)
    }

    async fn be_alone(&self, conn: &mut PgConnection) -> Result<(), StoreError> {
        let key = self.lock_key("hub");
        let until = Instant::now() + PREDECESSOR;
        loop {
            if query_scalar("SELECT pg_try_advisory_lock($1)").bind(key).fetch_one(&mut *conn).await? {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(self.in_use(conn, key).await?);
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn in_use(&self, conn: &mut PgConnection, key: i64) -> Result<StoreError, StoreError> {
        let holder: Option<(String, String, String)> = query_as(
            "SELECT a.application_name, COALESCE(host(a.client_addr), 'the server itself'), CAST(a.pid AS TEXT) \
             FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted \
             AND l.objsubid = 1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND ((CAST(l.classid AS BIGINT) << 32) | CAST(l.objid AS BIGINT)) = $1",
        )
        .bind(key)
        .fetch_optional(conn)
        .await?;
        let holder = holder.map_or_else(
            || "another hub".to_owned(),
            |(name, from, session)| format!("another hub ({name} from {from}, session {session} of the server)"),
        );
        Ok(StoreError::Open {
            path: self.name(),
            cause: format!("in use by {holder}"),
            next_step: "stop that one first, or give this one a schema of its own".to_owned(),
        })
    }

    pub(super) async fn readers(&self) -> Result<PgPool, StoreError> {
        let session = self.sessions(READER);
        let pool = PgPoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(Duration::from_secs(10))
            .after_connect(move |conn, _| {
                let session = session.clone();
                Box::pin(async move {
                    conn.execute(raw_sql(sqlx::AssertSqlSafe(session))).await?;
                    Ok(())
                })
            })
            .connect_with(self.options.clone())
            .await?;
        Ok(pool)
    }
}

/// `target_session_attrs` is libpq's: the hub always looks for a server that takes writes.
fn without_session_attributes(url: &str) -> Result<String, String> {
    let Some((address, parameters)) = url.split_once('?') else { return Ok(url.to_owned()) };
    let mut kept = Vec::new();
    for parameter in parameters.split('&') {
        match parameter.split_once('=') {
            Some(("target_session_attrs", "read-write" | "primary")) => {}
            Some(("target_session_attrs", other)) => {
                return Err(format!("target_session_attrs={other} is not for a hub, which writes"));
            }
            Some(_) | None => kept.push(parameter),
        }
    }
    Ok(if kept.is_empty() { address.to_owned() } else { format!("{address}?{}", kept.join("&")) })
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_password() {
        let settings = Settings::parse("postgres://hub:s3cret@db.example:5433/ops?sslmode=verify-full").unwrap();
        assert_eq!(settings.name(), "postgres://db.example:5433/ops, schema syncline");
    }

    #[test]
    fn what_cannot_be_parsed_is_refused_without_the_password() {
        for url in ["postgres://hub:s3cret@db:port/ops", "postgres://hub:s3cret@db/ops?target_session_attrs=standby"] {
            let Err(error) = Settings::parse(url) else { panic!("{url}") };
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn locks_are_of_a_schema_and_a_purpose() {
        let mut settings = Settings::parse("postgres://h/d").unwrap();
        let writer = settings.lock_key("writer");
        assert_ne!(writer, settings.lock_key("hub"));
        settings.set_schema("other".to_owned());
        assert_ne!(writer, settings.lock_key("writer"));
    }

    #[test]
    fn what_libpq_looks_for_is_what_the_hub_looks_for() {
        let kept = |url| without_session_attributes(url).unwrap();
        assert_eq!(kept("postgres://h/d?target_session_attrs=read-write"), "postgres://h/d");
        assert_eq!(kept("postgres://h/d?a=b&target_session_attrs=primary&c=d"), "postgres://h/d?a=b&c=d");
        assert_eq!(kept("postgres://h/d"), "postgres://h/d");
    }
}
