//! Where the folders of a connection's files are: on this machine, or on a file server.
//!
//! Not here: which folders (the streams' settings), what is done in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::drop::{DropError, MarkerName, OutboundFolder, OutboundSpec};
use super::sftp::{Sftp, SftpOutbox};

#[derive(Debug, Clone)]
pub enum FileRoot {
    /// Relative folders start here.
    Local(PathBuf),
    Server(Arc<Sftp>),
}

impl From<&Path> for FileRoot {
    fn from(folder: &Path) -> FileRoot {
        FileRoot::Local(folder.to_owned())
    }
}

impl FileRoot {
    /// A folder as people find it.
    pub fn place(&self, folder: &str) -> PathBuf {
        match self {
            FileRoot::Local(base) => base.join(folder),
            FileRoot::Server(server) => PathBuf::from(server.spec().place(folder)),
        }
    }

    /// A folder to drop files off in.
    pub fn outbound(&self, folder: &str, marker: Option<MarkerName>) -> Result<OutboundFolder, DropError> {
        match self {
            FileRoot::Local(base) => OutboundFolder::open(OutboundSpec { directory: base.join(folder), marker }),
            FileRoot::Server(server) => {
                let outbox = SftpOutbox::new(Arc::clone(server), folder);
                Ok(OutboundFolder::over(Arc::new(outbox), marker))
            }
        }
    }
}
