//! A database as the system behind a connector: how it is reached, and what its columns mean.
//!
//! Not here: what is read and written there (`sql_stream`), connecting (`connector::sql`), the hub's own store.

use std::time::Duration;

use crate::config::yaml::{Context, Decode, Entry, Node, Place, Spanned};
use crate::mapping::expr::Template;
use crate::model::ErrorClass;

#[derive(Debug, Clone)]
pub struct Sql {
    pub driver: SqlDriver,
    pub address: SqlAddress,
    /// Connections at once: the limit of concurrency towards this database.
    pub pool: u32,
    pub timeouts: SqlTimeouts,
    /// Statements that every new connection begins with.
    pub session: Vec<Spanned<String>>,
    /// The zone that timestamps without one are in: a name of the time zone database, or `UTC`. Without it such a column is refused.
    pub naive: Option<Spanned<String>>,
    /// What MySQL's `TINYINT(1)` is.
    pub tinyint1: TinyInt,
    /// First match wins; the engine's table covers what none matches.
    pub errors: Vec<SqlErrorRule>,
    pub place: Place,
}

/// Templates see `settings`.
#[derive(Debug, Clone)]
pub enum SqlAddress {
    /// `driver://user:password@host:port/database`.
    Url {
        url: Spanned<Template>,
        tls: SqlTls,
    },
    Server(Box<SqlServer>),
    /// SQLite's; relative to the configuration's folder.
    File(Spanned<Template>),
}

#[derive(Debug, Clone)]
pub struct SqlServer {
    /// A name, an address, or the path of a local socket (or of the folder it is in).
    pub host: Spanned<Template>,
    pub port: Option<Spanned<Template>>,
    pub database: Spanned<Template>,
    pub user: Spanned<Template>,
    pub password: Option<Spanned<Template>>,
    pub tls: SqlTls,
}

/// How the connection is protected.
#[derive(Debug, Clone)]
pub struct SqlTls {
    /// `verify` (the default), `require` or `off`; sees `settings`. The last two are for addresses in `allow_networks` alone.
    pub mode: Option<Spanned<Template>>,
    /// The authority's certificate as text, where the server's is not signed by a public one.
    pub authority: Option<Spanned<Template>>,
}

crate::choice! {
    pub enum SqlDriver ("driver") { Postgres = "postgres", Mysql = "mysql", Sqlite = "sqlite" }
}

crate::choice! {
    pub enum TlsMode ("tls mode") {
        /// The certificate is checked, and that it is the host's.
        Verify = "verify",
        /// Encrypted, to whoever answers.
        Require = "require",
        Off = "off",
    }
}

crate::choice! {
    pub enum TinyInt ("tinyint1") { Number = "number", Bool = "bool" }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlTimeouts {
    pub connect: Duration,
    /// For one statement; the server is told, and cut off where it does not keep to it.
    pub statement: Duration,
}

impl Default for SqlTimeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), statement: Duration::from_secs(30) }
    }
}

#[derive(Debug, Clone)]
pub struct SqlErrorRule {
    /// SQLSTATE of PostgreSQL, number of MySQL, extended code of SQLite.
    pub code: String,
    pub class: ErrorClass,
    /// Takes the place of the database's words.
    pub message: Option<String>,
}

/// A query that proves that settings, network and rights are good.
#[derive(Debug, Clone)]
pub struct SqlCheck {
    pub query: Spanned<String>,
    /// Over `record`, its first row: whom we are talking to.
    pub shows: Option<Spanned<Template>>,
}

impl Decode for Sql {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "sql")?;
        let driver = map.required("driver");
        let tls = SqlTls { mode: map.optional("tls"), authority: map.optional("authority") };
        let address = match (driver, map.has("url")) {
            (Some(SqlDriver::Sqlite), _) => map.required("file").map(SqlAddress::File),
            (_, true) => map.required("url").map(|url| SqlAddress::Url { url, tls }),
            (_, false) => {
                let (host, database, user) = (map.required("host"), map.required("database"), map.required("user"));
                let (port, password) = (map.optional("port"), map.optional("password"));
                host.zip(database).zip(user).map(|((host, database), user)| {
                    SqlAddress::Server(Box::new(SqlServer { host, port, database, user, password, tls }))
                })
            }
        };
        let (pool, timeouts) = (map.or("pool", 4), map.or("timeouts", SqlTimeouts::default()));
        let (session, naive) = (map.list("session"), map.optional("naive"));
        let (tinyint1, errors) = (map.or("tinyint1", TinyInt::Number), map.list("errors"));
        if !(1..=64).contains(&pool) {
            map.error("pool", "a pool of 1 to 64 connections", "4 are enough for most");
        }
        if driver.is_some_and(|driver| driver != SqlDriver::Mysql) && map.has("tinyint1") {
            map.error("tinyint1", "only MySQL has `TINYINT(1)`", "remove it");
        }
        map.finish();
        let (address, place) = (address?, cx.place(node.span));
        Some(Self { driver: driver?, address, pool, timeouts, session, naive, tinyint1, errors, place })
    }
}

impl Decode for SqlTimeouts {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "timeouts")?;
        let default = Self::default();
        let timeouts =
            Self { connect: map.or("connect", default.connect), statement: map.or("statement", default.statement) };
        if timeouts.statement < Duration::from_millis(10) || timeouts.connect < Duration::from_millis(10) {
            map.error("statement", "no database answers in less than 10ms for certain", "write 10ms or more");
        }
        map.finish();
        Some(timeouts)
    }
}

impl Decode for SqlErrorRule {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "error rule")?;
        let (code, class, message) = (map.required("code"), map.required("class"), map.optional("message"));
        map.finish();
        Some(Self { code: code?, class: class?, message })
    }
}

impl Decode for SqlCheck {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "check")?;
        let (query, shows) = (map.required("query"), map.optional("shows"));
        map.finish();
        Some(Self { query: query?, shows })
    }
}

/// Names with values, in their order.
pub(super) fn members<T>(
    node: &Node,
    cx: &Context,
    what: &str,
    read: impl Fn(&Entry) -> Option<T>,
) -> Vec<(String, T)> {
    let Some(entries) = node.entries() else {
        cx.expected(node, what);
        return Vec::new();
    };
    entries.iter().filter_map(|entry| Some((entry.key.clone(), read(entry)?))).collect()
}
