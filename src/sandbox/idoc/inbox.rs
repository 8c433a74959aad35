//! The job that imports what the hub leaves: announced files in the order of their names, then into an archive.
//!
//! Not here: what an order must look like (`order`).

use std::path::{Path, PathBuf};

use super::tree::{self, Node};
use crate::sandbox::options::SandboxError;

#[derive(Debug)]
pub struct Inbox {
    dir: PathBuf,
}

/// One announced file.
#[derive(Debug)]
pub struct Arrived {
    path: PathBuf,
    /// Its IDocs, or why it has none.
    pub idocs: Result<Vec<Node>, String>,
}

impl Arrived {
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

impl Inbox {
    pub fn new(dir: PathBuf) -> Result<Inbox, SandboxError> {
        for folder in [dir.clone(), dir.join("archive"), dir.join("error")] {
            std::fs::create_dir_all(&folder).map_err(|cause| SandboxError::Drop { path: folder, cause })?;
        }
        Ok(Inbox { dir })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Every file that has its marker, oldest name first.
    pub async fn arrived(&self) -> Result<Vec<Arrived>, SandboxError> {
        let failed = |cause| SandboxError::Drop { path: self.dir.clone(), cause };
        let mut entries = tokio::fs::read_dir(&self.dir).await.map_err(failed)?;
        let mut paths = Vec::new();
        while let Some(entry) = entries.next_entry().await.map_err(failed)? {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "xml") && marker(&path).exists() {
                paths.push(path);
            }
        }
        paths.sort();
        let mut arrived = Vec::new();
        for path in paths {
            let bytes = tokio::fs::read(&path).await;
            let bytes = bytes.map_err(|cause| SandboxError::Drop { path: path.clone(), cause })?;
            arrived.push(Arrived { path, idocs: idocs(&bytes) });
        }
        Ok(arrived)
    }

    /// Puts a file and its marker out of the way.
    pub async fn clear(&self, file: &Arrived) -> Result<(), SandboxError> {
        let folder = if file.idocs.is_ok() { "archive" } else { "error" };
        let target = self.dir.join(folder).join(file.name());
        let failed = |cause| SandboxError::Drop { path: file.path.clone(), cause };
        tokio::fs::rename(&file.path, target).await.map_err(failed)?;
        tokio::fs::remove_file(marker(&file.path)).await.map_err(failed)
    }
}

fn marker(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".done");
    PathBuf::from(name)
}

fn idocs(bytes: &[u8]) -> Result<Vec<Node>, String> {
    let root = tree::read(bytes)?;
    if root.name != "ORDERS05" {
        return Err(format!("basic type {} is not expected here", root.name));
    }
    if let Some(stranger) =
        root.children.iter().find(|child| child.name != "IDOC" || child.attribute("BEGIN") != Some("1"))
    {
        return Err(format!("{} is not an IDOC with BEGIN=\"1\"", stranger.name));
    }
    if root.children.is_empty() { Err("no IDOC".to_owned()) } else { Ok(root.children) }
}
