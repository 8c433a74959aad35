//! Retention, and what a backup takes along beside the store; not here: when, and for how long things are kept.

use std::sync::Arc;

use super::words::words;

/// In this order: what is removed later is referred to by what is removed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurgeStage {
    Jobs,
    Events,
    Payloads,
}
words!(PurgeStage { Jobs => "jobs", Events => "events", Payloads => "payloads" });

/// One batch of retention.
#[derive(Clone, Debug)]
pub struct Purge {
    pub stage: PurgeStage,
    /// Only rows with a larger id are looked at.
    pub after: i64,
    /// What was closed before is removed.
    pub before: i64,
    /// Payloads received before are forgotten altogether, so that a repeat would be new.
    pub forget_before: i64,
    pub now: i64,
    /// Rows looked at, and so removed, at most.
    pub limit: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    pub removed: u64,
    /// Payloads emptied whose row stays.
    pub emptied: u64,
    /// Where to go on.
    pub after: i64,
    /// Whether older rows may follow; if not, later rows are too young.
    pub more: bool,
}

/// A file beside the store that a backup takes along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFile {
    /// Below the hub's data directory, with slashes.
    pub name: String,
    pub path: std::path::PathBuf,
    /// Its name tells what it holds: it goes in beside others that lie there already.
    pub by_content: bool,
}

/// Lists them at the moment it is called. May block.
pub type OwnFiles = Arc<dyn Fn() -> std::io::Result<Vec<KeptFile>> + Send + Sync>;

/// What a restore has put in place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Where the store lies that was there before.
    pub former: Option<std::path::PathBuf>,
    /// Files beside the store that were missing and are there now.
    pub files: Vec<String>,
}
