//! What was written under which idempotency key: a small file per batch, in the hub's own directory; not here: the batches.
//!
//! `<number>.open.json` until the batch is published and announced, then `<number>.json`. Kept for 30 days; the index in
//! memory covers the newest million keys.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long a repeated delivery can still be recognised.
const KEPT_US: i64 = 30 * 24 * 3_600 * 1_000_000;
/// Keys in memory: about 35 MB at most.
const KEYS_MAX: usize = 1_000_000;

/// One batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    /// Grows by one per batch, for ever.
    pub sequence: u64,
    /// The batch's time as its name has it: grows as well, even if the clock is set back.
    pub time_ms: i64,
    pub name: String,
    pub sha256: String,
    pub size_bytes: u64,
    /// Idempotency keys in the order of rows: the first is row 1.
    pub keys: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum JournalError {
    #[error("{operation} {}: {source}", .path.display())]
    Io { operation: &'static str, path: PathBuf, source: io::Error },
    #[error("the journal {} cannot be read: {cause}", .path.display())]
    Unreadable { path: PathBuf, cause: String },
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    move |source| JournalError::Io { operation, path: path.to_owned(), source }
}

#[derive(Debug)]
pub(super) struct Journals {
    directory: PathBuf,
    /// Fingerprint of a key to the number of its batch.
    index: HashMap<u64, u64>,
    /// Closed batches, oldest first: number, time, how many of their keys are in the index.
    closed: VecDeque<(u64, i64, usize)>,
    pub last_sequence: u64,
    pub last_time_ms: i64,
}

pub(super) const OPEN: &str = ".open.json";
pub(super) const CLOSED: &str = ".json";

impl Journals {
    /// Reads what is there. Open journals come back to be dealt with; they are not indexed yet.
    pub fn open(directory: &Path) -> Result<(Journals, Vec<Journal>), JournalError> {
        std::fs::create_dir_all(directory).map_err(failed("create", directory))?;
        let mut journals = Journals {
            directory: directory.to_owned(),
            index: HashMap::new(),
            closed: VecDeque::new(),
            last_sequence: 0,
            last_time_ms: 0,
        };
        let (mut closed, mut open) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(directory).map_err(failed("list", directory))? {
            let entry = entry.map_err(failed("list", directory))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(OPEN) {
                open.push(entry.path());
            } else if name.ends_with(CLOSED) {
                closed.push(entry.path());
            }
        }
        closed.sort();
        open.sort();
        // From the newest back, until the index is full.
        let mut indexed = VecDeque::new();
        for path in closed.iter().rev() {
            let journal = read(path)?;
            let room = journals.index.len() + journal.keys.len() <= KEYS_MAX;
            if room {
                journals.index.extend(journal.keys.iter().map(|key| (fingerprint(key), journal.sequence)));
            }
            journals.seen(&journal);
            indexed.push_front((journal.sequence, journal.time_ms, if room { journal.keys.len() } else { 0 }));
        }
        journals.closed = indexed;
        let open: Vec<Journal> = open.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
        open.iter().for_each(|journal| journals.seen(journal));
        Ok((journals, open))
    }

    fn seen(&mut self, journal: &Journal) {
        self.last_sequence = self.last_sequence.max(journal.sequence);
        self.last_time_ms = self.last_time_ms.max(journal.time_ms);
    }

    fn path(&self, sequence: u64, ending: &str) -> PathBuf {
        self.directory.join(format!("{sequence:012}{ending}"))
    }

    /// Makes a batch that is about to be published known, durably.
    pub fn begin(&mut self, journal: &Journal) -> Result<(), JournalError> {
        let path = self.path(journal.sequence, OPEN);
        let aside = self.path(journal.sequence, ".new");
        let text = serde_json::to_vec(journal)
            .map_err(|error| JournalError::Unreadable { path: path.clone(), cause: error.to_string() })?;
        let mut file = std::fs::File::create(&aside).map_err(failed("create", &aside))?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed("write", &aside))?;
        std::fs::rename(&aside, &path).map_err(failed("rename", &aside))?;
        self.sync()?;
        self.seen(journal);
        Ok(())
    }

    /// The batch is published and announced: its keys have had their effect.
    pub fn close(&mut self, journal: &Journal) -> Result<(), JournalError> {
        let (open, closed) = (self.path(journal.sequence, OPEN), self.path(journal.sequence, CLOSED));
        std::fs::rename(&open, &closed).map_err(failed("rename", &open))?;
        self.sync()?;
        self.index.extend(journal.keys.iter().map(|key| (fingerprint(key), journal.sequence)));
        self.closed.push_back((journal.sequence, journal.time_ms, journal.keys.len()));
        Ok(())
    }

    /// The batch will never be published.
    pub fn undo(&mut self, journal: &Journal) -> Result<(), JournalError> {
        let open = self.path(journal.sequence, OPEN);
        std::fs::remove_file(&open).map_err(failed("remove", &open))?;
        self.sync()
    }

    /// Without a look at the disk: `false` is certain.
    pub fn may_know(&self, key: &str) -> bool {
        self.index.contains_key(&fingerprint(key))
    }

    /// Name and row under which a key was written.
    pub fn find(&self, key: &str) -> Result<Option<(String, usize)>, JournalError> {
        let Some(sequence) = self.index.get(&fingerprint(key)) else { return Ok(None) };
        let journal = read(&self.path(*sequence, CLOSED))?;
        let row = journal.keys.iter().position(|known| known == key);
        Ok(row.map(|at| (journal.name, at + 1)))
    }

    /// Removes journals older than 30 days and keeps the index within its bounds. The newest journal always stays: numbers
    /// go on from it.
    pub fn prune(&mut self, now_us: i64) -> Result<(), JournalError> {
        while let Some((sequence, time_ms, _)) = self.closed.front().copied()
            && self.closed.len() > 1
            && now_us.saturating_sub(time_ms.saturating_mul(1_000)) > KEPT_US
        {
            let path = self.path(sequence, CLOSED);
            self.leave_index(sequence, &path)?;
            std::fs::remove_file(&path).map_err(failed("remove", &path))?;
            self.closed.pop_front();
        }
        let mut at = 0;
        while self.index.len() > KEYS_MAX && at + 1 < self.closed.len() {
            let (sequence, _, indexed) = self.closed[at];
            if indexed > 0 {
                self.leave_index(sequence, &self.path(sequence, CLOSED))?;
                self.closed[at].2 = 0;
            }
            at += 1;
        }
        Ok(())
    }

    fn leave_index(&mut self, sequence: u64, path: &Path) -> Result<(), JournalError> {
        for key in read(path)?.keys {
            let slot = fingerprint(&key);
            if self.index.get(&slot) == Some(&sequence) {
                self.index.remove(&slot);
            }
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), JournalError> {
        let synced = std::fs::File::open(&self.directory).and_then(|directory| directory.sync_all());
        synced.map_err(failed("sync", &self.directory))
    }
}

fn read(path: &Path) -> Result<Journal, JournalError> {
    let text = std::fs::read(path).map_err(failed("read", path))?;
    serde_json::from_slice(&text)
        .map_err(|error| JournalError::Unreadable { path: path.to_owned(), cause: error.to_string() })
}

fn fingerprint(key: &str) -> u64 {
    let digest = Sha256::digest(key.as_bytes());
    digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn journal(sequence: u64, time_ms: i64) -> Journal {
        let keys = vec![format!("key-{sequence}-1"), format!("key-{sequence}-2")];
        Journal { sequence, time_ms, name: format!("batch_{sequence}"), sha256: String::new(), size_bytes: 0, keys }
    }

    #[test]
    fn keys_are_found_until_they_are_pruned_and_numbers_go_on() {
        let place = tempfile::tempdir().unwrap();
        let (mut journals, open) = Journals::open(place.path()).unwrap();
        assert!(open.is_empty());
        for number in 1..=3 {
            let batch = journal(number, i64::try_from(number).unwrap() * 1_000);
            journals.begin(&batch).unwrap();
            assert!(!journals.may_know(&batch.keys[0]), "not before it is closed");
            journals.close(&batch).unwrap();
        }
        assert_eq!(journals.find("key-2-2").unwrap(), Some(("batch_2".to_owned(), 2)));
        assert_eq!(journals.find("key-4-1").unwrap(), None);

        let (mut journals, _) = Journals::open(place.path()).unwrap();
        assert_eq!((journals.last_sequence, journals.last_time_ms), (3, 3_000));
        assert_eq!(journals.find("key-1-1").unwrap(), Some(("batch_1".to_owned(), 1)));
        journals.prune(KEPT_US + 2_500_000).unwrap();
        assert_eq!(journals.find("key-2-1").unwrap(), None);
        assert_eq!(journals.find("key-3-1").unwrap(), Some(("batch_3".to_owned(), 1)));
        journals.prune(i64::MAX).unwrap();
        let (journals, _) = Journals::open(place.path()).unwrap();
        assert_eq!(journals.last_sequence, 3, "the newest stays");
    }

    #[test]
    fn an_open_journal_comes_back() {
        let place = tempfile::tempdir().unwrap();
        let (mut journals, _) = Journals::open(place.path()).unwrap();
        journals.begin(&journal(7, 70)).unwrap();
        let (mut journals, open) = Journals::open(place.path()).unwrap();
        assert_eq!(open, [journal(7, 70)]);
        journals.undo(&open[0]).unwrap();
        assert!(Journals::open(place.path()).unwrap().1.is_empty());
    }

    #[test]
    fn a_damaged_journal_is_named() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("000000000001.json"), "{").unwrap();
        let error = Journals::open(place.path()).unwrap_err();
        assert!(error.to_string().contains("000000000001.json"), "{error}");
    }
}
