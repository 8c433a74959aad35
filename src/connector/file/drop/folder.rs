//! A drop folder at work: scan, claim, archive, refuse, and recovery after a crash.
//!
//! All moves are renames on one file system, each made durable before the next. Not here: the database, which decides
//! by content hash whether a recovered file was already applied.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::claim::Claim;
use super::error::DropError;
use super::name::check_name;
use super::rename::{rename_new, sync_directory};
use super::scan::{Offer, Scan, scan};
use super::spec::{Completeness, DropSpec};
use super::stability::Stability;
use crate::connector::file::error::excerpt;

/// What was found in `work/` at start.
#[derive(Debug, Default)]
pub struct Recovery {
    pub claims: Vec<Claim>,
    /// Left where they are, for a person to look at; they do not hold up the others.
    pub refused: Vec<DropError>,
}

/// What became of a refused file that was to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenBack {
    /// It is in the in-box.
    Done,
    /// A file of that name is in the in-box; later.
    Occupied,
    /// Somebody has removed it.
    Gone,
}

#[derive(Debug)]
pub struct DropFolder {
    spec: DropSpec,
    stability: Stability,
}

impl DropFolder {
    /// Creates missing directories and makes sure that claiming can be a rename.
    pub fn open(spec: DropSpec) -> Result<Self, DropError> {
        use std::os::unix::fs::MetadataExt;
        let mut devices = Vec::new();
        for directory in [&spec.inbox, &spec.work, &spec.archive, &spec.error] {
            std::fs::create_dir_all(directory).map_err(DropError::io("create", directory))?;
            let metadata = std::fs::metadata(directory).map_err(DropError::io("inspect", directory))?;
            devices.push(metadata.dev());
        }
        if devices.iter().any(|device| *device != devices[0]) {
            return Err(DropError::Spec("in, work, archive and error must be on one file system".to_owned()));
        }
        Ok(Self { spec, stability: Stability::default() })
    }

    /// What is in the in-box. `at` is a monotonic time; stability is measured between calls.
    pub fn scan(&mut self, at: Instant) -> Result<Scan, DropError> {
        scan(&self.spec, &mut self.stability, at)
    }

    /// Files that an earlier run claimed and did not finish, in reading order; to be worked before any scan.
    pub fn recover(&self) -> Result<Recovery, DropError> {
        let mut recovery = Recovery::default();
        for entry in std::fs::read_dir(&self.spec.work).map_err(DropError::io("list", &self.spec.work))? {
            let entry = entry.map_err(DropError::io("list", &self.spec.work))?;
            let name = match entry.file_name().into_string() {
                Ok(name) => name,
                Err(name) => {
                    let name = name.to_string_lossy().into_owned();
                    recovery.refused.push(DropError::Name { name, reason: "it is not UTF-8" });
                    continue;
                }
            };
            if self.is_marker(&name) {
                continue;
            }
            let Some(numbers) = self.spec.pattern.matches(&name) else {
                // Claimed under an earlier configuration, or put here by hand.
                recovery.refused.push(DropError::Name { name, reason: "it is in work but does not match the pattern" });
                continue;
            };
            let marker = self.marker_of(&name);
            let marker = marker.map(|marker| self.recover_marker(&name, marker)).transpose()?.flatten();
            match Claim::identify(entry.path(), name, marker, numbers) {
                Ok(claim) => recovery.claims.push(claim),
                Err(error) => recovery.refused.push(error),
            }
        }
        recovery.claims.sort_by(|a, b| (&a.numbers, &a.name).cmp(&(&b.numbers, &b.name)));
        Ok(recovery)
    }

    /// After a crash between the two moves of a claim the marker is still in the in-box. It belongs to the claimed file
    /// unless a new file of that name has arrived with it.
    fn recover_marker(&self, name: &str, marker: String) -> Result<Option<String>, DropError> {
        let (old, new) = (self.spec.inbox.join(&marker), self.spec.work.join(&marker));
        if is_there(&new)? {
            return Ok(Some(marker));
        }
        if !is_there(&old)? || is_there(&self.spec.inbox.join(name))? {
            return Ok(None);
        }
        move_new(&old, &new)?;
        sync_both(&self.spec.inbox, &self.spec.work)?;
        Ok(Some(marker))
    }

    /// Takes a file out of the in-box. `None` if it is gone: withdrawn, or claimed by someone else.
    pub fn claim(&self, offer: &Offer) -> Result<Option<Claim>, DropError> {
        let (from, to) = (self.spec.inbox.join(&offer.name), self.spec.work.join(&offer.name));
        match rename_new(&from, &to) {
            Ok(true) => {}
            Ok(false) => return Err(DropError::Unclaimed { path: to }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DropError::io("claim", &from)(error)),
        }
        if let Some(marker) = &offer.marker {
            move_new(&self.spec.inbox.join(marker), &self.spec.work.join(marker))?;
        }
        sync_both(&self.spec.inbox, &self.spec.work)?;
        match Claim::identify(to, offer.name.clone(), offer.marker.clone(), offer.numbers.clone()) {
            Ok(claim) => Ok(Some(claim)),
            Err(error @ DropError::Changed { .. }) => {
                // Still being written, so not ours yet.
                self.put_back(&offer.name, offer.marker.as_deref())?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Puts a claimed file back, marker last, so that it is offered again (`Disposition::Retry` or `Hold`).
    pub fn release(&self, claim: Claim) -> Result<(), DropError> {
        self.put_back(&claim.name, claim.marker.as_deref())
    }

    fn put_back(&self, name: &str, marker: Option<&str>) -> Result<(), DropError> {
        for moved in [Some(name), marker].into_iter().flatten() {
            move_new(&self.spec.work.join(moved), &self.spec.inbox.join(moved))?;
        }
        sync_both(&self.spec.work, &self.spec.inbox)
    }

    /// Files an applied file under `archive/YYYY/MM/`; returns where it went.
    pub fn archive(&self, claim: Claim, now: Timestamp) -> Result<PathBuf, DropError> {
        let month = now.to_zoned(TimeZone::UTC).strftime("%Y/%m").to_string();
        let directory = self.spec.archive.join(month);
        std::fs::create_dir_all(&directory).map_err(DropError::io("create", &directory))?;
        self.put_away(&claim, &directory, now)
    }

    /// Files a refused file under `error/` with the reason beside it; returns where it went.
    pub fn refuse(&self, claim: Claim, reason: &str, now: Timestamp) -> Result<PathBuf, DropError> {
        let filed = self.put_away(&claim, &self.spec.error, now)?;
        let mut note = filed.clone().into_os_string();
        note.push(".reason.txt");
        let note = PathBuf::from(note);
        let lines: Vec<String> = reason.lines().map(excerpt).collect();
        // Newly created only: whoever may write to this directory must not choose where our text goes.
        let created = OpenOptions::new().write(true).create_new(true).open(&note);
        let mut file = created.map_err(DropError::io("create", &note))?;
        let text = format!("{}\n", lines.join("\n"));
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(DropError::io("write", &note))?;
        Ok(filed)
    }

    /// Takes a refused file out of `error/` and puts it back into the in-box, so that it is offered again.
    ///
    /// Of several that were refused under one name the one with this content goes, else the newest: a person may have
    /// corrected it where it lies.
    pub fn take_back(&self, name: &str, sha256: &str) -> Result<TakenBack, DropError> {
        check_name(name)?;
        let target = self.spec.inbox.join(name);
        let Some(filed) = self.refused_as(name, sha256)? else {
            return Ok(if is_there(&target)? { TakenBack::Done } else { TakenBack::Gone });
        };
        if is_there(&target)? {
            return Ok(TakenBack::Occupied);
        }
        // The marker goes first: should a crash come between, the next call finds the file still to be moved.
        if let Some(marker) = self.marker_of(name) {
            let (kept, back) = (self.spec.error.join(format!("{marker}.{filed}")), self.spec.inbox.join(&marker));
            match (is_there(&back)?, is_there(&kept)?) {
                (true, _) => {}
                (false, true) => move_new(&kept, &back)?,
                (false, false) => {
                    let created = OpenOptions::new().write(true).create_new(true).open(&back);
                    created.map_err(DropError::io("create", &back))?;
                }
            }
        }
        let from = self.spec.error.join(format!("{name}.{filed}"));
        move_new(&from, &target)?;
        let note = self.spec.error.join(format!("{name}.{filed}.reason.txt"));
        match std::fs::remove_file(&note) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(DropError::io("remove", &note)(error));
            }
            Ok(()) | Err(_) => {}
        }
        sync_both(&self.spec.error, &self.spec.inbox)?;
        Ok(TakenBack::Done)
    }

    /// What was put behind the name of a refused file when it was filed.
    fn refused_as(&self, name: &str, sha256: &str) -> Result<Option<String>, DropError> {
        let mut filed: Vec<String> = Vec::new();
        for entry in std::fs::read_dir(&self.spec.error).map_err(DropError::io("list", &self.spec.error))? {
            let entry = entry.map_err(DropError::io("list", &self.spec.error))?;
            let Ok(found) = entry.file_name().into_string() else { continue };
            let suffix = found.strip_prefix(name).and_then(|rest| rest.strip_prefix('.'));
            filed.extend(suffix.filter(|suffix| is_stamp(suffix)).map(str::to_owned));
        }
        filed.sort_unstable();
        for suffix in filed.iter().rev() {
            let path = self.spec.error.join(format!("{name}.{suffix}"));
            let claim = Claim::identify(path, name.to_owned(), None, Vec::new())?;
            if hex::encode(claim.sha256) == sha256 {
                return Ok(Some(suffix.clone()));
            }
        }
        Ok(filed.pop())
    }

    /// The marker goes first: should a crash come between, the file alone is recovered and put away again.
    fn put_away(&self, claim: &Claim, directory: &Path, now: Timestamp) -> Result<PathBuf, DropError> {
        let stamp = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        if let Some(marker) = &claim.marker {
            move_numbered(&self.spec.work.join(marker), directory, &format!("{marker}.{stamp}"))?;
        }
        let filed = move_numbered(&claim.path, directory, &format!("{}.{stamp}", claim.name))?;
        sync_both(directory, &self.spec.work)?;
        Ok(filed)
    }

    fn marker_of(&self, name: &str) -> Option<String> {
        match &self.spec.completeness {
            Completeness::Marker { name: marker, .. } => Some(marker.of(name)),
            Completeness::Rename | Completeness::Stable(_) => None,
        }
    }

    fn is_marker(&self, name: &str) -> bool {
        match &self.spec.completeness {
            Completeness::Marker { name: marker, .. } => marker.is_marker(name),
            Completeness::Rename | Completeness::Stable(_) => false,
        }
    }
}

/// `20261120T101500Z`, perhaps with a number: as files are filed.
fn is_stamp(text: &str) -> bool {
    let (stamp, number) = text.split_once('-').unwrap_or((text, "0"));
    stamp.len() == 16
        && stamp.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        })
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_there(path: &Path) -> Result<bool, DropError> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(DropError::io("inspect", path)(error)),
    }
}

fn move_new(from: &Path, to: &Path) -> Result<(), DropError> {
    match rename_new(from, to).map_err(DropError::io("move", from))? {
        true => Ok(()),
        false => Err(DropError::Unclaimed { path: to.to_owned() }),
    }
}

/// The same name can be filed twice within one second; then it gets a number.
fn move_numbered(from: &Path, directory: &Path, name: &str) -> Result<PathBuf, DropError> {
    for number in 0..1000 {
        let to = directory.join(if number == 0 { name.to_owned() } else { format!("{name}-{number}") });
        if rename_new(from, &to).map_err(DropError::io("move", from))? {
            return Ok(to);
        }
    }
    Err(DropError::Unclaimed { path: directory.join(name) })
}

fn sync_both(first: &Path, second: &Path) -> Result<(), DropError> {
    sync_directory(first).map_err(DropError::io("sync", first))?;
    sync_directory(second).map_err(DropError::io("sync", second))
}
