//! The stand-in for all vendors: one server on this machine for every connection that makes calls, told apart by the path.
//!
//! Not here: the answers (`answers`), which record an arrival is (`book`), misbehaviour (`sandbox`).

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
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::connector::manifest::Manifest;

use super::book::Book;
use super::load::Load;
use super::routes::{Purpose, Route};

const LARGEST_BODY: usize = 8 << 20;
/// Ids that no record's number is: fewer digits.
const FIRST_ID: u64 = 1_000_001;

pub(super) struct Vendor {
    pub(super) manifest: Arc<Manifest>,
    pub(super) routes: Vec<Route>,
    /// Look-ups and steps ask for what was written.
    pub(super) remembers: bool,
    pub(super) calls: AtomicU64,
    pub(super) unknown: AtomicU64,
}

/// Something that was written.
pub(super) struct Object {
    pub(super) stream: String,
    pub(super) id: u64,
    pub(super) body: Value,
}

pub(super) struct StandIn {
    pub(super) address: SocketAddr,
    pub(super) vendors: RwLock<BTreeMap<String, Vendor>>,
    /// What drives; set before the first record.
    pub(super) load: RwLock<Option<Arc<Load>>>,
    pub(super) book: RwLock<Option<Arc<Book>>>,
    pub(super) objects: Mutex<HashMap<(String, u64), Vec<Object>>>,
    /// How many records of a polled source the hub has been given.
    pub(super) listed: Mutex<BTreeMap<usize, u64>>,
    pub(super) ids: AtomicU64,
    pub(super) first_unknown: Mutex<Option<String>>,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
}

pub(super) struct Call {
    pub(super) method: String,
    /// Below the connection's address.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Bytes,
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
}

fn answer(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let text = if status == StatusCode::NO_CONTENT { String::new() } else { body.to_string() };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
