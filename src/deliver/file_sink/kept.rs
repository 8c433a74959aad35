//! Journals as a backup takes them along; not here: writing and reading them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Below the hub's data directory: connection, stream, journals.
pub(super) const FOLDER: &str = "file-sinks";
const LOOKS: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(50);

/// Closed journals. One that is open is waited for a moment, as it is open for no longer than a file takes to be renamed;
/// if it stays, it is left out: elsewhere nobody could tell whether its batch was published, and counting it as published
/// would lose its records, where leaving it out at worst writes them twice. Blocks.
pub fn journal_files(data_dir: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut closed, open) = look(data_dir)?;
    for _ in 0..LOOKS {
        let closed_since = |path: &PathBuf| !path.exists();
        if open.iter().all(closed_since) {
            break;
        }
        std::thread::sleep(BETWEEN);
    }
    if !open.is_empty() {
        closed = look(data_dir)?.0;
    }
    closed.sort();
    Ok(closed)
}

fn look(data_dir: &Path) -> io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut closed, mut open) = (Vec::new(), Vec::new());
    let mut folders = vec![data_dir.join(FOLDER)];
    while let Some(folder) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(super::journal::OPEN) {
                open.push(path);
            } else if name.ends_with(super::journal::CLOSED) {
                closed.push(path);
            }
        }
    }
    Ok((closed, open))
}
