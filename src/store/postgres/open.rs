//! Opening: what is refused, what is checked, the schema's history; not here: sessions (`settings`).

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, SqlSafeStr as _, query, query_scalar, raw_sql};

use super::PostgresStore;
use super::error::{breaks_connection, timed_out};
use super::session::Session;
use super::settings::{Settings, quoted};
use super::statements::Writer;
use crate::store::contract::StoreError;

/// The oldest version that its makers still repair.
const OLDEST_SERVER: i32 = 140_000;

impl PostgresStore {
    /// Opens the database for the one hub that uses it, creating or upgrading the schema as needed.
    pub async fn open(url: &str) -> Result<PostgresStore, StoreError> {
        Self::open_writing(url, true).await
    }

    /// As `open`, beside other nodes that write to the same database. They have to know what each of them does.
    pub async fn open_shared(url: &str) -> Result<PostgresStore, StoreError> {
        Self::open_writing(url, false).await
    }

    async fn open_writing(url: &str, alone: bool) -> Result<PostgresStore, StoreError> {
        let mut settings = Settings::parse(url)?;
        let opened = async {
            let mut conn = settings.connect().await?;
            inspect(&mut settings, &mut conn).await?;
            set_up(&mut settings, &mut conn).await?;
            conn.close().await?;
            let writer = settings.connect_writer(alone).await?;
            let readers = settings.readers().await?;
            Ok((writer, readers))
        }
        .await;
        let (writer, readers) = opened.map_err(|error| open_error(&settings, error))?;
        let name = settings.name();
        let writer = Writer::start(Session::new(settings.clone(), alone, writer));
        Ok(PostgresStore { settings, name, writer: Some(writer), readers })
    }

    /// Opens the database for reading, beside a hub that may be running. Every write is refused.
    pub async fn open_reader(url: &str) -> Result<PostgresStore, StoreError> {
        let mut settings = Settings::parse(url)?;
        let opened = async {
            let mut conn = settings.connect().await?;
            let schema = current_schema(&mut conn).await?;
            let Some(schema) = schema else { return Err(not_set_up(&settings)) };
            settings.set_schema(schema);
            known_schema(&settings, &mut conn).await?;
            conn.close().await?;
            settings.readers().await
        }
        .await;
        let readers = opened.map_err(|error| open_error(&settings, error))?;
        Ok(PostgresStore { name: settings.name(), settings, writer: None, readers })
    }
}

/// The schema that names without one stand for; none if it does not exist.
async fn current_schema(conn: &mut PgConnection) -> Result<Option<String>, StoreError> {
    Ok(query_scalar("SELECT current_schema()::text").fetch_one(conn).await?)
}

/// Whether the server keeps what it confirms.
async fn inspect(settings: &mut Settings, conn: &mut PgConnection) -> Result<(), StoreError> {
    let refused = |settings: &Settings, cause: String, next_step: &str| StoreError::Open {
        path: settings.name(),
        cause,
        next_step: next_step.to_owned(),
    };
    let setting = async |conn: &mut PgConnection, name: &'static str| -> Result<String, StoreError> {
        Ok(query_scalar("SELECT current_setting($1)").bind(name).fetch_one(conn).await?)
    };
    let version: i32 =
        query_scalar("SELECT current_setting('server_version_num')::integer").fetch_one(&mut *conn).await?;
    if version < OLDEST_SERVER {
        let cause = format!("the server is PostgreSQL {}, which is too old", version / 10_000);
        return Err(refused(settings, cause, "use PostgreSQL 14 or later"));
    }
    if query_scalar("SELECT pg_is_in_recovery()").fetch_one(&mut *conn).await? {
        let cause = "the server is a standby, which takes no writes".to_owned();
        return Err(refused(settings, cause, "give the address that leads to the primary"));
    }
    let encoding = setting(conn, "server_encoding").await?;
    if encoding != "UTF8" {
        let cause = format!("the database's encoding is {encoding}, which cannot hold every text");
        return Err(refused(settings, cause, "create it with ENCODING 'UTF8'"));
    }
    if setting(conn, "fsync").await? == "off" {
        let cause = "the server runs with fsync = off: what is acknowledged would not survive a power cut".to_owned();
        return Err(refused(settings, cause, "set fsync = on in postgresql.conf"));
    }
    if setting(conn, "full_page_writes").await? == "off" {
        tracing::warn!(
            database = settings.name(),
            "full_page_writes is off: unless the filesystem writes pages as a whole, a power cut can damage the database"
        );
    }
    if setting(conn, "synchronous_commit").await? == "off" {
        tracing::info!(database = settings.name(), "synchronous_commit is off; the hub's own sessions set it on");
        settings.synchronous = true;
    }
    Ok(())
}

/// Creates the schema and brings it up to date, one node at a time.
async fn set_up(settings: &mut Settings, conn: &mut PgConnection) -> Result<(), StoreError> {
    let lock = settings.lock_key("set up");
    query("SELECT pg_advisory_lock($1)").bind(lock).execute(&mut *conn).await?;
    if !settings.is_own_path() {
        create_schema(settings, conn).await?;
    }
    let Some(schema) = current_schema(conn).await? else {
        return Err(StoreError::Open {
            path: settings.name(),
            cause: "none of the schemas in the address's search_path exists".to_owned(),
            next_step: "create it, or leave search_path out".to_owned(),
        });
    };
    settings.set_schema(schema);
    // Longer than a request's statement may take.
    raw_sql("SET statement_timeout = 0").execute(&mut *conn).await?;
    let mut migrator = migrator();
    migrator.set_locking(false);
    match migrator.run_direct(None, conn, false).await {
        Ok(()) => {}
        Err(MigrateError::VersionMissing(version)) => return Err(newer_schema(settings, version)),
        Err(cause) => return Err(cause.into()),
    }
    query("SELECT pg_advisory_unlock($1)").bind(lock).execute(conn).await?;
    Ok(())
}

async fn create_schema(settings: &Settings, conn: &mut PgConnection) -> Result<(), StoreError> {
    if current_schema(conn).await?.is_some() {
        return Ok(());
    }
    let schema = quoted(settings.schema());
    let created = raw_sql(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(conn).await;
    created.map(drop).map_err(|cause| StoreError::Open {
        path: settings.name(),
        cause: format!("the schema does not exist and cannot be created: {cause}"),
        next_step: format!("let the database's owner run: CREATE SCHEMA {schema} AUTHORIZATION the hub's user"),
    })
}

/// The schema's history. It begins where SQLite's was when this one was written; from there on both have the same numbers.
/// A migration that has been released never changes; a new one is added below.
fn migrator() -> Migrator {
    let migration = |version, name: &'static str, text: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(vec![migration(
        7,
        "initial",
        include_str!("../../../migrations/postgres/0007_initial.sql"),
    )])
}

/// Refuses a schema that this program does not know exactly.
async fn known_schema(settings: &Settings, conn: &mut PgConnection) -> Result<(), StoreError> {
    let set_up: bool = query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&mut *conn).await?;
    if !set_up {
        return Err(not_set_up(settings));
    }
    let applied: Option<i64> =
        query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success").fetch_one(conn).await?;
    let newest = migrator().iter().map(|migration| migration.version).max();
    match applied {
        None => Err(not_set_up(settings)),
        Some(version) if Some(version) > newest => Err(newer_schema(settings, version)),
        Some(version) if Some(version) < newest => Err(StoreError::Open {
            path: settings.name(),
            cause: format!("its schema is version {version}, older than this program's"),
            next_step: "start the hub of this version once to upgrade it".to_owned(),
        }),
        Some(_) => Ok(()),
    }
}

fn not_set_up(settings: &Settings) -> StoreError {
    StoreError::Open {
        path: settings.name(),
        cause: "its tables were never set up".to_owned(),
        next_step: "check the address in the configuration, or start the hub once to create them".to_owned(),
    }
}

fn newer_schema(settings: &Settings, version: i64) -> StoreError {
    StoreError::Open {
        path: settings.name(),
        cause: format!("its schema is version {version}, newer than this program knows"),
        next_step: "run the newer program, or restore the backup taken before the upgrade".to_owned(),
    }
}

/// Whatever went wrong, with the database's name.
fn open_error(settings: &Settings, error: StoreError) -> StoreError {
    let open = |cause: String, next_step: &str| StoreError::Open {
        path: settings.name(),
        cause,
        next_step: next_step.to_owned(),
    };
    match error {
        StoreError::Unreachable { cause, .. } => open(cause, "give the address that leads to the primary"),
        StoreError::Migrate(cause) => {
            open(format!("its schema cannot be brought up to date: {cause}"), "check that the user owns the schema")
        }
        StoreError::Database(cause) if breaks_connection(&cause) => open(
            format!("cannot connect: {cause}"),
            "check that the server runs, its address, and that it lets this machine in",
        ),
        StoreError::Database(sqlx::Error::PoolTimedOut) => {
            open(timed_out("connecting").to_string(), "check that the server has connections left (max_connections)")
        }
        StoreError::Database(cause) => open(cause.to_string(), "check the user, its password and its rights"),
        StoreError::Open { .. }
        | StoreError::Full(_)
        | StoreError::Corrupt { .. }
        | StoreError::Refused(_)
        | StoreError::Closed
        | StoreError::InDoubt { .. } => error,
    }
}
