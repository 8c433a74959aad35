//! Which files were taken and are still on the server, by name, size and time; a small file in the spool.
//!
//! Losing it costs a second download of each. Not here: contents.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::connector::file::drop::{DropError, sync_directory};

/// Size, and the server's time in seconds.
pub(super) type Look = (u64, Option<u32>);

/// Ends as files do that are still being written, so that it is never taken for one of the partner's.
const NAME: &str = ".taken.json.part";
const ASIDE: &str = ".taken.json.new.part";

#[derive(Debug)]
pub(super) struct Ledger {
    folder: PathBuf,
    taken: BTreeMap<String, Look>,
}

impl Ledger {
    pub fn open(folder: &Path) -> Result<Ledger, DropError> {
        let path = folder.join(NAME);
        let taken = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::warn!(file = %path.display(), %error, "the list of files that were taken cannot be read; they are fetched again");
                BTreeMap::new()
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(DropError::io("read", &path)(error)),
        };
        Ok(Ledger { folder: folder.to_owned(), taken })
    }

    pub fn knows(&self, name: &str, look: Look) -> bool {
        self.taken.get(name) == Some(&look)
    }

    pub fn note(&mut self, name: &str, look: Look) -> Result<(), DropError> {
        self.taken.insert(name.to_owned(), look);
        self.write()
    }

    pub fn forget(&mut self, name: &str) -> Result<(), DropError> {
        if self.taken.remove(name).is_some() { self.write() } else { Ok(()) }
    }

    /// Forgets names that are gone from the server.
    pub fn keep(&mut self, present: impl Fn(&str) -> bool) -> Result<(), DropError> {
        let before = self.taken.len();
        self.taken.retain(|name, _| present(name));
        if self.taken.len() == before { Ok(()) } else { self.write() }
    }

    fn write(&self) -> Result<(), DropError> {
        let (path, aside) = (self.folder.join(NAME), self.folder.join(ASIDE));
        let text = serde_json::to_vec(&self.taken).map_err(|error| DropError::Spec(error.to_string()))?;
        let mut file = File::create(&aside).map_err(DropError::io("create", &aside))?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(DropError::io("write", &aside))?;
        std::fs::rename(&aside, &path).map_err(DropError::io("rename", &aside))?;
        sync_directory(&self.folder).map_err(DropError::io("sync", &self.folder))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_known_after_a_restart_until_it_changes_or_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        ledger.note("a.csv", (3, Some(7))).unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        assert!(ledger.knows("a.csv", (3, Some(7))));
        assert!(!ledger.knows("a.csv", (3, Some(8))), "another time is another file");
        assert!(!ledger.knows("a.csv", (4, Some(7))), "another size is another file");
        ledger.keep(|_| false).unwrap();
        assert!(!Ledger::open(folder.path()).unwrap().knows("a.csv", (3, Some(7))));
        std::fs::write(folder.path().join(NAME), "{").unwrap();
        assert!(!Ledger::open(folder.path()).unwrap().knows("a.csv", (3, Some(7))));
    }
}
