//! A plant's connections as sources: webhooks judged, streams polled, single records read; not here: what is done with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::HeaderMap;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;

use super::plant::Plant;
use crate::connector::call::{CallError, CallResult, Fetched, Page, PageToken, Pong};
use crate::connector::connection::Connection;
use crate::connector::process::ProcessReader;
use crate::connector::sql::SqlReader;
use crate::connector::webhook::Delivery;
use crate::deliver::{Destination, FlowBook, FlowRun};
use crate::intake::{PollSource, Proven, Verdict, WebhookSource, WebhookSources};
use crate::model::ErrorClass;
use crate::process::{Catalogue as _, Fetcher};
use crate::store::EntityKey;

impl FlowBook for Plant {
    fn flow(&self, name: &str) -> Option<Arc<FlowRun>> {
        self.flows.get(name).cloned()
    }

    fn destination(&self, connection: &str) -> Option<Arc<dyn Destination>> {
        self.destinations.get(connection).cloned()
    }
}

#[async_trait]
impl Fetcher for Plant {
    async fn fetch(&self, id: &EntityKey) -> CallResult<Option<Value>> {
        match self.sites.get(&id.connection) {
            Some(site) => match (&site.program, site.config.manifest.stream(&id.stream)) {
                (Some(program), Some(stream)) if stream.process_read().is_some() => program.get(stream, &id.key).await,
                (_, Some(stream)) if stream.sql_read().is_some() => {
                    match site.database.as_ref().and_then(|database| SqlReader::new(database, stream)) {
                        Some(reader) => reader.get(&id.key).await,
                        None => site.connection.get(&id.stream, &id.key).await,
                    }
                }
                (_, _) => site.connection.get(&id.stream, &id.key).await,
            },
            None => Err(Box::new(CallError {
                class: ErrorClass::Data,
                system: id.connection.clone(),
                what: format!("read {} {}", id.stream, id.key),
                status: None,
                message: "the connection is no longer configured".to_owned(),
                next_step: "restore it, so that what waits for it can go on".to_owned(),
                retry_after: Some(Duration::from_secs(30)),
                sent: false,
                request_excerpt: String::new(),
                response_excerpt: String::new(),
            })),
        }
    }
}

impl WebhookSources for Plant {
    fn source(&self, connection: &str) -> Option<Arc<dyn WebhookSource>> {
        let site = self.sites.get(connection).filter(|site| site.config.enabled)?;
        site.config.manifest.webhooks.as_ref()?;
        let public_url =
            self.config.hub.public_url.clone().unwrap_or_else(|| format!("http://{}", self.config.hub.listen));
        Some(Arc::new(ConnectionHook {
            connection: Arc::clone(&site.connection),
            token: site.token.clone(),
            public_url,
        }))
    }
}

struct ConnectionHook {
    connection: Arc<Connection>,
    token: String,
    public_url: String,
}

impl WebhookSource for ConnectionHook {
    fn token(&self) -> &str {
        &self.token
    }

    fn preparation(&self, headers: &HeaderMap) -> Option<BoxFuture<'_, ()>> {
        let url = self.connection.lacks_certificate(headers)?;
        Some(Box::pin(async move {
            if let Err(reason) = self.connection.fetch_certificate(&url).await {
                tracing::warn!(connection = self.connection.id(), reason, "no certificate to verify a webhook with");
            }
        }))
    }

    fn judge(&self, path: &str, headers: &HeaderMap, body: &[u8], now_us: i64) -> Verdict {
        let query = path.split_once('?').map_or("", |(_, query)| query);
        if let Some(Pong { status, echo }) = self.connection.ping(query, body, headers) {
            return Verdict::Ping { status, echo };
        }
        // The address as the vendor knows it, never as the Host header has it: some vendors sign it.
        let url = format!("{}{path}", self.public_url);
        let delivery = Delivery { method: "POST", url: &url, headers, body };
        let now = Timestamp::from_microsecond(now_us).unwrap_or(Timestamp::UNIX_EPOCH);
        match self.connection.verify(&delivery, now) {
            None => Verdict::Refused { label: "no_webhooks", reason: "the connector describes no webhooks".to_owned() },
            Some(Err(refusal)) => Verdict::Refused { label: refusal.label(), reason: refusal.to_string() },
            Some(Ok(_)) => {
                let label = self.connection.label(body, headers);
                let mut dedupe_key = event_key(&label.dedupe_key);
                if label.is_hint {
                    // What it is about may have changed again since the last one of the same words.
                    dedupe_key = format!("{dedupe_key}@{now_us}");
                }
                Verdict::Proven(Proven { topic: label.topic, dedupe_key })
            }
        }
    }
}

/// One name space for events, whether they were pushed or listed.
fn event_key(id: &str) -> String {
    format!("event/{id}")
}

/// One polled stream of a plant.
pub(super) struct ConnectionPoll {
    connection: Arc<Connection>,
    /// What pages come from, where it is not HTTP.
    program: Option<ProcessReader>,
    table: Option<SqlReader>,
    stream: String,
    every: Duration,
    events: bool,
    in_waves: bool,
    /// A list that only names records of the stream, and the name under which its cursor is kept.
    hint: Option<(String, String)>,
    deletions: Option<u32>,
    can_fetch: bool,
    read_times: Arc<ReadTimes>,
}

/// When each stream was last read to its end, by connection and stream.
#[derive(Default)]
pub struct ReadTimes(Mutex<HashMap<(String, String), Times>>);

#[derive(Default, Clone, Copy)]
struct Times {
    last: Option<i64>,
    /// The walk under way.
    began: Option<i64>,
    /// When the last walk began that came to its end.
    through: Option<i64>,
}

impl ReadTimes {
    fn change(&self, connection: &str, stream: &str, change: impl FnOnce(&mut Times)) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(times.entry((connection.to_owned(), stream.to_owned())).or_default());
    }

    fn note(&self, connection: &str, stream: &str, at: i64) {
        self.change(connection, stream, |times| {
            times.last = Some(at);
            times.through = times.began.take().or(times.through);
        });
    }

    fn get(&self, connection: &str, stream: &str) -> Times {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.get(&(connection.to_owned(), stream.to_owned())).copied().unwrap_or_default()
    }

    /// For whoever reads a stream.
    pub(super) fn noting(self: &Arc<Self>, connection: &str, stream: &str) -> Arc<dyn Fn(i64) + Send + Sync> {
        let (times, connection, stream) = (Arc::clone(self), connection.to_owned(), stream.to_owned());
        Arc::new(move |at| times.note(&connection, &stream, at))
    }

    pub fn last(&self, connection: &str, stream: &str) -> Option<i64> {
        self.get(connection, stream).last
    }

    /// When the last complete reading began: what was there by then has been read.
    pub(super) fn through(&self, connection: &str, stream: &str) -> Option<i64> {
        self.get(connection, stream).through
    }
}

impl ConnectionPoll {
    /// Every stream that is asked for, over HTTP, of a program or of a database, and that somebody here can read; and its hints.
    pub fn all(plant: &Plant, read_times: &Arc<ReadTimes>) -> Vec<Arc<ConnectionPoll>> {
        let mut all = Vec::new();
        for (name, site) in plant.sites.iter().filter(|(_, site)| site.config.enabled) {
            for stream in &site.config.manifest.streams {
                if !plant.polled(name, &stream.name) {
                    continue;
                }
                let poll = |every: Duration| ConnectionPoll {
                    connection: Arc::clone(&site.connection),
                    program: None,
                    table: None,
                    stream: stream.name.value.clone(),
                    every: site.config.polls.get(stream.name.as_str()).copied().unwrap_or(every),
                    events: false,
                    in_waves: !plant.brakes(name, &stream.name).is_empty(),
                    hint: None,
                    deletions: None,
                    can_fetch: stream.get.is_some(),
                    read_times: Arc::clone(read_times),
                };
                let program = site.program.as_ref().and_then(|program| ProcessReader::new(program, stream));
                if let Some(program) = program {
                    let every = stream.read_every().unwrap_or_default();
                    all.push(Arc::new(ConnectionPoll { program: Some(program), ..poll(every) }));
                }
                let table = site.database.as_ref().and_then(|database| SqlReader::new(database, stream));
                if let (Some(table), Some(read)) = (table, stream.sql_read()) {
                    let deletions = read.cursor().and_then(|cursor| cursor.deletions).map(|most| most.basis_points);
                    let can_fetch = table.can_fetch();
                    let poll = ConnectionPoll { table: Some(table), deletions, can_fetch, ..poll(read.every) };
                    all.push(Arc::new(poll));
                }
                if let Some(read) = stream.http_read() {
                    let deletions = read.cursor.deletions.map(|most| most.basis_points);
                    all.push(Arc::new(ConnectionPoll { events: read.as_webhook, deletions, ..poll(read.every) }));
                }
                for hint in &stream.hints {
                    let name = (hint.name.value.clone(), format!("{}/{}", *stream.name, *hint.name));
                    let events = hint.read.as_webhook;
                    all.push(Arc::new(ConnectionPoll { events, hint: Some(name), ..poll(hint.read.every) }));
                }
            }
        }
        all
    }
}

impl ConnectionPoll {
    /// A hint's list says nothing about how far the stream's own has been read.
    fn tells_all(&self) -> bool {
        let manifest = self.connection.manifest();
        self.hint.is_none() || manifest.stream(&self.stream).is_none_or(|stream| stream.read.is_none())
    }
}

#[async_trait]
impl PollSource for ConnectionPoll {
    fn connection(&self) -> &str {
        self.connection.id()
    }

    fn stream(&self) -> &str {
        &self.stream
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn in_waves(&self) -> bool {
        self.in_waves
    }

    async fn page(&self, cursor: Option<&str>, page: Option<PageToken>) -> CallResult<Page> {
        if let Some(table) = &self.table {
            return table.page(cursor, page).await;
        }
        match (&self.program, &self.hint) {
            (Some(program), _) => program.page(cursor, page).await,
            (None, None) => self.connection.read_page(&self.stream, cursor, page).await,
            (None, Some((hint, _))) => self.connection.read_hints(&self.stream, hint, cursor, page).await,
        }
    }

    fn cursor_name(&self) -> &str {
        self.hint.as_ref().map_or(&self.stream, |(_, name)| name)
    }

    fn deletions(&self) -> Option<u32> {
        self.deletions
    }

    async fn fetch(&self, key: &str) -> CallResult<Option<Fetched>> {
        if let Some(table) = self.table.as_ref().filter(|_| self.can_fetch) {
            return table.fetch(key).await.map(Some);
        }
        if self.can_fetch { self.connection.fetch(&self.stream, key).await.map(Some) } else { Ok(None) }
    }

    async fn stored(&self) -> CallResult<()> {
        match &self.table {
            Some(table) => table.stored().await,
            None => Ok(()),
        }
    }

    fn began(&self, at: i64) {
        if self.tells_all() {
            self.read_times.change(self.connection.id(), &self.stream, |times| times.began = Some(at));
        }
    }

    fn completed(&self, at: i64) {
        if self.tells_all() {
            self.read_times.note(self.connection.id(), &self.stream, at);
        }
    }

    fn key(&self, record: &Value) -> Option<String> {
        if self.events {
            return None;
        }
        self.connection.record_key(&self.stream, record)
    }

    fn as_webhook(&self, record: &Value) -> Option<(String, String)> {
        let payload = self.events.then(|| record.to_string().into_bytes())?;
        let label = self.connection.label(&payload, &HeaderMap::new());
        Some((label.topic, event_key(&label.dedupe_key)))
    }
}
