//! The directory that files are left in: written aside, renamed, then announced by an empty marker.
//!
//! Not here: what the files say (`stock_file`, `delivery_file`).

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use crate::sandbox::options::SandboxError;
use crate::sandbox::sync::locked;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedFile {
    pub name: String,
    pub bytes: Vec<u8>,
}

#[derive(Debug)]
pub struct DropBox {
    dir: PathBuf,
    /// The newest complete file, kept so that it can appear again later.
    newest: Mutex<Option<DroppedFile>>,
}

impl DropBox {
    pub fn new(dir: &Path) -> Result<Self, SandboxError> {
        std::fs::create_dir_all(dir).map_err(|cause| SandboxError::Drop { path: dir.to_owned(), cause })?;
        Ok(DropBox { dir: dir.to_owned(), newest: Mutex::default() })
    }

    /// Leaves a file: data under `.tmp`, rename, and the marker after `marker_after`. Returns the file that was the
    /// newest before.
    pub async fn put(&self, file: DroppedFile, marker_after: Duration) -> Result<Option<DroppedFile>, SandboxError> {
        self.write(&file).await?;
        tokio::time::sleep(marker_after).await;
        self.mark(&file.name).await?;
        Ok(locked(&self.newest).replace(file))
    }

    /// Leaves an earlier file once more, under its old name. Its bytes are the same, so that an unclaimed original
    /// loses nothing.
    pub async fn repeat(&self, file: &DroppedFile) -> Result<(), SandboxError> {
        self.write(file).await?;
        self.mark(&file.name).await
    }

    async fn write(&self, file: &DroppedFile) -> Result<(), SandboxError> {
        let (path, aside) = (self.dir.join(&file.name), self.dir.join(format!("{}.tmp", file.name)));
        let failed = |cause| SandboxError::Drop { path: path.clone(), cause };
        tokio::fs::write(&aside, &file.bytes).await.map_err(failed)?;
        tokio::fs::rename(&aside, &path).await.map_err(failed)
    }

    async fn mark(&self, name: &str) -> Result<(), SandboxError> {
        let path = self.dir.join(format!("{name}.done"));
        tokio::fs::write(&path, b"").await.map_err(|cause| SandboxError::Drop { path: path.clone(), cause })
    }
}
