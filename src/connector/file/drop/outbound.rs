//! Dropping a file off: complete or not there at all, never over one that the partner has not taken.
//!
//! The caller gives a deterministic name, so that after an unknown outcome it can look the file up instead of writing a
//! second one. Not here: the content's format (write).

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::claim::digest;
use super::error::DropError;
use super::name::check_name;
use super::outbox::{LocalOutbox, Outbox, Staging};
use super::spec::MarkerName;

/// Bytes handed on together.
const BUFFER: usize = 32 << 10;

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
    pub(super) outbox: Arc<dyn Outbox>,
    marker: Option<MarkerName>,
}

/// Hashes and counts what is written.
pub(super) struct Hashing<W> {
    pub(super) inner: W,
    pub(super) hash: Sha256,
    pub(super) length: u64,
}

/// What is written next to a name, on its way.
pub(super) type Out = Hashing<BufWriter<Box<dyn Staging>>>;

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

impl OutboundFolder {
    pub fn open(spec: OutboundSpec) -> Result<Self, DropError> {
        let outbox = Arc::new(LocalOutbox::open(&spec.directory)?);
        Ok(Self { outbox, marker: spec.marker })
    }

    /// The same elsewhere.
    pub fn over(outbox: Arc<dyn Outbox>, marker: Option<MarkerName>) -> Self {
        Self { outbox, marker }
    }

    /// Looks a file up by name, after a crash or an unknown outcome; `None` if the partner took it or it never came.
    ///
    /// Compare `sha256` with what should have been written; if `announced` is false, call `announce`.
    pub fn exists(&self, name: &str) -> Result<Option<OutboundFile>, DropError> {
        check_name(name)?;
        let Some(mut file) = self.outbox.open(name)? else { return Ok(None) };
        let (sha256, size_bytes) = digest(&mut file).map_err(DropError::io("read", &self.outbox.place(name)))?;
        let announced = match self.marker_of(name) {
            None => true,
            Some(marker) => self.outbox.is_there(&marker)?,
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
        let temporary = format!(".{name}.tmp");
        self.refuse_unclaimed(name)?;
        let mut out = self.afresh(&temporary)?;
        let written = content(&mut out).and_then(|()| {
            self.finish(&temporary, &mut out)?;
            let renamed = self.outbox.rename_new(&temporary, name)?;
            if renamed { Ok(()) } else { Err(DropError::Unclaimed { path: self.outbox.place(name) }.into()) }
        });
        if let Err(error) = written {
            // Best effort: the next attempt replaces it, and partners ignore `.tmp`.
            let _ = self.outbox.remove(&temporary);
            return Err(error);
        }
        self.outbox.sync()?;
        self.announce(name)?;
        Ok(OutboundFile {
            name: name.to_owned(),
            size_bytes: out.length,
            sha256: out.hash.finalize().into(),
            announced: true,
        })
    }

    /// Never opens what is there: it could be a link to somewhere else.
    pub(super) fn afresh(&self, name: &str) -> Result<Out, DropError> {
        self.outbox.remove(name)?;
        let created = self.outbox.create(name)?;
        let file = created.ok_or_else(|| DropError::Unclaimed { path: self.outbox.place(name) })?;
        Ok(Hashing { inner: BufWriter::with_capacity(BUFFER, file), hash: Sha256::new(), length: 0 })
    }

    pub(super) fn finish(&self, name: &str, out: &mut Out) -> Result<(), DropError> {
        out.flush().map_err(DropError::io("write", &self.outbox.place(name)))?;
        out.inner.get_mut().finish()
    }

    /// Writes the marker of a file that is already there; does nothing if it exists or none is agreed.
    pub fn announce(&self, name: &str) -> Result<(), DropError> {
        let Some(marker) = self.marker_of(name) else { return Ok(()) };
        let Some(mut file) = self.outbox.create(&marker)? else { return Ok(()) };
        file.finish()?;
        self.outbox.sync()
    }

    /// A marker left without its file would announce ours before it is complete, so it is in the way as well.
    pub(super) fn refuse_unclaimed(&self, name: &str) -> Result<(), DropError> {
        for name in [Some(name.to_owned()), self.marker_of(name)].into_iter().flatten() {
            if self.outbox.is_there(&name)? {
                return Err(DropError::Unclaimed { path: self.outbox.place(&name) });
            }
        }
        Ok(())
    }

    fn marker_of(&self, name: &str) -> Option<String> {
        self.marker.as_ref().map(|marker| marker.of(name))
    }
}
