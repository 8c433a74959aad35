//! Where a database is and how it is dialled: names are resolved and judged first, and the judged address is the one that is dialled.
//!
//! Without a checked certificate only addresses that the connection allows are reached. With one, the name itself is dialled: a
//! name that suddenly leads elsewhere leads to nobody who has the certificate.
//! Not here: what a new connection is told (`database`).

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use sqlx::ConnectOptions as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::sqlite::SqliteConnectOptions;

use super::fault::Fault;
use super::link::{Broken, Link};
use crate::config::yaml::Choice as _;
use crate::connector::http::guard::{EgressPolicy, NameLookup, Reach};
use crate::connector::http::render;
use crate::connector::manifest::{SqlAddress, SqlDriver, SqlServer, SqlTls, TlsMode};
use crate::mapping::expr::Scope;

pub(super) enum Target {
    Server(Box<Server>),
    File(PathBuf),
}

pub(super) struct Server {
    driver: SqlDriver,
    host: String,
    port: Option<u16>,
    database: String,
    user: String,
    password: String,
    tls: TlsMode,
    authority: Option<String>,
}

/// What stands between a name and a connection.
pub(super) struct Way {
    pub egress: EgressPolicy,
    pub lookup: Arc<dyn NameLookup>,
    pub connect: Duration,
    /// SQLite waits this long for another writer.
    pub statement: Duration,
}

impl Target {
    /// Also returns what must be masked besides the settings' secrets.
    pub fn new(
        driver: SqlDriver,
        address: &SqlAddress,
        scope: &Scope<'_>,
        base: &Path,
    ) -> Result<(Target, Vec<SecretString>), String> {
        let text = |what: &str, template| render::text(what, template, scope).map_err(|error| error.to_string());
        match address {
            SqlAddress::File(file) => Ok((Target::File(base.join(text("the file", file)?)), Vec::new())),
            SqlAddress::Url { url, tls } => {
                let url = text("the address", url)?;
                let server = Server::of_url(driver, &url)?.protected(tls, scope)?;
                let secrets = vec![SecretString::from(server.password.clone()), SecretString::from(url)];
                Ok((Target::Server(Box::new(server)), secrets))
            }
            SqlAddress::Server(described) => {
                let SqlServer { host, port, database, user, password, tls } = described.as_ref();
                let optional = |what: &str, template| {
                    render::optional_text(what, template, scope).map_err(|error| error.to_string())
                };
                let port = optional("the port", port.as_ref())?;
                let port = port.map(|port| port.parse().map_err(|_| format!("`{port}` is not a port"))).transpose()?;
                let server = Server {
                    driver,
                    host: text("the host", host)?,
                    port,
                    database: text("the database", database)?,
                    user: text("the user", user)?,
                    password: optional("the password", password.as_ref())?.unwrap_or_default(),
                    tls: TlsMode::Verify,
                    authority: None,
                };
                Ok((Target::Server(Box::new(server.protected(tls, scope)?)), Vec::new()))
            }
        }
    }

    /// Whether it is a file in a folder, whatever leads there.
    pub fn is_below(&self, folder: &Path) -> bool {
        let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).ok();
        match self {
            Target::Server(_) => false,
            Target::File(file) => whole(file).zip(whole(folder)).is_some_and(|(file, folder)| file.starts_with(folder)),
        }
    }

    pub fn shown(&self) -> String {
        match self {
            Target::Server(server) => match server.port {
                Some(port) => format!("{} at {}:{port}", server.driver.as_str(), server.host),
                None => format!("{} at {}", server.driver.as_str(), server.host),
            },
            Target::File(file) => format!("sqlite at {}", file.display()),
        }
    }

    pub async fn dial(&self, way: &Way) -> Result<Link, Fault> {
        match self {
            Target::File(file) => {
                let options = SqliteConnectOptions::new().filename(file).create_if_missing(false);
                let options = options.busy_timeout(way.statement).disable_statement_logging();
                let link = options.connect().await.map_err(|error| Fault::Connect(Broken::Database(error)))?;
                Ok(Link::Sqlite(Box::new(link)))
            }
            Target::Server(server) => server.dial(way).await,
        }
    }
}

impl Server {
    fn of_url(driver: SqlDriver, text: &str) -> Result<Server, String> {
        // The text holds a password: it is not repeated.
        let url = Url::parse(text).map_err(|error| format!("the address of the database is no URL: {error}"))?;
        let schemes: &[&str] = match driver {
            SqlDriver::Postgres => &["postgres", "postgresql"],
            SqlDriver::Mysql => &["mysql", "mariadb"],
            SqlDriver::Sqlite => &[],
        };
        if !schemes.contains(&url.scheme()) {
            return Err(format!(
                "the address of the database begins with `{}:`, not with `{}:`",
                url.scheme(),
                driver.as_str()
            ));
        }
        if url.query().is_some() {
            return Err(
                "the address of the database has a query; write `tls`, `timeouts` and `session` in the manifest"
                    .to_owned(),
            );
        }
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err("the address of the database has no host".to_owned());
        }
        Ok(Server {
            driver,
            host,
            port: url.port(),
            database: decoded(url.path().trim_start_matches('/'))?,
            user: decoded(url.username())?,
            password: decoded(url.password().unwrap_or_default())?,
            tls: TlsMode::Verify,
            authority: None,
        })
    }

    fn protected(mut self, tls: &SqlTls, scope: &Scope<'_>) -> Result<Server, String> {
        let text =
            |what: &str, template| render::optional_text(what, template, scope).map_err(|error| error.to_string());
        if let Some(mode) = text("tls", tls.mode.as_ref())? {
            let known = TlsMode::ALL.iter().find(|(word, _)| *word == mode);
            self.tls =
                known.map(|(_, mode)| *mode).ok_or_else(|| format!("tls is `{mode}`: write verify, require or off"))?;
        }
        // Line breaks may be written as `\n`.
        self.authority =
            text("the authority's certificate", tls.authority.as_ref())?.map(|pem| pem.replace("\\n", "\n"));
        Ok(self)
    }

    async fn dial(&self, way: &Way) -> Result<Link, Fault> {
        let mut failed = None;
        for host in self.hosts(way).await? {
            match tokio::time::timeout(way.connect, self.connect(&host)).await {
                Ok(Ok(link)) => return Ok(link),
                Ok(Err(error)) => failed = Some(Fault::Connect(Broken::Database(error))),
                Err(_) => failed = Some(Fault::ConnectSlow(way.connect)),
            }
        }
        Err(failed.unwrap_or(Fault::ConnectSlow(way.connect)))
    }

    /// What may be dialled, in the order in which it is tried.
    async fn hosts(&self, way: &Way) -> Result<Vec<String>, Fault> {
        if self.host.starts_with('/') {
            return Ok(vec![self.host.clone()]);
        }
        let reach = match self.tls {
            TlsMode::Verify => Reach::Public,
            TlsMode::Require | TlsMode::Off => Reach::AllowedOnly,
        };
        let addresses = match self.host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => way
                .lookup
                .lookup(self.host.clone())
                .await
                .map_err(|cause| Fault::Name { host: self.host.clone(), cause })?,
        };
        let (mut allowed, mut refused) = (Vec::new(), None);
        for address in addresses {
            match way.egress.check_address(&self.host, address, reach) {
                Ok(()) => allowed.push(address.to_string()),
                Err(blocked) => refused = refused.or(Some(blocked)),
            }
        }
        match (self.tls, refused) {
            (_, Some(blocked)) if allowed.is_empty() => Err(blocked.into()),
            // The name is dialled, so it may lead nowhere else.
            (TlsMode::Verify, Some(blocked)) => Err(blocked.into()),
            (TlsMode::Verify, None) => Ok(vec![self.host.clone()]),
            (TlsMode::Require | TlsMode::Off, _) => Ok(allowed),
        }
    }

    async fn connect(&self, host: &str) -> Result<Link, sqlx::Error> {
        let is_socket = host.starts_with('/');
        match self.driver {
            SqlDriver::Postgres | SqlDriver::Sqlite => {
                let options = PgConnectOptions::new_without_pgpass();
                let options = if is_socket { options.socket(host) } else { options.host(host) };
                let tls = if is_socket { TlsMode::Off } else { self.tls };
                let mode = match tls {
                    TlsMode::Verify => PgSslMode::VerifyFull,
                    TlsMode::Require => PgSslMode::Require,
                    TlsMode::Off => PgSslMode::Disable,
                };
                let mut options = options
                    .port(self.port.unwrap_or(5432))
                    .database(&self.database)
                    .username(&self.user)
                    .password(&self.password)
                    .application_name("syncline")
                    .ssl_mode(mode)
                    .disable_statement_logging();
                if let Some(authority) = &self.authority {
                    options = options.ssl_root_cert_from_pem(authority.clone().into_bytes());
                }
                options.connect().await.map(|link| Link::Postgres(Box::new(link)))
            }
            SqlDriver::Mysql => {
                let options = MySqlConnectOptions::new();
                let options = if is_socket { options.socket(host) } else { options.host(host) };
                let tls = if is_socket { TlsMode::Off } else { self.tls };
                let mode = match tls {
                    TlsMode::Verify => MySqlSslMode::VerifyIdentity,
                    TlsMode::Require => MySqlSslMode::Required,
                    TlsMode::Off => MySqlSslMode::Disabled,
                };
                let mut options = options
                    .port(self.port.unwrap_or(3306))
                    .database(&self.database)
                    .username(&self.user)
                    .password(&self.password)
                    .ssl_mode(mode)
                    .disable_statement_logging();
                if let Some(authority) = &self.authority {
                    options = options.ssl_ca_from_pem(authority.clone().into_bytes());
                }
                options.connect().await.map(|link| Link::Mysql(Box::new(link)))
            }
        }
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let pair = [rest.next(), rest.next()].map(|digit| char::from(digit.unwrap_or_default()).to_digit(16));
        let [Some(high), Some(low)] = pair else {
            return Err("the address of the database has a `%` without two digits".to_owned());
        };
        bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    String::from_utf8(bytes).map_err(|_| "the address of the database is not UTF-8".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_and_never_repeated() {
        let server = Server::of_url(SqlDriver::Postgres, "postgres://app:p%40ss%2F@db.example.com:6432/shop").unwrap();
        assert_eq!(
            (server.host.as_str(), server.port, server.database.as_str()),
            ("db.example.com", Some(6432), "shop")
        );
        assert_eq!((server.user.as_str(), server.password.as_str()), ("app", "p@ss/"));
        for wrong in
            ["mysql://a:hunter2@b/c", "postgres://a:hunter2@/c", "postgres://a:hunter2@b/c?sslmode=off", "hunter2"]
        {
            let error = Server::of_url(SqlDriver::Postgres, wrong).err().unwrap();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
