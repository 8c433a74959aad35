//! The working directory of one run: private, empty at the start, gone at the end.
//!
//! Not here: what is put there (the program's business, and Singer's files).

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, test_kill_process};

const PREFIX: &str = "run-";

pub(super) struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes a new one below `base`.
    pub fn create(base: &Path) -> io::Result<RunFolder> {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let path = base.join(format!("{PREFIX}{}-{run}", std::process::id()));
        DirBuilder::new().recursive(true).mode(0o700).create(base)?;
        if path.exists() {
            // Left by a former process of the same id.
            fs::remove_dir_all(&path)?;
        }
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(RunFolder { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file that only this user can read: configurations hold secrets.
    pub fn file(&self, name: &str, content: &[u8]) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(content)?;
        Ok(path)
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(folder = %self.path.display(), %error, "the working directory of a run stays behind");
        }
    }
}

/// Removes what runs of hubs left that did not end in order.
pub(super) fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let owner = path.file_name().and_then(|name| name.to_str()).and_then(|name| {
            let (owner, _) = name.strip_prefix(PREFIX)?.split_once('-')?;
            Pid::from_raw(owner.parse().ok()?)
        });
        let abandoned = owner.is_some_and(|owner| test_kill_process(owner) == Err(rustix::io::Errno::SRCH));
        if abandoned && let Err(error) = fs::remove_dir_all(&path) {
            tracing::warn!(folder = %path.display(), %error, "an abandoned working directory cannot be removed");
        }
    }
}
