//! Dropping a file off in steps that the caller can put its own record between: staged, published, announced.
//!
//! `OutboundFolder::write` is for those who need no record. Not here: that record.

use std::io::{self, BufWriter, Write};

use sha2::{Digest, Sha256};

use super::error::DropError;
use super::name::check_name;
use super::outbound::{Hashing, OutboundFile, OutboundFolder, create_afresh};
use super::rename::rename_new;

impl OutboundFolder {
    /// Whether neither a file nor a marker of this name is in the way.
    pub fn is_free(&self, name: &str) -> Result<bool, DropError> {
        check_name(name)?;
        match self.refuse_unclaimed(name) {
            Ok(()) => Ok(true),
            Err(DropError::Unclaimed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes content under a temporary name that partners ignore; when it returns, content and name survive a power cut.
    /// What an earlier attempt left under that name is replaced.
    pub fn stage<E: From<DropError>>(
        &self,
        temporary: &str,
        content: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<OutboundFile, E> {
        check_name(temporary)?;
        let path = self.spec.directory.join(temporary);
        let file = create_afresh(&path)?;
        let mut out = Hashing { inner: BufWriter::new(file), hash: Sha256::new(), length: 0 };
        content(&mut out)?;
        out.flush().map_err(DropError::io("write", &path))?;
        out.inner.get_ref().sync_all().map_err(DropError::io("sync", &path))?;
        self.sync()?;
        Ok(OutboundFile {
            name: temporary.to_owned(),
            size_bytes: out.length,
            sha256: out.hash.finalize().into(),
            announced: false,
        })
    }

    /// Gives a staged file its name; `false` if that is taken, and then nothing happened. The marker is yet to be written.
    pub fn publish(&self, temporary: &str, name: &str) -> Result<bool, DropError> {
        if !self.is_free(name)? {
            return Ok(false);
        }
        let (from, to) = (self.spec.directory.join(temporary), self.spec.directory.join(name));
        if !rename_new(&from, &to).map_err(DropError::io("rename", &from))? {
            return Ok(false);
        }
        self.sync()?;
        Ok(true)
    }

    /// Removes a staged file, if it is there.
    pub fn discard(&self, temporary: &str) -> Result<(), DropError> {
        check_name(temporary)?;
        let path = self.spec.directory.join(temporary);
        match std::fs::remove_file(&path) {
            Ok(()) => self.sync(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(DropError::io("remove", &path)(error)),
        }
    }
}
