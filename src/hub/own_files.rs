//! The hub's own files that belong to its store, for a backup to carry: its secret, what its file sinks have written, what its
//! reconciliations took from its mirrors; not here: the backup.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::deliver::journal_files;
use crate::finance::kept;
use crate::store::{KeptFile, OwnFiles};

pub(super) const SECRET: &str = "hub.secret";

/// Told when it is asked, which has to be after the image was taken: journals may know more than the store, never less.
pub fn own_files(data_dir: PathBuf) -> OwnFiles {
    Arc::new(move || list(&data_dir))
}

fn list(data_dir: &Path) -> io::Result<Vec<KeptFile>> {
    let secret = KeptFile { name: SECRET.to_owned(), path: data_dir.join(SECRET), by_content: false };
    let mut files = Vec::from_iter(secret.path.is_file().then_some(secret));
    for path in journal_files(data_dir)? {
        let name = path.strip_prefix(data_dir).ok().and_then(Path::to_str).map(str::to_owned);
        files.extend(name.map(|name| KeptFile { name, path, by_content: false }));
    }
    for path in kept::all(&data_dir.join(kept::ROOM))? {
        let name = path.strip_prefix(data_dir).ok().and_then(Path::to_str).map(str::to_owned);
        files.extend(name.map(|name| KeptFile { name, path, by_content: true }));
    }
    Ok(files)
}
