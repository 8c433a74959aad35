//! The outbound folder and everything that goes wrong in it: halves, late files, markers too early, too late or never,
//! IDocs again under their old number, and several in one file in any order.
//!
//! Not here: what the IDocs say (`messages`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::document::{Idoc, file};
use super::profile::Profile;
use crate::sandbox::faults::{Fault, FaultDesk};
use crate::sandbox::options::SandboxError;
use crate::sandbox::sync::locked;

#[derive(Debug)]
pub struct Outbox {
    dir: PathBuf,
    desk: Arc<FaultDesk>,
    profile: Profile,
    markers: bool,
    half_written_for: Duration,
    late_by: Duration,
    sequence: Mutex<u64>,
    /// What was left half-written by a job that died.
    halves: Mutex<Vec<PathBuf>>,
    /// By kind of file: what went out last, to come again.
    last: Mutex<BTreeMap<&'static str, Vec<Idoc>>>,
}

impl Outbox {
    pub fn new(dir: PathBuf, desk: Arc<FaultDesk>, options: &super::IdocOptions) -> Result<Outbox, SandboxError> {
        std::fs::create_dir_all(&dir).map_err(|cause| SandboxError::Drop { path: dir.clone(), cause })?;
        Ok(Outbox {
            dir,
            desk,
            profile: options.profile.clone(),
            markers: options.markers,
            half_written_for: options.half_written_for,
            late_by: options.late_by,
            sequence: Mutex::default(),
            halves: Mutex::default(),
            last: Mutex::default(),
        })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Leaves one file of `idocs`, in whatever way the dice decide.
    pub async fn put(&self, kind: &'static str, mut idocs: Vec<Idoc>) -> Result<(), SandboxError> {
        if idocs.is_empty() {
            return Ok(());
        }
        let before = locked(&self.last).insert(kind, idocs.clone()).unwrap_or_default();
        if self.desk.strikes(Fault::IdocRepeated) {
            idocs.extend(before);
        }
        if self.desk.strikes(Fault::IdocShuffled) {
            idocs.reverse();
        }
        let bytes = file(&idocs, &self.profile);
        if self.desk.strikes(Fault::FileAbandoned) {
            // The job died over it; whoever starts it again starts a new file.
            let path = self.dir.join(self.name(kind));
            self.written(&path, &bytes[..bytes.len() / 2]).await?;
            locked(&self.halves).push(path);
        }
        // The name is taken before the delay: a late file carries an early name.
        let path = self.dir.join(self.name(kind));
        if self.desk.strikes(Fault::FileLate) {
            tokio::time::sleep(self.desk.pause_up_to(self.late_by)).await;
        }
        if self.desk.strikes(Fault::FileMarkerFirst) {
            self.mark(&path).await?;
            tokio::time::sleep(self.half_written_for).await;
        }
        if self.desk.strikes(Fault::FileHalfWritten) {
            self.in_halves(&path, &bytes).await?;
        } else {
            let aside = self.dir.join(format!("{}.tmp", self.name("aside")));
            self.written(&aside, &bytes).await?;
            tokio::fs::rename(&aside, &path).await.map_err(|cause| SandboxError::Drop { path: path.clone(), cause })?;
        }
        if self.desk.strikes(Fault::FileLateMarker) {
            tokio::time::sleep(self.desk.rates().file_marker_late_by).await;
        }
        self.mark(&path).await
    }

    /// Somebody clears away the halves that still lie there.
    pub async fn tidy(&self) -> Result<(), SandboxError> {
        let halves = std::mem::take(&mut *locked(&self.halves));
        for path in halves {
            match tokio::fs::remove_file(&path).await {
                Ok(()) => {}
                // The hub has put it elsewhere.
                Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {}
                Err(cause) => return Err(SandboxError::Drop { path, cause }),
            }
        }
        Ok(())
    }

    fn name(&self, kind: &str) -> String {
        let mut sequence = locked(&self.sequence);
        *sequence += 1;
        format!("{kind}_{:010}.xml", *sequence)
    }

    /// Under its own name from the first byte on, with a pause in the middle.
    async fn in_halves(&self, path: &Path, bytes: &[u8]) -> Result<(), SandboxError> {
        let failed = |cause| SandboxError::Drop { path: path.to_owned(), cause };
        let mut file = tokio::fs::File::create(path).await.map_err(failed)?;
        let (first, second) = bytes.split_at(bytes.len() / 2);
        file.write_all(first).await.map_err(failed)?;
        file.flush().await.map_err(failed)?;
        tokio::time::sleep(self.half_written_for).await;
        file.write_all(second).await.map_err(failed)?;
        file.flush().await.map_err(failed)
    }

    async fn written(&self, path: &Path, bytes: &[u8]) -> Result<(), SandboxError> {
        tokio::fs::write(path, bytes).await.map_err(|cause| SandboxError::Drop { path: path.to_owned(), cause })
    }

    async fn mark(&self, path: &Path) -> Result<(), SandboxError> {
        if !self.markers {
            return Ok(());
        }
        let mut name = path.as_os_str().to_owned();
        name.push(".done");
        self.written(Path::new(&name), b"").await
    }
}
