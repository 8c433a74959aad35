//! What runs took from the hub, kept compressed under its hash, so that a run can be made again; removed when its time is over.
//!
//! Not here: taking (`taken`), reading it as a statement (`extract`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::recon::report::Report;
use crate::store::Store;

use super::desk::{DeskError, blocking, events_after};
use super::taken::TakeError;
use super::workflow::Book;

/// Below the hub's data directory: where runs work, and in it what is kept.
pub const ROOM: &str = "reconciliation";
const KEPT: &str = "kept";
const ENDING: &str = ".jsonl.gz";

/// Where it is kept.
pub fn path(room: &Path, sha256: &str) -> PathBuf {
    room.join(KEPT).join(format!("{sha256}{ENDING}"))
}

/// Everything that is kept. May block.
pub fn all(room: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(room.join(KEPT)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        paths.extend(hash_of(&path).is_some().then_some(path));
    }
    paths.sort();
    Ok(paths)
}

fn hash_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.strip_suffix(ENDING).filter(|name| !name.starts_with('.'))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> TakeError {
    let path = path.display().to_string();
    move |error| TakeError::Folder { path, error }
}

/// Keeps a file's bytes under their hash. What is there already is as young as this run. May block.
pub fn keep(room: &Path, from: &Path, sha256: &str) -> Result<(), TakeError> {
    let to = path(room, sha256);
    if to.is_file() {
        return File::options()
            .append(true)
            .open(&to)
            .and_then(|file| file.set_modified(SystemTime::now()))
            .map_err(failed(&to));
    }
    let folder = room.join(KEPT);
    std::fs::create_dir_all(&folder).map_err(failed(&folder))?;
    let draft = folder.join(format!(".{sha256}.part"));
    let mut plain = File::open(from).map_err(failed(from))?;
    let mut packed = GzEncoder::new(File::create(&draft).map_err(failed(&draft))?, Compression::default());
    io::copy(&mut plain, &mut packed).map_err(failed(&draft))?;
    let file = packed.finish().map_err(failed(&draft))?;
    file.sync_all().map_err(failed(&draft))?;
    std::fs::rename(&draft, &to).map_err(failed(&to))
}

/// Unpacks what was kept; nothing if it is not there any more. May block.
pub fn unpack(room: &Path, sha256: &str, to: &Path) -> Result<bool, TakeError> {
    let from = path(room, sha256);
    let packed = match File::open(&from) {
        Ok(packed) => packed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(&from)(error)),
    };
    let mut file = File::create(to).map_err(failed(to))?;
    io::copy(&mut GzDecoder::new(packed), &mut file).map_err(failed(&from))?;
    Ok(true)
}

/// Removes what no run has used since `before`. What a signed run needs stays for good, and so does that of each newest run.
/// Returns how many files are gone.
pub async fn prune(store: &Arc<dyn Store>, room: &Path, before: SystemTime) -> Result<u64, DeskError> {
    let place = room.to_owned();
    let old = blocking(move || old(&place, before)).await??;
    if old.is_empty() {
        return Ok(0);
    }
    let needed = needed(store).await?;
    let mut gone = 0;
    for path in old {
        if hash_of(&path).is_some_and(|hash| needed.contains(hash)) {
            continue;
        }
        match std::fs::remove_file(&path) {
            Ok(()) => gone += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&path)(error).into()),
        }
    }
    Ok(gone)
}

fn old(room: &Path, before: SystemTime) -> Result<Vec<PathBuf>, TakeError> {
    let mut old = Vec::new();
    for path in all(room).map_err(failed(room))? {
        let modified = path.metadata().and_then(|file| file.modified()).map_err(failed(&path))?;
        old.extend((modified < before).then_some(path));
    }
    Ok(old)
}

/// Hashes of what must stay, whatever its age.
async fn needed(store: &Arc<dyn Store>) -> Result<BTreeSet<String>, DeskError> {
    let mut newest: BTreeMap<String, i64> = BTreeMap::new();
    for run in store.runs(None, u32::MAX).await? {
        let known = newest.entry(run.reconciliation).or_insert(run.id);
        *known = run.id.max(*known);
    }
    let mut needed = BTreeSet::new();
    for (reconciliation, newest) in newest {
        let book = Book::of(&events_after(store, &reconciliation, 0).await?)?;
        let signed = book.runs.iter().filter(|(_, run)| run.preparer.is_some()).map(|(id, _)| *id);
        for run in signed.chain([newest]) {
            let Some(body) = store.run_body(run).await? else { continue };
            let report: Report = serde_json::from_slice(&body)
                .map_err(|error| DeskError::Damaged(format!("the document of run {run} cannot be read: {error}")))?;
            needed.extend(report.cover.inputs.into_iter().map(|input| input.sha256));
        }
    }
    Ok(needed)
}
