//! Records by the stream's own keys, over all files of a side: what comes again is counted once and told, what contradicts itself
//! stops the side.
//!
//! Not here: rows that differ and mean the same (that is matching).

use std::collections::{BTreeMap, HashMap};

use twox_hash::XxHash3_128;

use crate::finance::written::Parts;

/// Where a record was seen, and what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    source: usize,
    row: u64,
    content: u128,
}

/// All records so far; those of the file that is being read count when it is complete.
#[derive(Default)]
pub(super) struct Identities {
    known: HashMap<u128, Seen>,
    staged: HashMap<u128, Seen>,
    again: BTreeMap<usize, u64>,
}

/// What a record is, seen from those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    New,
    /// Another file has it, with the same content.
    Again,
    /// The same key stands in this very file, at this row.
    Twice {
        row: u64,
    },
    /// Another file says something else about it.
    Contradicts {
        source: usize,
        row: u64,
    },
}

impl Identities {
    pub fn judge(&mut self, key: &str, source: usize, row: u64, rows: &[Parts]) -> Verdict {
        let key = XxHash3_128::oneshot(key.as_bytes());
        let seen = Seen { source, row, content: XxHash3_128::oneshot(format!("{rows:?}").as_bytes()) };
        if let Some(before) = self.staged.get(&key) {
            return Verdict::Twice { row: before.row };
        }
        match self.known.get(&key) {
            None => {
                self.staged.insert(key, seen);
                Verdict::New
            }
            Some(before) if before.content == seen.content => {
                *self.again.entry(before.source).or_default() += 1;
                self.staged.insert(key, *before);
                Verdict::Again
            }
            Some(before) => Verdict::Contradicts { source: before.source, row: before.row },
        }
    }

    /// The file is complete: how many of its records each earlier file had.
    pub fn keep(&mut self) -> BTreeMap<usize, u64> {
        for (key, seen) in self.staged.drain() {
            self.known.entry(key).or_insert(seen);
        }
        std::mem::take(&mut self.again)
    }

    /// The file is refused.
    pub fn forget(&mut self) {
        self.staged.clear();
        self.again.clear();
    }
}
