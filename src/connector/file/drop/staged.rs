//! Dropping a file off in steps that the caller can put its own record between: staged, published, announced.
//!
//! `OutboundFolder::write` is for those who need no record. Not here: that record.

use std::io::Write;

use sha2::Digest;

use super::error::DropError;
use super::name::check_name;
use super::outbound::{OutboundFile, OutboundFolder};

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
        let mut out = self.afresh(temporary)?;
        content(&mut out)?;
        self.finish(temporary, &mut out)?;
        self.outbox.sync()?;
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
        if !self.outbox.rename_new(temporary, name)? {
            return Ok(false);
        }
        self.outbox.sync()?;
        Ok(true)
    }

    /// Removes a staged file, if it is there.
    pub fn discard(&self, temporary: &str) -> Result<(), DropError> {
        check_name(temporary)?;
        if self.outbox.remove(temporary)? { self.outbox.sync() } else { Ok(()) }
    }
}
