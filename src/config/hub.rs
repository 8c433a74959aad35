//! The hub's own part of the configuration: where it listens, where it keeps its data, its limits.
//!
//! Not here: connections and flows.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::yaml::{ByteSize, Context, Decode, Node};

#[derive(Debug, Clone)]
pub struct Hub {
    pub listen: SocketAddr,
    /// How vendors reach this hub, without a slash at the end; needed to subscribe to webhooks.
    pub public_url: Option<String>,
    pub database: Database,
    /// Files of the hub's own; relative paths start at the configuration folder.
    pub data_dir: PathBuf,
    pub limits: Limits,
    pub log: Log,
}

#[derive(Debug, Clone)]
pub enum Database {
    Sqlite {
        path: PathBuf,
    },
    /// The address holds a password.
    Postgres {
        url: SecretString,
    },
}

/// What the hub takes on at most; at a limit it holds or answers 503, it never drops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest webhook body.
    pub webhook_body: ByteSize,
    /// Open HTTP connections.
    pub connections: u32,
    /// Jobs in flight at once, over all connections.
    pub workers: u32,
    /// Unprocessed inbox rows: beyond this, webhooks get 503 and polls pause.
    pub inbox_backlog: u64,
    /// Free disk space below which intake pauses.
    pub disk_reserve: ByteSize,
    /// How long raw payloads and finished jobs are kept.
    pub retention: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            webhook_body: ByteSize { bytes: 1 << 20 },
            connections: 1024,
            workers: 128,
            inbox_backlog: 1_000_000,
            disk_reserve: ByteSize { bytes: 512 << 20 },
            retention: Duration::from_secs(90 * 86_400),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    pub level: LogLevel,
    pub format: LogFormat,
}

crate::choice! {
    pub enum LogLevel ("log level") { Error = "error", Warn = "warn", Info = "info", Debug = "debug", Trace = "trace" }
}

crate::choice! {
    pub enum LogFormat ("log format") { Text = "text", Json = "json" }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: LogLevel::Info, format: LogFormat::Text }
    }
}

/// What holds when nothing is written: a hub on this machine only, with an embedded database.
impl Default for Hub {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8470)),
            public_url: None,
            database: Database::Sqlite { path: PathBuf::from("data/syncline.db") },
            data_dir: PathBuf::from("data"),
            limits: Limits::default(),
            log: Log::default(),
        }
    }
}

impl Hub {
    /// Relative paths start at the configuration folder, wherever the process was started.
    pub(super) fn anchored(mut self, folder: &std::path::Path) -> Self {
        self.data_dir = folder.join(&self.data_dir);
        self.database = self.database.anchored(folder);
        self
    }
}

impl Database {
    /// A relative path starts at the configuration folder.
    pub(super) fn anchored(self, folder: &std::path::Path) -> Self {
        match self {
            Database::Sqlite { path } => Database::Sqlite { path: folder.join(path) },
            server @ Database::Postgres { .. } => server,
        }
    }
}

impl Decode for Hub {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "hub")?;
        let default = Self::default();
        let listen = map.or("listen", default.listen);
        let public_url: Option<String> = map.optional("public_url");
        let database = map.or("database", default.database);
        let data_dir = map.optional::<String>("data_dir").map_or(default.data_dir, PathBuf::from);
        let (limits, log) = (map.or("limits", default.limits), map.or("log", default.log));
        if let Some(url) = &public_url {
            let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
            if rest.is_empty() || rest.starts_with('/') || url.contains(char::is_whitespace) {
                map.error(
                    "public_url",
                    "not an absolute URL",
                    "such as https://hub.example.com, as vendors reach this hub",
                );
            }
        }
        map.finish();
        let public_url = public_url.map(|url| url.trim_end_matches('/').to_owned());
        Some(Self { listen, public_url, database, data_dir, limits, log })
    }
}

impl Decode for SocketAddr {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let address = node.as_str().and_then(|text| text.parse().ok());
        if address.is_none() {
            cx.expected(node, "an address and port such as `127.0.0.1:8470` or `0.0.0.0:8470`");
        }
        address
    }
}

impl Decode for Database {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let text = node.as_str().unwrap_or_default();
        if let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            return Some(Self::Sqlite { path: PathBuf::from(path) });
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Some(Self::Postgres { url: SecretString::from(text) });
        }
        // The text is not shown: it may hold a password.
        let help = "write `sqlite:data/syncline.db` or `postgres://user:password@host/database`";
        cx.error(node.span, "not the address of a database", help);
        None
    }
}

impl Decode for Limits {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "limits")?;
        let default = Self::default();
        let limits = Self {
            webhook_body: map.or("webhook_body", default.webhook_body),
            connections: map.or("connections", default.connections),
            workers: map.or("workers", default.workers),
            inbox_backlog: map.or("inbox_backlog", default.inbox_backlog),
            disk_reserve: map.or("disk_reserve", default.disk_reserve),
            retention: map.or("retention", default.retention),
        };
        for (key, zero) in [
            ("webhook_body", limits.webhook_body.bytes == 0),
            ("connections", limits.connections == 0),
            ("workers", limits.workers == 0),
            ("inbox_backlog", limits.inbox_backlog == 0),
        ] {
            if zero {
                map.error(key, format!("`{key}: 0` would stop the hub"), "write at least 1");
            }
        }
        if limits.retention < Duration::from_secs(86_400) {
            map.error("retention", "kept for less than a day", "reconciliation and replay need at least `1d`");
        }
        map.finish();
        Some(limits)
    }
}

impl Decode for Log {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "log")?;
        let default = Self::default();
        let log = Self { level: map.or("level", default.level), format: map.or("format", default.format) };
        map.finish();
        Some(log)
    }
}
