//! Payloads as received, where each came from and what became of it, and how far a stream was read; not here: what is in them.

use serde::{Deserialize, Serialize};

use super::words::words;

/// How a payload reached the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    Webhook,
    Poll,
    File,
    /// Read on purpose: a tie, a thin webhook, a person.
    Fetch,
    /// Cut out of a payload that carried several records.
    Split,
}
words!(SourceKind { Webhook => "webhook", Poll => "poll", File => "file", Fetch => "fetch", Split => "split" });

/// Where a received payload stands in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Disposition {
    Pending,
    Applied,
    Superseded,
    Ignored,
    Dead,
    /// Carried several records, each of which is now a payload of its own; not counted itself.
    Split,
}
words!(Disposition { Pending => "pending", Applied => "applied", Superseded => "superseded", Ignored => "ignored", Dead => "dead", Split => "split" });

/// A payload to be appended.
#[derive(Clone, Debug)]
pub struct NewInbox {
    pub connection: String,
    /// Empty for a webhook whose topic has not been interpreted yet.
    pub stream: String,
    pub source: SourceKind,
    pub dedupe_key: String,
    pub topic: String,
    /// What came around the payload, as a JSON object: a webhook's headers without credentials and signatures; a file's
    /// `header` record and its `file` name and numbers. Else empty.
    pub headers: String,
    pub place: String,
    pub payload: Vec<u8>,
    pub received_at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub id: i64,
    pub duplicate: bool,
}

#[derive(Clone, Debug)]
pub struct InboxRow {
    pub id: i64,
    pub connection: String,
    pub stream: String,
    pub source: SourceKind,
    pub topic: String,
    pub headers: String,
    pub place: String,
    pub payload: Vec<u8>,
    pub received_at: i64,
    /// What brought it together with others, if anything did: a file, a walk through a list.
    pub batch: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct CursorMove {
    pub connection: String,
    pub stream: String,
    pub value: String,
    pub at: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct CursorRow {
    pub connection: String,
    pub stream: String,
    pub value: String,
    pub moved_at: i64,
}
