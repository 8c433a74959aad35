//! The stand-in for all vendors: one server on this machine that answers whatever the connectors' manifests ask.
//!
//! It takes every write, remembers what it took where look-ups ask for it, and gives the ids that the manifest's `response`
//! wants. Not here: which record an arrival is (`book`), misbehaviour (`sandbox`).

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::connector::manifest::{Idempotency, Manifest, OpKind, Operation, Step, Stream, VersionKind, Write};
use crate::mapping::expr::{Path, Scope};

use super::book::Book;
use super::load::Load;
use super::payload::{Seg, place_of, plain_holes, put};
use super::prepare::Way;
use super::routes::{Purpose, Route, find};

const LARGEST_BODY: usize = 8 << 20;
/// Ids that no record's number is: fewer digits.
const FIRST_ID: u64 = 1_000_001;
/// Fewer than any page that a list could be cut into.
const LISTED_AT_ONCE: usize = 45;

struct Vendor {
    manifest: Arc<Manifest>,
    routes: Vec<Route>,
    /// Look-ups and steps ask for what was written.
    remembers: bool,
    calls: AtomicU64,
    unknown: AtomicU64,
}

/// Something that was written.
struct Object {
    stream: String,
    id: u64,
    body: Value,
}

pub(super) struct StandIn {
    pub(super) address: SocketAddr,
    vendors: RwLock<BTreeMap<String, Vendor>>,
    /// What drives; set before the first record.
    load: RwLock<Option<Arc<Load>>>,
    book: RwLock<Option<Arc<Book>>>,
    objects: Mutex<HashMap<(String, u64), Vec<Object>>>,
    /// How many records of a polled source the hub has been given.
    listed: Mutex<BTreeMap<usize, u64>>,
    ids: AtomicU64,
    first_unknown: Mutex<Option<String>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

struct Call {
    method: String,
    /// Below the connection's address.
    path: String,
    query: Vec<(String, String)>,
    body: Bytes,
}

impl StandIn {
    /// Listens on a free port of this machine. It knows nobody until told by [`StandIn::represent`].
    pub(super) async fn listen() -> std::io::Result<Arc<StandIn>> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let stand_in = Arc::new(StandIn {
            address: listener.local_addr()?,
            vendors: RwLock::default(),
            load: RwLock::default(),
            book: RwLock::default(),
            objects: Mutex::default(),
            listed: Mutex::default(),
            ids: AtomicU64::new(FIRST_ID),
            first_unknown: Mutex::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        stand_in.tasks.spawn(Arc::clone(&stand_in).accept(listener));
        Ok(stand_in)
    }

    /// Stands in for every connection of the copy that makes calls.
    pub(super) fn represent(&self, copy: &Config, load: &Arc<Load>) {
        let vendors =
            copy.connections.iter().filter(|connection| connection.manifest.http.is_some()).map(|connection| {
                let routes = Route::all(&connection.manifest);
                let remembers =
                    routes.iter().any(|route| matches!(route.purpose, Purpose::Lookup(_) | Purpose::Step(..)));
                let manifest = Arc::clone(&connection.manifest);
                (
                    connection.name.value.clone(),
                    Vendor { manifest, routes, remembers, calls: AtomicU64::new(0), unknown: AtomicU64::new(0) },
                )
            });
        *self.vendors.write().unwrap_or_else(PoisonError::into_inner) = vendors.collect();
        *self.book.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&load.book));
        *self.load.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(load));
    }

    /// What was asked before the load is not the load's.
    pub(super) fn forget_calls(&self) {
        let vendors = self.vendors.read().unwrap_or_else(PoisonError::into_inner);
        vendors.values().for_each(|vendor| vendor.calls.store(0, Ordering::Relaxed));
    }

    /// Calls answered for a connection.
    pub(super) fn calls(&self, connection: &str) -> u64 {
        let vendors = self.vendors.read().unwrap_or_else(PoisonError::into_inner);
        vendors.get(connection).map_or(0, |vendor| vendor.calls.load(Ordering::Relaxed))
    }

    /// Calls that no manifest describes, with the first of them.
    pub(super) fn unknown(&self) -> (u64, Option<String>) {
        let vendors = self.vendors.read().unwrap_or_else(PoisonError::into_inner);
        let count = vendors.values().map(|vendor| vendor.unknown.load(Ordering::Relaxed)).sum();
        (count, self.first_unknown.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    pub(super) async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        // The load holds the book and is held here: let go of both.
        *self.load.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    self.tasks.spawn(Arc::clone(&self).converse(stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "a stand-in could not accept a connection");
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            }
        }
    }

    async fn converse(self: Arc<Self>, stream: TcpStream) {
        let this = Arc::clone(&self);
        let service = service_fn(move |request| {
            let this = Arc::clone(&this);
            async move { Ok::<_, Infallible>(this.exchange(request).await) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            () = self.stop.cancelled() => {}
            // The hub hangs up when it stops.
            ended = connection => if let Err(error) = ended { tracing::trace!(%error, "a connection to a stand-in ended") },
        }
    }

    async fn exchange(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
            return answer(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "error": "the body is cut or too large" }));
        };
        let parsed = reqwest::Url::parse(&format!("http://stand-in{}", head.uri));
        let query = parsed.map(|url| url.query_pairs().map(|(k, v)| (k.into_owned(), v.into_owned())).collect());
        let whole = head.uri.path().trim_start_matches('/');
        let (connection, rest) = whole.split_once('/').map_or((whole, ""), |(name, rest)| (name, rest));
        let path = if rest.is_empty() { String::new() } else { format!("/{rest}") };
        let call =
            Call { method: head.method.to_string(), path, query: query.unwrap_or_default(), body: body.to_bytes() };
        let vendors = self.vendors.read().unwrap_or_else(PoisonError::into_inner);
        let Some(vendor) = vendors.get(connection) else {
            return answer(StatusCode::NOT_FOUND, &json!({ "error": "nobody of this name" }));
        };
        vendor.calls.fetch_add(1, Ordering::Relaxed);
        let (status, body) = self.answer(connection, vendor, &call);
        answer(status, &body)
    }

    fn answer(&self, connection: &str, vendor: &Vendor, call: &Call) -> (StatusCode, Value) {
        let found = find(&vendor.routes, &call.method, &call.path, &call.query);
        if found.is_empty() {
            vendor.unknown.fetch_add(1, Ordering::Relaxed);
            let mut first = self.first_unknown.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| format!("{connection}: {} {}", call.method, call.path));
            return (StatusCode::NOT_FOUND, json!({ "error": "no manifest describes this call" }));
        }
        // One request may serve several purposes: each puts its part into the answer.
        let mut body = Value::Object(Map::new());
        let mut status = StatusCode::OK;
        for (route, holes) in found {
            if let Err(other) = self.fill(connection, vendor, route, &holes, call, &mut body) {
                status = other;
            }
        }
        (status, body)
    }

    fn fill(
        &self,
        connection: &str,
        vendor: &Vendor,
        route: &Route,
        holes: &[String],
        call: &Call,
        body: &mut Value,
    ) -> Result<(), StatusCode> {
        let stream = |name: &str| vendor.manifest.stream(name).ok_or(StatusCode::NOT_FOUND);
        match &route.purpose {
            Purpose::Check | Purpose::Subscribe => Ok(()),
            Purpose::Subscriptions => {
                let records = vendor.manifest.webhooks.as_ref().and_then(|webhooks| webhooks.subscriptions.as_ref());
                at(body, records.and_then(|subscriptions| subscriptions.records.as_deref()), json!([]));
                Ok(())
            }
            Purpose::List(name) => {
                let stream = stream(name)?;
                let listed = self.list(connection, stream);
                at(body, stream.http_read().and_then(|read| read.records.as_deref()), Value::Array(listed));
                Ok(())
            }
            Purpose::Get(name) => {
                let stream = stream(name)?;
                let record = self.current(holes, call).ok_or(StatusCode::NOT_FOUND)?;
                at(body, stream.get.as_ref().and_then(|get| get.record.as_deref()), record);
                Ok(())
            }
            Purpose::Enrich(name) => self.enrich(stream(name)?, holes, call, body),
            Purpose::Lookup(name) => {
                self.look_up(connection, stream(name)?, holes, call, body);
                Ok(())
            }
            Purpose::Step(name, op, step) => self.step(connection, stream(name)?, *op, step, (holes, call), body),
            Purpose::Write(name, op) => self.write(connection, vendor, stream(name)?, *op, (holes, call), body),
        }
    }

    /// Records of a polled stream whose time has come and which the hub has not been given yet.
    /// Where others refer to the records of a list, all of them.
    fn list(&self, connection: &str, stream: &Stream) -> Vec<Value> {
        let load = self.load.read().unwrap_or_else(PoisonError::into_inner);
        let Some(load) = load.as_ref() else { return Vec::new() };
        let own = load.mirrors.iter().filter(|mirror| mirror.connection == connection && *stream.name == mirror.stream);
        let mirrored: Vec<Value> = own.flat_map(|mirror| load.mirrored(mirror)).collect();
        if !mirrored.is_empty() {
            return mirrored;
        }
        let polled = |way: &Way| match way {
            Way::Poll => true,
            Way::Webhook(_) | Way::File(_) => false,
        };
        let place = load.senders.iter().position(|sender| {
            sender.source.connection == connection && sender.source.stream == *stream.name && polled(&sender.source.way)
        });
        let Some(place) = place else { return Vec::new() };
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let next = listed.entry(place).or_insert(0);
        let turns = load.senders.len() as u64;
        let mut records = Vec::new();
        while records.len() < LISTED_AT_ONCE {
            let index = *next * turns + place as u64;
            if load.book.planned_us(index).is_none() {
                break;
            }
            records.extend(load.listed(index, stream));
            *next += 1;
        }
        records
    }

    /// The record that a call names, as its vendor has it.
    fn current(&self, holes: &[String], call: &Call) -> Option<Value> {
        let load = self.load.read().unwrap_or_else(PoisonError::into_inner);
        let load = load.as_ref()?;
        let index = self.named(holes, call).into_iter().next()?;
        load.book.planned_us(index)?;
        load.record(index)
    }

    /// Numbers of records in the path and the query.
    fn named(&self, holes: &[String], call: &Call) -> Vec<u64> {
        let book = self.book.read().unwrap_or_else(PoisonError::into_inner);
        let Some(book) = book.as_ref() else { return Vec::new() };
        let texts = holes.iter().chain(call.query.iter().map(|(_, value)| value));
        texts.flat_map(|text| book.tokens().found_in(text.as_bytes())).collect()
    }

    /// Whether a call is about a record that is not the vendor's own.
    fn awaits(&self, connection: &str, holes: &[String], call: &Call) -> bool {
        let load = self.load.read().unwrap_or_else(PoisonError::into_inner);
        let own = |index: u64| load.as_ref().is_some_and(|load| load.belongs_to(index, connection));
        self.named(holes, call).into_iter().any(|index| !own(index))
    }

    /// The part that a list leaves out, for each id that is asked for.
    fn enrich(&self, stream: &Stream, holes: &[String], call: &Call, body: &mut Value) -> Result<(), StatusCode> {
        let enrich = stream.enrich.as_ref().ok_or(StatusCode::NOT_FOUND)?;
        let load = self.load.read().unwrap_or_else(PoisonError::into_inner);
        let load = load.as_ref().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
        let mut items = Vec::new();
        for index in self.named(holes, call) {
            let Some(record) = load.record(index) else { continue };
            let Some(mut item) = record.get(&enrich.as_field).cloned() else { continue };
            if let Some(id) = enrich.by.first(&record) {
                put(&mut item, &place_of(&enrich.id), id.clone());
            }
            items.push(item);
        }
        at(body, enrich.records.as_deref(), Value::Array(items));
        Ok(())
    }

    /// What was written under a number that the call names.
    fn remembered(&self, connection: &str, stream: Option<&str>, holes: &[String], call: &Call) -> Vec<Value> {
        let named = self.named(holes, call);
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let written = named.iter().filter_map(|index| objects.get(&(connection.to_owned(), *index))).flatten();
        let written = written.filter(|object| stream.is_none_or(|stream| object.stream == stream));
        written
            .map(|object| {
                let mut body = object.body.clone();
                put(&mut body, &[Seg::Name("id".to_owned())], json!(object.id));
                body
            })
            .collect()
    }

    fn look_up(&self, connection: &str, stream: &Stream, holes: &[String], call: &Call, body: &mut Value) {
        let Some(Write::Http(write)) = &stream.write else { return };
        for operation in &write.operations {
            if let Idempotency::Lookup { found, id, .. } = &operation.idempotency {
                let mut candidates = self.remembered(connection, Some(&stream.name), holes, call);
                for candidate in &mut candidates {
                    let own = candidate.get("id").cloned().unwrap_or(Value::Null);
                    put(candidate, &place_of(id), own);
                }
                at(body, found.as_deref(), Value::Array(candidates));
            }
        }
    }

    /// What a write asks for first: something that was written here, or, where nothing of the kind ever is, something that
    /// will do.
    fn step(
        &self,
        connection: &str,
        stream: &Stream,
        op: OpKind,
        name: &str,
        (holes, call): (&[String], &Call),
        body: &mut Value,
    ) -> Result<(), StatusCode> {
        let Some(step) =
            operation(stream, op).and_then(|operation| operation.steps.iter().find(|step| *step.name == name))
        else {
            return Err(StatusCode::NOT_FOUND);
        };
        let record = self.remembered(connection, None, holes, call).into_iter().next();
        let record = match record {
            Some(record) => record,
            // The call names a record that has to come from elsewhere, and it has not come yet.
            None if self.awaits(connection, holes, call) => {
                let list = step.record.as_deref().map(without_index);
                at(body, list.as_ref(), json!([]));
                return Ok(());
            }
            None => invented(step, self.ids.fetch_add(1, Ordering::Relaxed)),
        };
        at(body, step.record.as_deref(), record);
        Ok(())
    }

    fn write(
        &self,
        connection: &str,
        vendor: &Vendor,
        stream: &Stream,
        op: OpKind,
        (holes, call): (&[String], &Call),
        body: &mut Value,
    ) -> Result<(), StatusCode> {
        let operation = operation(stream, op).ok_or(StatusCode::NOT_FOUND)?;
        let book = self.book.read().unwrap_or_else(PoisonError::into_inner);
        let book = book.as_ref().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
        // The path may be all that names the record.
        let mut said = call.body.to_vec();
        for text in holes {
            said.push(b' ');
            said.extend_from_slice(text.as_bytes());
        }
        book.arrived(connection, &stream.name, &said);
        let addressed = holes.first().and_then(|hole| hole.parse::<u64>().ok()).filter(|_| op == OpKind::Update);
        let id = addressed.unwrap_or_else(|| self.ids.fetch_add(1, Ordering::Relaxed));
        if vendor.remembers {
            let written: Value = serde_json::from_slice(&call.body).unwrap_or(Value::Null);
            let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
            for index in book.tokens().found_in(&said) {
                let known = objects.entry((connection.to_owned(), index)).or_default();
                known.retain(|object| object.stream != *stream.name);
                known.push(Object { stream: stream.name.value.clone(), id, body: written.clone() });
            }
        }
        respond(stream, operation, id, body);
        let status = [200_u16, 201, 202, 204].into_iter().find(|status| operation.accepts.contains(*status));
        match status.and_then(|status| StatusCode::from_u16(status).ok()) {
            Some(StatusCode::OK) | None => Ok(()),
            Some(other) => Err(other),
        }
    }
}

fn operation(stream: &Stream, op: OpKind) -> Option<&Operation> {
    match &stream.write {
        Some(Write::Http(write)) => write.operation(op),
        Some(Write::File(_)) | None => None,
    }
}

/// Puts what the manifest reads from the answer where it reads it.
fn respond(stream: &Stream, operation: &Operation, id: u64, body: &mut Value) {
    let mut say = |template: &str, value: Value| {
        for (_, place) in plain_holes(template).into_iter().filter(|(root, _)| root == "body") {
            put(body, &place, value.clone());
        }
    };
    if let Some(template) = &operation.response.id {
        say(template.as_str(), json!(id));
    }
    if let Some(template) = &operation.response.version {
        say(template.as_str(), version(stream.version.kind));
    }
}

fn version(kind: VersionKind) -> Value {
    let now = Timestamp::now();
    match kind {
        VersionKind::Timestamp | VersionKind::None => json!(now.to_string()),
        VersionKind::Unix => json!(now.as_second()),
        VersionKind::Sequence => json!(now.as_microsecond()),
    }
}

/// A record for a step that asks for something nobody writes: an id, and for its condition the first word that fulfils it.
fn invented(step: &Step, id: u64) -> Value {
    let plain = json!({ "id": id });
    let Some(expect) = &step.expect else { return plain };
    let source = expect.source();
    let member = format!("steps.{}.", *step.name);
    let members = source.match_indices(&member).map(|(found, _)| {
        let rest = &source[found + member.len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        rest[..end].to_owned()
    });
    let words: Vec<&str> = source.split('"').skip(1).step_by(2).collect();
    for name in members {
        for word in &words {
            let mut record = plain.clone();
            put(&mut record, &[Seg::Name(name.clone())], json!(word));
            let mut named = Map::new();
            named.insert(step.name.value.clone(), record.clone());
            let steps = Value::Object(named);
            if expect.eval_bool(&Scope::new().with("steps", &steps)).unwrap_or(false) {
                return record;
            }
        }
    }
    plain
}

/// `items` of `items[0]`.
fn without_index(path: &Path) -> Path {
    let text = path.as_str();
    let list = text.split('[').next().unwrap_or(text);
    Path::parse(list).unwrap_or_else(|_| path.clone())
}

fn at(body: &mut Value, path: Option<&Path>, value: Value) {
    match path {
        Some(path) => put(body, &place_of(path), value),
        None => *body = value,
    }
}

fn answer(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let text = if status == StatusCode::NO_CONTENT { String::new() } else { body.to_string() };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
