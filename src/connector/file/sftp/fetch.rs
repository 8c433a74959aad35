//! Complete files from a folder of the server into a local drop folder, where they are worked like all others.
//!
//! A file is here durably before it moves away there. Whatever dies in between, it is fetched a second time at worst, and
//! then recognised by its content. Not here: reading it; when to look.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

use super::client::{Entry, Sftp};
use super::fault::SftpError;
use super::ledger::{Ledger, Look};
use super::outbox::below;
use super::spec::After;
use crate::connector::file::drop::{
    Completeness, DropError, DropSpec, Offer, Scan, Seen, Stability, Waiting, check_name, digest, is_litter,
    rename_new, sort_out, sync_directory,
};

/// Where files go that were taken, below the folder they came from.
pub const ARCHIVE: &str = "archive";
const BUFFER: usize = 64 << 10;
/// Files of one name that may be filed within a second.
const NUMBERS: u32 = 1_000;

/// What one look at the server's folder came to.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Files that are in the spool now.
    pub taken: usize,
    /// Files on the server that are not ready; those behind them must not overtake them.
    pub waiting: Vec<Waiting>,
    /// Left where they are.
    pub refused: Vec<DropError>,
}

/// One stream's folder on a server.
#[derive(Debug)]
pub struct Fetcher {
    server: Arc<Sftp>,
    folder: String,
    /// The stream's own pattern and completeness, for the folder there.
    there: DropSpec,
    inbox: PathBuf,
    largest: u64,
    stability: Stability,
    ledger: Ledger,
}

/// Whether a file is in the spool now.
enum Step {
    Taken,
    /// Not this time, and why.
    Later(&'static str),
    Refused(DropError),
}

/// One of a file and its marker, as it was listed.
struct Wanted<'a> {
    name: &'a str,
    entry: Entry,
}

impl Fetcher {
    /// `there` has the stream's pattern and completeness; `spool` is its local folder, by the same layout as `there`.
    pub fn open(
        server: Arc<Sftp>,
        folder: &str,
        there: DropSpec,
        spool: &Path,
        largest: u64,
    ) -> Result<Fetcher, DropError> {
        std::fs::create_dir_all(spool).map_err(DropError::io("create", spool))?;
        let ledger = Ledger::open(spool)?;
        let (folder, inbox) = (folder.to_owned(), spool.to_owned());
        Ok(Fetcher { server, folder, there, inbox, largest, stability: Stability::default(), ledger })
    }

    /// How the local drop folder tells that a file is complete: what gets its name there is.
    pub fn completeness_here(there: &Completeness) -> Completeness {
        match there {
            Completeness::Marker { name, settle } => Completeness::Marker { name: name.clone(), settle: *settle },
            Completeness::Rename | Completeness::Stable(_) => Completeness::Rename,
        }
    }

    /// Copies what is complete, in reading order. Blocks; asks `stop` between files.
    pub fn fetch(&mut self, at: Instant, stop: impl Fn() -> bool) -> Result<Fetched, DropError> {
        let entries = self.server.list(&self.folder)?;
        let (scan, entries) = self.sort_out(entries, at);
        let mut fetched = Fetched { taken: 0, waiting: scan.waiting, refused: scan.refused };
        self.ledger.keep(|name| entries.contains_key(name))?;
        self.finish(&mut fetched.waiting, &entries)?;
        for offer in scan.ready {
            if stop() {
                break;
            }
            let Some(entry) = entries.get(&offer.name) else { continue };
            if self.server.spec().after == After::Leave && self.ledger.knows(&offer.name, look(entry)) {
                continue;
            }
            match self.take(&offer, &entries)? {
                Step::Taken => fetched.taken += 1,
                Step::Later(reason) => {
                    fetched.waiting.push(Waiting { name: offer.name, reason, waited: Duration::ZERO });
                }
                Step::Refused(error) => fetched.refused.push(error),
            }
        }
        Ok(fetched)
    }

    fn sort_out(&mut self, listed: Vec<Entry>, at: Instant) -> (Scan, HashMap<String, Entry>) {
        let (mut seen, mut entries, mut refused) = (HashMap::new(), HashMap::new(), Vec::new());
        for entry in listed {
            if entry.name == "." || entry.name == ".." || entry.is_dir || is_litter(&entry.name) {
                continue;
            }
            if let Err(error) = check_name(&entry.name) {
                refused.push(error);
                continue;
            }
            if !entry.is_file {
                let path = PathBuf::from(self.server.spec().place(&below(&self.folder, &entry.name)));
                refused.push(DropError::NotAFile { path, kind: "link or special file" });
                continue;
            }
            let modified = entry.modified.map(|s| SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(s)));
            seen.insert(entry.name.clone(), Seen { size_bytes: entry.size_bytes, modified });
            entries.insert(entry.name.clone(), entry);
        }
        (sort_out(&self.there, &seen, refused, &mut self.stability, at), entries)
    }

    /// The file, then its marker, then both away: in this order a marker never announces what is not there.
    fn take(&mut self, offer: &Offer, entries: &HashMap<String, Entry>) -> Result<Step, DropError> {
        let mut parts = Vec::with_capacity(2);
        for name in [Some(&offer.name), offer.marker.as_ref()].into_iter().flatten() {
            let Some(entry) = entries.get(name) else { return Ok(Step::Later("its marker is gone again")) };
            if entry.size_bytes > self.largest {
                return Ok(Step::Refused(self.too_large(name, entry.size_bytes)));
            }
            parts.push(Wanted { name, entry: entry.clone() });
        }
        for part in &parts {
            match self.copy(part)? {
                Step::Taken => {}
                other @ (Step::Later(_) | Step::Refused(_)) => return Ok(other),
            }
        }
        sync_directory(&self.inbox).map_err(DropError::io("sync", &self.inbox))?;
        let Some(file) = parts.first() else { return Ok(Step::Taken) };
        self.ledger.note(file.name, look(&file.entry))?;
        self.put_away(&parts)?;
        tracing::info!(
            server = self.server.spec().server(),
            folder = self.folder,
            file = offer.name,
            "a file was fetched"
        );
        Ok(Step::Taken)
    }

    /// Under its own name once it is whole; one of that name that still waits here is left alone.
    fn copy(&self, part: &Wanted<'_>) -> Result<Step, DropError> {
        let target = self.inbox.join(part.name);
        let waiting = match std::fs::symlink_metadata(&target) {
            Ok(metadata) => Some(metadata.len()),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(DropError::io("inspect", &target)(error)),
        };
        if waiting.is_some_and(|size| size != part.entry.size_bytes) {
            return Ok(Step::Later("another file of its name still waits in the spool"));
        }
        let aside = self.inbox.join(format!(".{}.part", part.name));
        let Some(sha256) = self.download(part, &aside)? else {
            remove_aside(&aside)?;
            return Ok(Step::Later("it changed while it was fetched"));
        };
        if !rename_new(&aside, &target).map_err(DropError::io("rename", &aside))? {
            remove_aside(&aside)?;
            let mut here = File::open(&target).map_err(DropError::io("open", &target))?;
            let (same, _) = digest(&mut here).map_err(DropError::io("read", &target))?;
            if same != sha256 {
                return Ok(Step::Later("another file of its name still waits in the spool"));
            }
        }
        Ok(Step::Taken)
    }

    /// The content's hash; nothing if it is not what was listed.
    fn download(&self, part: &Wanted<'_>, aside: &Path) -> Result<Option<[u8; 32]>, DropError> {
        remove_aside(aside)?;
        let path = below(&self.folder, part.name);
        let Some(mut source) = self.server.open(&path)? else { return Ok(None) };
        let created = OpenOptions::new().write(true).create_new(true).open(aside);
        let mut file = created.map_err(DropError::io("create", aside))?;
        let (mut hash, mut length, mut buffer) = (Sha256::new(), 0_u64, vec![0; BUFFER]);
        loop {
            let count = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.server.failed("reading", &path, error).into()),
            };
            length += count as u64;
            if length > part.entry.size_bytes {
                return Ok(None);
            }
            hash.update(&buffer[..count]);
            file.write_all(&buffer[..count]).map_err(DropError::io("write", aside))?;
        }
        if length != part.entry.size_bytes || !self.is_as_listed(part)? {
            return Ok(None);
        }
        file.sync_all().map_err(DropError::io("sync", aside))?;
        Ok(Some(hash.finalize().into()))
    }

    fn is_as_listed(&self, part: &Wanted<'_>) -> Result<bool, DropError> {
        let now = self.server.look(&below(&self.folder, part.name))?;
        Ok(now.is_some_and(|now| (now.size_bytes, now.modified) == (part.entry.size_bytes, part.entry.modified)))
    }

    /// Markers first: one that stayed would announce the next file of its name before that is complete.
    fn put_away(&mut self, parts: &[Wanted<'_>]) -> Result<(), DropError> {
        let Some(file) = parts.first() else { return Ok(()) };
        match self.server.spec().after {
            After::Leave => return Ok(()),
            After::Archive => parts.iter().rev().try_for_each(|part| self.archive(part))?,
            After::Delete => parts.iter().rev().try_for_each(|part| self.delete(part))?,
        }
        self.ledger.forget(file.name)
    }

    /// A file that was taken, and whose marker is away already: a crash came between.
    fn finish(&mut self, waiting: &mut Vec<Waiting>, entries: &HashMap<String, Entry>) -> Result<(), DropError> {
        if self.server.spec().after == After::Leave {
            return Ok(());
        }
        let mut kept = Vec::with_capacity(waiting.len());
        for file in waiting.drain(..) {
            match entries.get(&file.name).filter(|entry| self.ledger.knows(&file.name, look(entry))) {
                Some(entry) => self.put_away(&[Wanted { name: &file.name, entry: entry.clone() }])?,
                None => kept.push(file),
            }
        }
        *waiting = kept;
        Ok(())
    }

    /// Beside it under `archive/`, with the time and, if that is taken, a number. One that was replaced meanwhile stays: it
    /// is another file.
    fn archive(&self, part: &Wanted<'_>) -> Result<(), DropError> {
        if !self.is_as_listed(part)? {
            return Ok(());
        }
        let archive = below(&self.folder, ARCHIVE);
        self.server.make_folder(&archive)?;
        let stamp = Timestamp::now().to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        let from = below(&self.folder, part.name);
        for number in 0..NUMBERS {
            let suffix = if number == 0 { String::new() } else { format!("-{number}") };
            let to = below(&archive, &format!("{}.{stamp}{suffix}", part.name));
            if self.server.rename_new(&from, &to)? {
                return Ok(());
            }
        }
        let reason = format!("{NUMBERS} files of this name were archived within a second; have the archive cleaned up");
        Err(SftpError::Content { server: self.server.spec().server(), path: from, reason }.into())
    }

    fn delete(&self, part: &Wanted<'_>) -> Result<(), DropError> {
        if self.is_as_listed(part)? {
            self.server.remove(&below(&self.folder, part.name))?;
        }
        Ok(())
    }

    fn too_large(&self, name: &str, size: u64) -> DropError {
        let reason =
            format!("it has {size} bytes, more than {}; it is not fetched, ask the partner to split it", self.largest);
        SftpError::Content { server: self.server.spec().server(), path: below(&self.folder, name), reason }.into()
    }
}

fn look(entry: &Entry) -> Look {
    (entry.size_bytes, entry.modified)
}

fn remove_aside(path: &Path) -> Result<(), DropError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(DropError::io("remove", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
