//! The contract of one call to a vendor: what is asked, what comes back, and what is known when it fails.
//!
//! Not here: how the call is made (`http`), when it is repeated (the job table), what a record means (`mapping`).

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::connector::manifest::Fetch;
use crate::model::ErrorClass;
use crate::model::Version;

/// The outcome of a call. The error is boxed: it carries everything a person needs, and is rare.
pub type CallResult<T> = Result<T, Box<CallError>>;

/// A call that failed. `class` alone decides what happens next; the rest is for people and for look-ups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    pub class: ErrorClass,
    /// The connection's id.
    pub system: String,
    /// Method and path, secrets in the query masked.
    pub what: String,
    /// The status of the vendor's answer, when there was one.
    pub status: Option<u16>,
    /// The cause in one sentence.
    pub message: String,
    /// What somebody can do about it.
    pub next_step: String,
    /// How long the vendor asked us to wait; capped at 24 hours.
    pub retry_after: Option<Duration>,
    /// Whether bytes of the request may have reached the vendor. `false` proves that nothing happened there.
    pub sent: bool,
    /// The head of the request body: secrets masked, control characters escaped, at most 1 KiB.
    pub request_excerpt: String,
    /// The head of the answer's body, in the same form.
    pub response_excerpt: String,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: ", self.system, self.what)?;
        if let Some(status) = self.status {
            write!(f, "status {status}: ")?;
        }
        write!(f, "{} ({})", self.message, self.class)?;
        if let Some(wait) = self.retry_after {
            write!(f, "; the vendor asks for {} s of patience", wait.as_secs())?;
        }
        if self.next_step.is_empty() { Ok(()) } else { write!(f, "; {}", self.next_step) }
    }
}

impl std::error::Error for CallError {}

/// Where the next page begins. Opaque to everybody but the connection that issued it; may be stored and used after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageToken(pub String);

/// One page of a walk over a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub records: Vec<Value>,
    /// Where each record is an event with an id of its own (a row of an outbox): the ids, in the records' order; else empty.
    pub ids: Vec<String>,
    /// Records that the page only named, read by their keys.
    pub fetched: Vec<Fetched>,
    /// `None` at the end of the walk.
    pub next: Option<PageToken>,
    /// The vendor's clock when it answered (its `Date` header).
    pub server_time: Option<Timestamp>,
    /// The cursor to store together with this page's rows: set on the last page only, so that a walk that
    /// is interrupted starts again where it began.
    pub cursor: Option<String>,
}

/// One record that was read on purpose.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    pub key: String,
    /// By our clock, before the question was put.
    pub asked_at: Timestamp,
    /// `None`: the vendor has none.
    pub record: Option<Value>,
}

/// What a write left behind at the vendor.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    pub remote_id: Option<String>,
    pub remote_version: Option<Version>,
    /// Of the HTTP answer, where the write was a call.
    pub status: Option<u16>,
    /// The vendor's answer, or what was done where there was no vendor to answer.
    pub response_excerpt: String,
}

/// The answer to "do you have it?".
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    Found { remote_id: String, body: Value },
    Absent,
}

/// What a write knows besides its body.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WriteContext {
    /// The canonical key of the record; templates do not see it.
    pub key: String,
    /// The key by which the vendor's side can find the record without our id of it.
    pub natural_key: String,
    /// The vendor's id when the record is already bound: `{key}` in templates.
    pub remote_id: Option<String>,
    /// The same text for every attempt of one effect.
    pub idempotency_key: String,
    /// The vendor's ids of records this one refers to.
    pub refs: Value,
    /// The record in the vendor's shape, mapped out: `{record}` in templates.
    pub record: Value,
    /// What happened, for sinks that pass events on: `{event.id}`, `{event.type}`, ...
    pub event: Value,
}

/// What a connection check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// What was asked of the vendor; empty when the manifest describes no check.
    pub what: String,
    /// 0 where answers have no status.
    pub status: u16,
    pub latency: Duration,
    /// The vendor's clock minus ours, in seconds: beyond a few minutes, signed webhooks will look stale.
    pub clock_skew_s: Option<i64>,
    /// Whom we are talking to, in the vendor's words.
    pub shows: Option<String>,
    /// What deserves attention although the check passed.
    pub warnings: Vec<String>,
}

/// What one delivery, or one polled record, says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Interpreted {
    pub topics: Vec<String>,
    /// In the order of the payload. One that cannot be read does not hold up the others.
    pub incoming: Vec<Result<Incoming, InterpretError>>,
    /// Events that no stream wants: a topic that none names, or a condition that does not hold.
    pub ignored: usize,
}

/// What is known of a delivery before its body is looked into.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label {
    pub topic: String,
    /// The vendor's id of the event, or the hash of its body where it gives none: what makes a second delivery a duplicate.
    pub dedupe_key: String,
    /// A bare "look again", with no id of its own: it says the same each time, so a second one is no duplicate of the first.
    pub is_hint: bool,
}

/// The answer to a test message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pong {
    pub status: u16,
    /// Plain text; often empty.
    pub echo: String,
}

/// One change at the vendor.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    pub stream: String,
    pub op: IncomingOp,
    pub key: String,
    pub version: Option<Version>,
    /// The vendor's clock.
    pub occurred_at: Option<Timestamp>,
    /// Whether the record must be read again before it is believed.
    pub fetch: Fetch,
    pub payload: Value,
}

/// What happened to the record at the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncomingOp {
    Upsert,
    Delete,
}

/// A subscription at the vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub topics: Vec<String>,
    pub url: String,
    pub id: Option<String>,
    /// Whether it still brings anything.
    pub active: bool,
    /// `None`: it does not end by itself.
    pub ends: Option<jiff::Timestamp>,
}

/// What was put right, by topics as the vendor names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscribed {
    pub restored: Vec<String>,
    pub renewed: Vec<String>,
}

/// A genuine payload whose content cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InterpretError {
    #[error("{reason}")]
    Unreadable { reason: String },
    #[error("event {index}: its topic cannot be told: {reason}")]
    Topic { index: usize, reason: String },
    #[error("stream `{stream}`, record {index}: {what} cannot be read: {reason}")]
    Field {
        stream: String,
        /// Which record, where that much could be read.
        key: Option<String>,
        index: usize,
        what: &'static str,
        reason: String,
    },
    #[error("stream `{stream}`: there is no record at `{path}`")]
    Record { stream: String, path: String },
    #[error("the connector has no stream `{stream}`")]
    Stream { stream: String },
}

impl InterpretError {
    pub fn stream(&self) -> Option<&str> {
        match self {
            InterpretError::Unreadable { .. } | InterpretError::Topic { .. } => None,
            InterpretError::Field { stream, .. }
            | InterpretError::Record { stream, .. }
            | InterpretError::Stream { stream } => Some(stream),
        }
    }

    pub fn key(&self) -> Option<&str> {
        match self {
            InterpretError::Field { key, .. } => key.as_deref(),
            InterpretError::Unreadable { .. }
            | InterpretError::Topic { .. }
            | InterpretError::Record { .. }
            | InterpretError::Stream { .. } => None,
        }
    }
}
