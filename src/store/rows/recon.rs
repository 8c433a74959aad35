//! Kept runs of reconciliations and the chained events about them; not here: what the events mean (`finance::workflow`).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A run to be kept. Its id is the store's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    pub reconciliation: String,
    /// Days; empty for everything that the statements hold.
    pub period: [String; 2],
    pub as_of: String,
    pub rules: String,
    /// The definition's text.
    pub definition: String,
    pub status: String,
    /// The document's canonical JSON; the store keeps its hash.
    pub body: Vec<u8>,
    pub started_at: i64,
    pub ended_at: i64,
    pub actor: String,
}

/// A kept run without its document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    pub id: i64,
    pub reconciliation: String,
    pub period: [String; 2],
    pub as_of: String,
    pub rules: String,
    pub definition: String,
    pub status: String,
    pub sha256: String,
    pub bytes: i64,
    pub started_at: i64,
    pub ended_at: i64,
    pub actor: String,
}

/// Something that happened to a reconciliation, a run or a break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReconEvent {
    pub at: i64,
    pub actor: String,
    pub kind: String,
    pub reconciliation: String,
    pub run: Option<i64>,
    /// The break's id; empty where it is about a run.
    pub item: String,
    /// JSON.
    pub detail: String,
}

/// A kept event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconEvent {
    pub seq: i64,
    pub at: i64,
    pub actor: String,
    pub kind: String,
    pub reconciliation: String,
    pub run: Option<i64>,
    pub item: String,
    pub detail: String,
    pub prev_hash: String,
    pub hash: String,
}

impl ReconEvent {
    /// The event as it follows `prev_hash`: SHA-256 over its fields, each preceded by its length.
    pub fn chained(event: NewReconEvent, seq: i64, prev_hash: String) -> ReconEvent {
        let NewReconEvent { at, actor, kind, reconciliation, run, item, detail } = event;
        let mut kept =
            ReconEvent { seq, at, actor, kind, reconciliation, run, item, detail, prev_hash, hash: String::new() };
        kept.hash = kept.computed();
        kept
    }

    /// Whether this event follows `prev_hash` and is as it was written.
    pub fn holds(&self, prev_hash: &str) -> bool {
        self.prev_hash == prev_hash && self.hash == self.computed()
    }

    fn computed(&self) -> String {
        let run = self.run.map(|run| run.to_string()).unwrap_or_default();
        let (seq, at) = (self.seq.to_string(), self.at.to_string());
        let fields =
            [&self.prev_hash, &seq, &at, &self.actor, &self.kind, &self.reconciliation, &run, &self.item, &self.detail];
        let mut hasher = Sha256::new();
        for field in fields {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field.as_bytes());
        }
        hex::encode(hasher.finalize())
    }
}

/// Kind of the event that a kept run leaves; its `run` is the run's id, its detail names the document's hash as `sha256`.
pub const RUN_KEPT: &str = "run kept";
