//! What a connection has: a sample of each stream described, with a suggested field table; tables of databases, streams of programs.
//!
//! Reads only. Not here: describing and suggesting (`mapping`), showing it (`api`, `cli`).

use serde::Serialize;
use serde_json::Value;

use super::plant::{Plant, Site};
use crate::connector::call::{CallResult, PageToken};
use crate::connector::file::{FileLimits, ReadContext, newest, read};
use crate::connector::http::mask::Mask;
use crate::connector::manifest::{FileRead, Stream, StreamEntity};
use crate::connector::process::ProcessReader;
use crate::connector::sql::{SqlReader, Table};
use crate::mapping::{Draft, FieldProfile, Profile, draft};

/// A sample is at most so large, whatever is asked for.
pub const MOST_RECORDS: usize = 1_000;
/// Pages of small records are not followed for ever.
const MOST_PAGES: usize = 20;
const MOST_FILE: u64 = 64 << 20;

/// What to look at.
#[derive(Debug, Clone)]
pub struct DiscoverOptions {
    pub stream: Option<String>,
    pub sample: usize,
}

#[derive(Debug, Clone, Serialize)]
pub struct Discovery {
    pub connection: String,
    pub connector: String,
    pub streams: Vec<DiscoveredStream>,
    /// Of a database, besides what streams read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
    /// As a program names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub program_streams: Vec<String>,
    /// What could not be looked at, and why.
    pub problems: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct DiscoveredStream {
    pub stream: String,
    pub entity: Option<String>,
    /// The mapping that its records would pass: `shop/order`.
    pub mapping_name: Option<String>,
    pub records: usize,
    pub fields: Vec<FieldProfile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<Draft>,
}

/// Why a connection cannot be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoverError {
    #[error("there is no connection {0}")]
    Connection(String),
    #[error("connection {connection} has no stream {stream}")]
    Stream { connection: String, stream: String },
}

impl Plant {
    /// Looks at one connection. What fails is told beside what does not.
    pub async fn discover(&self, connection: &str, options: &DiscoverOptions) -> Result<Discovery, DiscoverError> {
        let site = self.sites.get(connection).ok_or_else(|| DiscoverError::Connection(connection.to_owned()))?;
        let manifest = &site.config.manifest;
        if let Some(stream) = options.stream.as_ref().filter(|name| manifest.stream(name).is_none()) {
            return Err(DiscoverError::Stream { connection: connection.to_owned(), stream: stream.clone() });
        }
        let mut found = Discovery {
            connection: connection.to_owned(),
            connector: manifest.name.value.clone(),
            streams: Vec::new(),
            tables: Vec::new(),
            program_streams: Vec::new(),
            problems: Vec::new(),
        };
        let sample = options.sample.clamp(1, MOST_RECORDS);
        for stream in manifest
            .streams
            .iter()
            .filter(|stream| options.stream.as_ref().is_none_or(|name| *name == stream.name.value))
        {
            match self.sample(site, stream, sample).await {
                Ok(records) => found.streams.push(described(site, stream, &records)),
                Err(reason) => found.problems.push(format!("stream {}: {reason}", *stream.name)),
            }
        }
        if options.stream.is_none() {
            self.besides(site, &mut found).await;
        }
        Ok(found)
    }

    /// What there is besides the streams of the manifest.
    async fn besides(&self, site: &Site, found: &mut Discovery) {
        if let Some(database) = &site.database {
            match database.tables().await {
                Ok(tables) => found.tables = tables,
                Err(error) => found.problems.push(format!("tables: {error}")),
            }
        }
        if let Some(program) = &site.program {
            match program.streams().await {
                Ok(Some(streams)) => found.program_streams = streams,
                Ok(None) => found.problems.push("the program does not tell its streams".to_owned()),
                Err(error) => found.problems.push(format!("the program's streams: {error}")),
            }
        }
    }

    async fn sample(&self, site: &Site, stream: &Stream, most: usize) -> Result<Vec<Value>, String> {
        if let Some(described) = stream.file_read() {
            if let Some(server) = &site.server {
                let server = server.spec().server();
                return Err(format!(
                    "its files are on {server}: take one to a connection without `sftp` and look at it there"
                ));
            }
            let (described, settings, base) =
                (described.clone(), site.settings.as_ref().clone(), self.config.folder.clone());
            let name = stream.name.value.clone();
            let rows = tokio::task::spawn_blocking(move || rows(&described, &base, &settings, &name, most)).await;
            let rows = rows.map_err(|error| error.to_string())??;
            return Ok(interpreted(site, stream, rows));
        }
        let mut records = Vec::new();
        let mut token: Option<PageToken> = None;
        let program = site.program.as_ref().and_then(|program| ProcessReader::new(program, stream));
        let table = site.database.as_ref().and_then(|database| SqlReader::new(database, stream));
        let name = stream.name.as_str();
        for _ in 0..MOST_PAGES {
            let page: CallResult<_> = match (&program, &table, stream.http_read(), stream.hints.first()) {
                (Some(program), _, _, _) => program.page(None, token.take()).await,
                (None, Some(table), _, _) => table.page(None, token.take()).await,
                (None, None, Some(_), _) => site.connection.read_page(name, None, token.take()).await,
                (None, None, None, Some(hint)) => {
                    site.connection.read_hints(name, &hint.name, None, token.take()).await
                }
                (None, None, None, None) => {
                    let why = if stream.webhook.is_some() {
                        "it is only pushed: look at a delivery with `syncline explain --payloads`"
                    } else {
                        "it is only written"
                    };
                    return Err(why.to_owned());
                }
            };
            let page = page.map_err(|error| error.to_string())?;
            records.extend(page.records);
            records.extend(page.fetched.into_iter().filter_map(|fetched| fetched.record));
            match page.next {
                Some(next) if records.len() < most => token = Some(next),
                Some(_) | None => break,
            }
        }
        records.truncate(most);
        Ok(interpreted(site, stream, records))
    }
}

/// Records as mappings see them; as they came where the manifest cannot read them yet.
fn interpreted(site: &Site, stream: &Stream, records: Vec<Value>) -> Vec<Value> {
    let mut seen = Vec::new();
    for record in records {
        let read =
            site.connection.interpret_record(&stream.name, &record).map(|read| read.incoming).unwrap_or_default();
        let payloads: Vec<Value> = read.into_iter().filter_map(Result::ok).map(|incoming| incoming.payload).collect();
        if payloads.is_empty() { seen.push(record) } else { seen.extend(payloads) }
    }
    seen
}

fn rows(
    described: &FileRead,
    base: &std::path::Path,
    settings: &Value,
    stream: &str,
    most: usize,
) -> Result<Vec<Value>, String> {
    let path = newest(described, base, settings, stream)?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let file = std::fs::File::open(&path).map_err(|error| format!("{name} cannot be opened: {error}"))?;
    let size = file.metadata().map_err(|error| error.to_string())?.len();
    if size > MOST_FILE {
        return Err(format!(
            "{name} has {size} bytes, more than {MOST_FILE}: put its beginning there as a file of its own"
        ));
    }
    let spec = described.spec(settings).map_err(|error| error.to_string())?;
    let limits = FileLimits::default();
    let mut rows = Vec::new();
    let outcome = read(&spec, ReadContext::new(&name, &limits), file, &mut |row| {
        if rows.len() < most {
            rows.push(row.value);
        }
        Ok(())
    });
    match outcome {
        // What does not tie is still a sample; that it does not is the file watcher's to say.
        Err(error) if rows.is_empty() => Err(error.to_string()),
        Ok(_) | Err(_) => Ok(rows),
    }
}

fn described(site: &Site, stream: &Stream, records: &[Value]) -> DiscoveredStream {
    let mask = Mask::new(site.config.settings.secrets().cloned().chain(site.connection.held_secrets()));
    let records: Vec<Value> = records.iter().map(|record| masked(&mask, record)).collect();
    let profile = Profile::of(&records);
    let mapping_name = site.config.mapping_name(stream);
    let folder = mapping_name
        .as_deref()
        .and_then(|name| name.split_once('/'))
        .map_or(site.config.manifest.name.as_str(), |(folder, _)| folder);
    let entity = match stream.entity {
        StreamEntity::One(entity) => Some(entity),
        StreamEntity::Any => None,
    };
    let draft = entity.filter(|_| profile.records > 0).map(|entity| draft(folder, entity, &profile));
    DiscoveredStream {
        stream: stream.name.value.clone(),
        entity: entity.map(|entity| entity.as_str().to_owned()),
        mapping_name,
        records: profile.records,
        fields: profile.fields,
        draft,
    }
}

/// No secret of the connection that its vendor repeats.
fn masked(mask: &Mask, value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask.text(text)),
        Value::Array(items) => items.iter().map(|item| masked(mask, item)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, inner)| (name.clone(), masked(mask, inner))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
