//! A connection to a database of the tests, from a manifest.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use syncline::config::yaml::Source;
use syncline::connector::call::{CallError, Page, WriteContext};
use syncline::connector::connection::ConnectionOptions;
use syncline::connector::http::guard::AddressRange;
use syncline::connector::manifest::{Manifest, SettingValues};
use syncline::connector::sql::{Database, SqlReader, SqlSink};

use super::server::{Kind, PASSWORD, Server, USER};

pub struct Rig {
    pub manifest: Manifest,
    pub database: Arc<Database>,
}

pub fn manifest(text: &str) -> Manifest {
    Manifest::parse(&Source::new("connectors/db/connector.yaml", text))
        .unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

pub fn local() -> ConnectionOptions {
    let mut options = ConnectionOptions::default();
    options.egress.allow.push(AddressRange::new(IpAddr::from([127, 0, 0, 1]), 32).unwrap());
    options.egress.allow.push(AddressRange::new(IpAddr::from(std::net::Ipv6Addr::LOCALHOST), 128).unwrap());
    options
}

/// What a manifest says of a server of the tests; `more` are lines of its `sql` section.
pub fn section(kind: Kind, more: &str) -> String {
    let driver = match kind {
        Kind::Postgres => "postgres",
        Kind::Mariadb => "mysql",
    };
    let more: String = more.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "connector: db\ntitle: Database\nsettings:\n  port: {{}}\n  password: {{ secret: true }}\n  shop: {{ default: main }}\n\
         sql:\n  driver: {driver}\n  host: 127.0.0.1\n  port: \"{{settings.port}}\"\n  database: shop\n  user: {USER}\n  \
         password: \"{{settings.password}}\"\n  tls: \"off\"\n{more}"
    )
}

impl Rig {
    pub fn new(server: &Server, sql: &str, streams: &str) -> Rig {
        Rig::at(server.kind, server.port, PASSWORD, sql, streams)
    }

    pub fn at(kind: Kind, port: u16, password: &str, sql: &str, streams: &str) -> Rig {
        let manifest = manifest(&format!("{}streams:\n{}", section(kind, sql), indent(streams)));
        let given = [("port", port.to_string()), ("password", password.to_owned())];
        Rig::of(manifest, &given, local())
    }

    pub fn sqlite(file: &Path, streams: &str) -> Rig {
        let text = format!(
            "connector: db\ntitle: Database\nsql: {{ driver: sqlite, file: \"{}\", timeouts: {{ statement: 2s }} }}\nstreams:\n{}",
            file.display(),
            indent(streams)
        );
        Rig::of(manifest(&text), &[], ConnectionOptions::default())
    }

    pub fn of(manifest: Manifest, given: &[(&str, String)], options: ConnectionOptions) -> Rig {
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let values = SettingValues::complete(&manifest.settings, &given).unwrap();
        let database =
            Database::new("db", &manifest, &values, &options, Path::new("/"), Path::new("/nowhere")).unwrap().unwrap();
        Rig { manifest, database: Arc::new(database) }
    }

    pub fn reader(&self, stream: &str) -> SqlReader {
        SqlReader::new(&self.database, self.manifest.stream(stream).unwrap()).unwrap()
    }

    pub fn sink(&self, stream: &str) -> SqlSink {
        SqlSink::new(&self.database, self.manifest.stream(stream).unwrap()).unwrap()
    }
}

pub fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

pub struct Walked {
    pub records: Vec<Value>,
    pub cursor: Option<String>,
    pub pages: usize,
}

/// A whole walk; `between` is called after every page, as if it had been stored.
pub async fn walk(
    reader: &SqlReader,
    cursor: Option<&str>,
    mut between: impl FnMut(usize, &Page),
) -> Result<Walked, Box<CallError>> {
    let (mut walked, mut token) = (Walked { records: Vec::new(), cursor: None, pages: 0 }, None);
    loop {
        let page = reader.page(cursor, token).await?;
        walked.pages += 1;
        between(walked.pages, &page);
        reader.stored().await?;
        walked.records.extend(page.records);
        walked.cursor = page.cursor.or(walked.cursor);
        match page.next {
            Some(next) => token = Some(next),
            None => return Ok(walked),
        }
    }
}

pub fn write(record: Value) -> WriteContext {
    WriteContext {
        idempotency_key: format!("key-of-{}", record["sku"].as_str().unwrap_or("x")),
        record,
        refs: json!({}),
        event: json!({}),
        ..WriteContext::default()
    }
}

pub fn sorted(records: &[Value], field: &str) -> Vec<i64> {
    let mut ids: Vec<i64> = records.iter().map(|record| record[field].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids
}
