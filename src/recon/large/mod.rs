//! Statements larger than memory: rows that simply agree are settled by digests, streamed through partitions on disk; only what
//! differs is read again as rows and goes through the whole engine.
//!
//! The result is the one that the engine would give for all rows at once; tests hold it to that. Not here: what a match is
//! (`matching`, `compare`); this part settles a key only if no rule could see it differently.

mod delimited;
mod digest;
mod reading;
mod run;
mod settle;
mod several;
mod spill;

pub use delimited::{Columns, Delimited, Excluding, FieldColumn, FieldKind, OUTSIDE_THE_PERIOD, sha256};
pub use digest::{Glance, content_hash};
pub use run::{Room, reconcile_large};
pub use several::Several;

use super::row::Entry;

/// A statement that can be read more than once.
pub trait Statement: Sync {
    /// Every row once, in any order, as little of it as agreement needs.
    fn glance(&self, each: &mut dyn FnMut(Glance<'_>) -> Result<(), LargeError>) -> Result<(), LargeError>;

    /// The rows at these positions, which are sorted, in full.
    fn fetch(&self, positions: &[u64], each: &mut dyn FnMut(Entry) -> Result<(), LargeError>)
    -> Result<(), LargeError>;

    /// Every row once, in full, one after the other: for who looks for a few rows by keys that no pass has first.
    fn read(&self, each: &mut dyn FnMut(Entry) -> Result<(), LargeError>) -> Result<(), LargeError>;
}

/// Why a large run has no result.
#[derive(Debug, thiserror::Error)]
pub enum LargeError {
    #[error("{what}: {error}")]
    Io { what: String, error: std::io::Error },
    #[error("{source_name}: {reason}")]
    Source { source_name: String, reason: String },
    #[error(
        "more than {most} rows differ or have no key: the sides do not speak of the same things, or the key is not the right one"
    )]
    TooManyDiffer { most: usize },
    #[error(transparent)]
    Engine(#[from] super::engine::Failure),
}

impl From<super::unit::SumOverflow> for LargeError {
    fn from(overflow: super::unit::SumOverflow) -> LargeError {
        LargeError::Engine(overflow.into())
    }
}
