//! Looking into the in-box: what is ready, what is still waited for, what is refused.
//!
//! Reads names and sizes only. Not here: moving anything.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use super::error::DropError;
use super::name::{check_name, is_litter};
use super::spec::{Completeness, DropSpec, UNFINISHED};
use super::stability::Stability;

/// A complete file that may be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub name: String,
    pub marker: Option<String>,
    pub size_bytes: u64,
    /// Numbers found at `{seq}`, the ordering key; the last one is the file's sequence number.
    pub numbers: Vec<u128>,
}

/// A file that is not ready, and why; shown on the status page so that nothing waits unseen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub name: String,
    pub reason: &'static str,
    /// How long it has looked like this.
    pub waited: Duration,
}

#[derive(Debug, Default)]
pub struct Scan {
    /// In the order in which they must be read.
    pub ready: Vec<Offer>,
    pub waiting: Vec<Waiting>,
    /// Left where they are: names and kinds that are never touched.
    pub refused: Vec<DropError>,
}

/// A name as it was listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connector::file) struct Seen {
    pub size_bytes: u64,
    /// By the clock of whoever keeps the folder.
    pub modified: Option<SystemTime>,
}

pub(super) fn scan(spec: &DropSpec, stability: &mut Stability, at: Instant) -> Result<Scan, DropError> {
    let mut refused = Vec::new();
    let files = list(spec, &mut refused)?;
    Ok(sort_out(spec, &files, refused, stability, at))
}

/// What a listing means; wherever the folder is.
pub(in crate::connector::file) fn sort_out(
    spec: &DropSpec,
    files: &HashMap<String, Seen>,
    refused: Vec<DropError>,
    stability: &mut Stability,
    at: Instant,
) -> Scan {
    let mut scan = Scan { refused, ..Scan::default() };
    stability.keep(|name| files.contains_key(name));
    for (name, seen) in files {
        let still = stability.observe(name, (seen.size_bytes, seen.modified), at);
        match judge(spec, files, name, seen, still) {
            Judgement::NotOurs => {}
            Judgement::Wait(reason) => scan.waiting.push(Waiting { name: name.clone(), reason, waited: still }),
            Judgement::Ready { marker, numbers } => {
                scan.ready.push(Offer { name: name.clone(), marker, size_bytes: seen.size_bytes, numbers });
            }
        }
    }
    scan.ready.sort_by(|a, b| (&a.numbers, &a.name).cmp(&(&b.numbers, &b.name)));
    scan.waiting.sort_by(|a, b| a.name.cmp(&b.name));
    scan
}

fn list(spec: &DropSpec, refused: &mut Vec<DropError>) -> Result<HashMap<String, Seen>, DropError> {
    let mut files = HashMap::new();
    let entries = std::fs::read_dir(&spec.inbox).map_err(DropError::io("list", &spec.inbox))?;
    for entry in entries {
        let entry = entry.map_err(DropError::io("list", &spec.inbox))?;
        let Ok(name) = entry.file_name().into_string() else {
            let name = entry.file_name().to_string_lossy().into_owned();
            refused.push(DropError::Name { name, reason: "it is not UTF-8" });
            continue;
        };
        if is_litter(&name) {
            continue;
        }
        if let Err(error) = check_name(&name) {
            refused.push(error);
            continue;
        }
        let metadata = match std::fs::symlink_metadata(entry.path()) {
            Ok(metadata) => metadata,
            // Gone since it was listed: the partner may rename and withdraw as it likes.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(DropError::io("inspect", &entry.path())(error)),
        };
        if metadata.is_file() {
            files.insert(name, Seen { size_bytes: metadata.len(), modified: metadata.modified().ok() });
        } else if !metadata.is_dir() {
            let kind = if metadata.is_symlink() { "symbolic link" } else { "special file" };
            refused.push(DropError::NotAFile { path: entry.path(), kind });
        }
    }
    Ok(files)
}

enum Judgement {
    NotOurs,
    Wait(&'static str),
    Ready { marker: Option<String>, numbers: Vec<u128> },
}

fn judge(spec: &DropSpec, files: &HashMap<String, Seen>, name: &str, seen: &Seen, still: Duration) -> Judgement {
    if UNFINISHED.iter().any(|ending| name.to_ascii_lowercase().ends_with(ending)) {
        return Judgement::NotOurs;
    }
    if let Completeness::Marker { name: marker_name, .. } = &spec.completeness
        && marker_name.is_marker(name)
    {
        let has_data = files.keys().any(|other| other != name && marker_name.of(other) == name);
        return if has_data { Judgement::NotOurs } else { Judgement::Wait("a marker without its data file") };
    }
    let Some(numbers) = spec.pattern.matches(name) else { return Judgement::NotOurs };
    match &spec.completeness {
        Completeness::Rename => Judgement::Ready { marker: None, numbers },
        Completeness::Stable(wanted) if still >= *wanted => Judgement::Ready { marker: None, numbers },
        Completeness::Stable(_) => Judgement::Wait("it may still be growing"),
        Completeness::Marker { name: marker_name, settle } => {
            let marker = marker_name.of(name);
            let Some(found) = files.get(&marker) else { return Judgement::Wait("its marker is not there yet") };
            let is_older = match (found.modified, seen.modified) {
                (Some(marker), Some(data)) => marker < data,
                (Some(_) | None, _) => false,
            };
            if is_older && still < *settle {
                return Judgement::Wait("its marker is older than the file");
            }
            Judgement::Ready { marker: Some(marker), numbers }
        }
    }
}
