//! Receives webhooks: cap, prove, make durable, answer; not here: signatures (connector), what a payload means (process).
//!
//! The address is `/hooks/{connection}/{token}`. An unknown connection, a wrong token and a false signature get the same
//! answer, so that nobody learns which of them was right.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use futures::future::BoxFuture;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::appender::Appender;
use crate::model::clock::Clock;
use crate::store::{NewInbox, SourceKind, StoreError};

/// A webhook that proved its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    pub topic: String,
    /// Unique per event within the connection.
    pub dedupe_key: String,
}

/// How a connection judges a request to its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Proven(Proven),
    /// A vendor's test call: answered, not stored.
    Ping {
        status: u16,
        /// What the answer repeats, as plain text.
        echo: String,
    },
    /// Not proven; `label` is for metrics, `reason` for the log.
    Refused {
        label: &'static str,
        reason: String,
    },
}

/// The receiving side of a connection.
pub trait WebhookSource: Send + Sync + 'static {
    /// The unguessable part of the address.
    fn token(&self) -> &str;
    /// What must be fetched before a delivery with these headers can be judged; nothing, for nearly all.
    fn preparation(&self, _headers: &HeaderMap) -> Option<BoxFuture<'_, ()>> {
        None
    }
    /// `path` with the query, both as received.
    fn judge(&self, path: &str, headers: &HeaderMap, body: &[u8], now_us: i64) -> Verdict;
}

/// All connections that receive webhooks, as configured now.
pub trait WebhookSources: Send + Sync + 'static {
    fn source(&self, connection: &str) -> Option<Arc<dyn WebhookSource>>;
}

/// What the webhook routes share.
#[derive(Clone)]
pub struct WebhookIntake {
    pub sources: Arc<dyn WebhookSources>,
    pub appender: Appender,
    pub clock: Clock,
    /// Larger bodies are refused with 413.
    pub body_cap: usize,
    /// A body that has not arrived by then is given up.
    pub body_timeout: Duration,
    /// Set while the inbox is too full or the disk too small: everything is told to come again.
    pub overload: Arc<AtomicBool>,
}

/// A vendor gives up after 5 s at best; a store that is slower than this is too slow, and the vendor shall come again.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(4);
/// For what a delivery needs before it can be judged.
const PREPARATION_TIMEOUT: Duration = Duration::from_secs(3);
/// Headers kept with a payload: enough for any vendor, bounded.
const HEADERS_KEPT: usize = 40;
const HEADER_VALUE_KEPT: usize = 512;

pub fn webhook_router(intake: WebhookIntake) -> Router {
    Router::new().route("/hooks/{connection}/{token}", post(receive)).with_state(intake)
}

async fn receive(
    State(intake): State<WebhookIntake>,
    Path((connection, token)): Path<(String, String)>,
    peer: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let started = tokio::time::Instant::now();
    if intake.overload.load(Ordering::Relaxed) {
        let error = StoreError::Refused("the hub takes nothing more until there is room again".to_owned());
        return unavailable(&connection, &error);
    }
    let body = match read_body(body, intake.body_cap, intake.body_timeout).await {
        Ok(body) => body,
        Err(unread) => {
            let (label, reason) = unread.told(intake.body_cap);
            refused(&connection, label, &reason, peer);
            return (unread.status(), format!("{reason}\n")).into_response();
        }
    };
    let Some(source) = intake.sources.source(&connection).filter(|source| same(source.token(), &token)) else {
        refused(&connection, "unknown_address", "no such connection, or the token in the path is wrong", peer);
        return unauthorized();
    };
    if let Some(preparation) = source.preparation(&headers) {
        // A vendor that cannot be asked in time is judged without; it will come again.
        let _ = tokio::time::timeout(PREPARATION_TIMEOUT, preparation).await;
    }
    let now = intake.clock.now_us();
    let address = uri.path_and_query().map_or("", |address| address.as_str());
    let proven = match source.judge(address, &headers, &body, now) {
        Verdict::Proven(proven) => proven,
        Verdict::Ping { status, echo } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            return (status, [(header::X_CONTENT_TYPE_OPTIONS, "nosniff")], echo).into_response();
        }
        Verdict::Refused { label, reason } => {
            refused(&connection, label, &reason, peer);
            return unauthorized();
        }
    };
    let row = NewInbox {
        connection: connection.clone(),
        stream: String::new(),
        source: SourceKind::Webhook,
        dedupe_key: proven.dedupe_key,
        topic: proven.topic,
        headers: kept_headers(&headers),
        place: String::new(),
        payload: body.to_vec(),
        received_at: now,
    };
    match tokio::time::timeout(COMMIT_TIMEOUT, intake.appender.append(row)).await {
        Ok(Ok(appended)) => {
            metrics::histogram!("syncline_ack_seconds").record(started.elapsed().as_secs_f64());
            let outcome = if appended.duplicate { "duplicate" } else { "accepted" };
            metrics::counter!("syncline_webhooks_total", "connection" => connection, "outcome" => outcome).increment(1);
            StatusCode::OK.into_response()
        }
        Ok(Err(error)) => unavailable(&connection, &error),
        Err(_) => unavailable(&connection, &StoreError::Refused("the store did not commit in time".to_owned())),
    }
}

/// Why a body was not read to its end.
enum Unread {
    TooLarge,
    Broken,
    Slow,
}

impl Unread {
    fn status(&self) -> StatusCode {
        match self {
            Unread::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Unread::Broken => StatusCode::BAD_REQUEST,
            Unread::Slow => StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// A word to count by, and the sentence for both sides.
    fn told(&self, cap: usize) -> (&'static str, String) {
        match self {
            Unread::TooLarge => ("too_large", format!("larger than {cap} bytes (`hub.limits.webhook_body`)")),
            Unread::Broken => ("broken_off", "the body ended early".to_owned()),
            Unread::Slow => ("slow", "the body did not arrive in time".to_owned()),
        }
    }
}

async fn read_body(body: Body, cap: usize, patience: Duration) -> Result<Bytes, Unread> {
    match tokio::time::timeout(patience, Limited::new(body, cap).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => Err(Unread::TooLarge),
        Ok(Err(_)) => Err(Unread::Broken),
        Err(_) => Err(Unread::Slow),
    }
}

fn same(expected: &str, given: &str) -> bool {
    use subtle::ConstantTimeEq as _;
    expected.len() == given.len() && bool::from(expected.as_bytes().ct_eq(given.as_bytes()))
}

fn refused(
    connection: &str,
    label: &'static str,
    reason: &str,
    peer: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
) {
    let peer = peer.map_or_else(|| "?".to_owned(), |axum::Extension(ConnectInfo(peer))| peer.ip().to_string());
    metrics::counter!("syncline_webhooks_refused_total", "reason" => label).increment(1);
    tracing::warn!(connection = %connection.escape_debug(), label, reason, peer, "webhook refused");
}

fn unauthorized() -> Response {
    (StatusCode::UNAUTHORIZED, "not accepted\n").into_response()
}

fn unavailable(connection: &str, error: &StoreError) -> Response {
    tracing::error!(connection, %error, "webhook not stored; the vendor is told to come again");
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], "not stored, come again\n").into_response()
}

/// The headers that manifests may refer to later: no credentials, no signatures, bounded.
fn kept_headers(headers: &HeaderMap) -> String {
    let kept: BTreeMap<&str, &str> = headers
        .iter()
        .filter(|(name, _)| {
            let name = name.as_str();
            !matches!(name, "authorization" | "cookie" | "host" | "content-length" | "user-agent" | "accept")
                && !name.contains("signature")
                && !name.contains("hmac")
                && !name.contains("token")
        })
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .filter(|(_, value)| value.len() <= HEADER_VALUE_KEPT)
        .take(HEADERS_KEPT)
        .collect();
    serde_json::to_string(&kept).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn label(body: Body) -> Option<(&'static str, StatusCode)> {
        let read = read_body(body, 4, Duration::from_millis(20)).await;
        read.err().map(|unread| (unread.told(4).0, unread.status()))
    }

    #[tokio::test]
    async fn a_body_that_is_not_read_is_told_why() {
        assert_eq!(label(Body::from("1234")).await, None);
        assert_eq!(label(Body::from("12345")).await, Some(("too_large", StatusCode::PAYLOAD_TOO_LARGE)));
        let broken = futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("reset"))]);
        assert_eq!(label(Body::from_stream(broken)).await, Some(("broken_off", StatusCode::BAD_REQUEST)));
        let slow = futures::stream::pending::<Result<Bytes, std::io::Error>>();
        assert_eq!(label(Body::from_stream(slow)).await, Some(("slow", StatusCode::REQUEST_TIMEOUT)));
    }
}
