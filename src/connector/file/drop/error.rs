//! Why a drop folder operation failed: which path, which operation, what to do.

use std::path::{Path, PathBuf};

use crate::connector::file::sftp::SftpError;

#[derive(Debug, thiserror::Error)]
pub enum DropError {
    #[error("{operation} {}: {source}; check that the directory exists and that the hub may write to it", .path.display())]
    Io { operation: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{name:?} is not an acceptable file name: {reason}; ask the partner to rename it")]
    Name { name: String, reason: &'static str },
    #[error("{} is not a regular file ({kind}); remove it from the drop folder", .path.display())]
    NotAFile { path: PathBuf, kind: &'static str },
    #[error("{} is in the way and has not been picked up yet; nothing was overwritten, wait for the partner or move it away", .path.display())]
    Unclaimed { path: PathBuf },
    #[error("{} changed while it was being read; it was claimed before it was complete, choose a stronger completeness signal", .path.display())]
    Changed { path: PathBuf },
    #[error("name pattern {pattern:?}: {reason}")]
    Pattern { pattern: String, reason: &'static str },
    #[error(transparent)]
    Server(#[from] SftpError),
    #[error("drop folder: {0}")]
    Spec(String),
}

impl DropError {
    pub(in crate::connector::file) fn io(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }
}
