//! A claimed file: ours alone, with its content's identity, until it is archived or refused.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use super::error::DropError;
use crate::connector::file::error::{FileCause, FileError};
use crate::connector::file::totals::ControlFile;

/// A file in `work/`.
///
/// The caller asks its database whether `sha256` was already applied. If so it archives the file without reading it:
/// the same file sent twice, or a crash between commit and archive. Otherwise it reads, stages, calls
/// `check_unchanged`, commits rows and `sha256` together, then archives.
#[derive(Debug)]
pub struct Claim {
    pub name: String,
    pub path: PathBuf,
    /// The marker's name, where there is one; it lies beside the file.
    pub marker: Option<String>,
    pub size_bytes: u64,
    /// Of the content as received, before decompression.
    pub sha256: [u8; 32],
    /// Numbers found at `{seq}` of the name.
    pub numbers: Vec<u128>,
    identity: Identity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// The content of a claimed file.
pub type Content = File;

impl Claim {
    /// Reads the file once to know what it is.
    pub(super) fn identify(
        path: PathBuf,
        name: String,
        marker: Option<String>,
        numbers: Vec<u128>,
    ) -> Result<Self, DropError> {
        let mut file = open_plain(&path)?;
        let before = file.metadata().map_err(DropError::io("inspect", &path))?;
        let (sha256, size_bytes) = digest(&mut file).map_err(DropError::io("read", &path))?;
        let identity = Identity::of(&before);
        let claim = Self { name, path, marker, size_bytes, sha256, numbers, identity };
        claim.check_unchanged()?;
        Ok(claim)
    }

    /// Opens the content for reading.
    pub fn open(&self) -> Result<Content, DropError> {
        let file = open_plain(&self.path)?;
        let metadata = file.metadata().map_err(DropError::io("inspect", &self.path))?;
        if Identity::of(&metadata) == self.identity {
            Ok(file)
        } else {
            Err(DropError::Changed { path: self.path.clone() })
        }
    }

    /// Called before committing what was read: a partner that still had the file open may have gone on writing.
    pub fn check_unchanged(&self) -> Result<(), DropError> {
        let metadata = std::fs::symlink_metadata(&self.path).map_err(DropError::io("inspect", &self.path))?;
        if Identity::of(&metadata) == self.identity {
            Ok(())
        } else {
            Err(DropError::Changed { path: self.path.clone() })
        }
    }

    /// The marker read as a control file (`ROWS=1532;SUM_QTY=48211`); `None` without marker or if it is empty.
    pub fn control_file(&self) -> Result<Option<ControlFile>, FileError> {
        let Some(marker) = &self.marker else { return Ok(None) };
        let fail = |cause| FileError::new(marker, cause);
        let path = self.path.with_file_name(marker);
        let file = open_plain(&path).map_err(|error| fail(FileCause::Io(io::Error::other(error))))?;
        let mut content = Vec::new();
        file.take(ControlFile::LIMIT_BYTES + 1)
            .read_to_end(&mut content)
            .map_err(|error| fail(FileCause::Io(error)))?;
        if content.len() as u64 > ControlFile::LIMIT_BYTES {
            return Err(fail(FileCause::FileTooLong { limit: ControlFile::LIMIT_BYTES }));
        }
        let text = String::from_utf8_lossy(&content);
        if text.trim().is_empty() { Ok(None) } else { ControlFile::parse(&text).map(Some).map_err(fail) }
    }
}

/// Opens a regular file and nothing else: no link to follow, no pipe to wait on.
pub(super) fn open_plain(path: &Path) -> Result<File, DropError> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    let flags = i32::try_from(flags).map_err(|_| DropError::Spec("open flags".to_owned()))?;
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| {
        if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
            DropError::NotAFile { path: path.to_owned(), kind: "symbolic link" }
        } else {
            DropError::io("open", path)(error)
        }
    })?;
    let metadata = file.metadata().map_err(DropError::io("inspect", path))?;
    if metadata.is_file() { Ok(file) } else { Err(DropError::NotAFile { path: path.to_owned(), kind: "special file" }) }
}

/// SHA-256 and length, streamed.
pub(in crate::connector::file) fn digest(source: &mut impl Read) -> io::Result<([u8; 32], u64)> {
    let mut hash = Sha256::new();
    let mut length = 0;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok((hash.finalize().into(), length)),
            Ok(count) => {
                hash.update(&buffer[..count]);
                length += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
