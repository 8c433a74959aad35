//! The audit trail's chain: each entry's hash covers the one before it; pure. Not here: storage.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// One entry of the audit trail.
#[derive(Clone, Debug, Serialize)]
pub struct AuditEntry {
    pub seq: i64,
    pub at: i64,
    pub actor: String,
    pub action: String,
    pub target: String,
    pub detail: String,
    pub prev_hash: String,
    pub hash: String,
}

/// Hash of an entry: SHA-256 over its fields, each preceded by its length, so that no two entries share an encoding.
pub fn chain_hash(prev_hash: &str, seq: i64, at: i64, actor: &str, action: &str, target: &str, detail: &str) -> String {
    let mut hasher = Sha256::new();
    for field in [prev_hash, &seq.to_string(), &at.to_string(), actor, action, target, detail] {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field.as_bytes());
    }
    hex::encode(hasher.finalize())
}

impl AuditEntry {
    /// Whether this entry follows `prev_hash` and is as it was written.
    pub fn holds(&self, prev_hash: &str) -> bool {
        self.prev_hash == prev_hash
            && self.hash
                == chain_hash(prev_hash, self.seq, self.at, &self.actor, &self.action, &self.target, &self.detail)
    }
}
