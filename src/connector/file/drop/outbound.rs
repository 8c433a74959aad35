//! Dropping a file off: complete or not there at all, never over one that the partner has not taken.
//!
//! The caller gives a deterministic name, so that after an unknown outcome it can look the file up instead of writing a
//! second one. Not here: the content's format (write).

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::claim::{digest, open_plain};
use super::error::DropError;
use super::name::check_name;
use super::rename::{rename_new, sync_directory};
use super::spec::MarkerName;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundSpec {
    pub directory: PathBuf,
    /// Written, empty, after the file is complete.
    pub marker: Option<MarkerName>,
}

/// A file that lies in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundFile {
    pub name: String,
    pub size_bytes: u64,
    pub sha256: [u8; 32],
    /// Whether the partner can already take it: the marker is there, or none is agreed.
    pub announced: bool,
}

#[derive(Debug)]
pub struct OutboundFolder {
    pub(super) spec: OutboundSpec,
}

/// Hashes and counts what is written.
pub(super) struct Hashing<W> {
    pub(super) inner: W,
    pub(super) hash: Sha256,
    pub(super) length: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.hash.update(&buffer[..count]);
        self.length += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Never opens what is there: it could be a link to somewhere else.
pub(super) fn create_afresh(path: &Path) -> Result<File, DropError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(DropError::io("remove", path)(error)),
        Ok(()) | Err(_) => {}
    }
    OpenOptions::new().write(true).create_new(true).open(path).map_err(DropError::io("create", path))
}

impl OutboundFolder {
    pub fn open(spec: OutboundSpec) -> Result<Self, DropError> {
        std::fs::create_dir_all(&spec.directory).map_err(DropError::io("create", &spec.directory))?;
        Ok(Self { spec })
    }

    /// Looks a file up by name, after a crash or an unknown outcome; `None` if the partner took it or it never came.
    ///
    /// Compare `sha256` with what should have been written; if `announced` is false, call `announce`.
    pub fn exists(&self, name: &str) -> Result<Option<OutboundFile>, DropError> {
        check_name(name)?;
        let path = self.spec.directory.join(name);
        let mut file = match open_plain(&path) {
            Ok(file) => file,
            Err(DropError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let (sha256, size_bytes) = digest(&mut file).map_err(DropError::io("read", &path))?;
        let announced = match self.marker_path(name) {
            None => true,
            Some(marker) => marker.try_exists().map_err(DropError::io("inspect", &marker))?,
        };
        Ok(Some(OutboundFile { name: name.to_owned(), size_bytes, sha256, announced }))
    }

    /// Writes a file: temporary name, content, sync, rename, sync of the directory, marker.
    ///
    /// A leftover temporary file of an earlier attempt is replaced; the file itself never is.
    pub fn write<E: From<DropError>>(
        &self,
        name: &str,
        content: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<OutboundFile, E> {
        check_name(name)?;
        let (path, temporary) = (self.spec.directory.join(name), self.spec.directory.join(format!(".{name}.tmp")));
        self.refuse_unclaimed(name)?;
        let file = create_afresh(&temporary)?;
        let mut out = Hashing { inner: BufWriter::new(file), hash: Sha256::new(), length: 0 };
        let written = content(&mut out).and_then(|()| {
            out.flush().map_err(DropError::io("write", &temporary))?;
            out.inner.get_ref().sync_all().map_err(DropError::io("sync", &temporary))?;
            let renamed = rename_new(&temporary, &path).map_err(DropError::io("rename", &temporary))?;
            if renamed { Ok(()) } else { Err(DropError::Unclaimed { path: path.clone() }.into()) }
        });
        if let Err(error) = written {
            // Best effort: the next attempt replaces it, and partners ignore `.tmp`.
            let _ = std::fs::remove_file(&temporary);
            return Err(error);
        }
        self.sync()?;
        self.announce(name)?;
        Ok(OutboundFile {
            name: name.to_owned(),
            size_bytes: out.length,
            sha256: out.hash.finalize().into(),
            announced: true,
        })
    }

    /// Writes the marker of a file that is already there; does nothing if it exists or none is agreed.
    pub fn announce(&self, name: &str) -> Result<(), DropError> {
        let Some(marker) = self.marker_path(name) else { return Ok(()) };
        match OpenOptions::new().write(true).create_new(true).open(&marker) {
            Ok(file) => file.sync_all().map_err(DropError::io("sync", &marker))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(error) => return Err(DropError::io("create", &marker)(error)),
        }
        self.sync()
    }

    /// A marker left without its file would announce ours before it is complete, so it is in the way as well.
    pub(super) fn refuse_unclaimed(&self, name: &str) -> Result<(), DropError> {
        let path = Some(self.spec.directory.join(name));
        for path in [path, self.marker_path(name)].into_iter().flatten() {
            match std::fs::symlink_metadata(&path) {
                Ok(_) => return Err(DropError::Unclaimed { path }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(DropError::io("inspect", &path)(error)),
            }
        }
        Ok(())
    }

    fn marker_path(&self, name: &str) -> Option<PathBuf> {
        self.spec.marker.as_ref().map(|marker| self.spec.directory.join(marker.of(name)))
    }

    pub(super) fn sync(&self) -> Result<(), DropError> {
        sync_directory(&self.spec.directory).map_err(DropError::io("sync", &self.spec.directory))
    }
}
