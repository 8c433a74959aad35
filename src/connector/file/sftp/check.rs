//! Is the file server as agreed: does it let us in, are the folders there, may we write where we must? Blocks.
//!
//! Not here: who asks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::client::Sftp;
use super::fault::SftpError;
use super::outbox::below;
use super::spec::After;

/// Made and removed to learn whether a folder can be written to.
const PROBE: &str = ".syncline-check.tmp";

/// What was asked and found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SftpChecked {
    pub latency: Duration,
    /// A line per folder.
    pub found: Vec<String>,
}

impl Sftp {
    /// Lists the folders that files come from and tries those that they go to.
    pub fn check(self: &Arc<Self>, folders_in: &[String], folders_out: &[String]) -> Result<SftpChecked, SftpError> {
        let (started, mut found) = (Instant::now(), Vec::new());
        for folder in folders_in {
            let files = self.list(folder)?.iter().filter(|entry| entry.is_file).count();
            found.push(format!("{folder}: {files} files"));
            if self.spec().after != After::Leave {
                self.probe(folder)?;
            }
        }
        for folder in folders_out.iter().filter(|folder| !folders_in.contains(folder)) {
            self.list(folder)?;
            found.push(format!("{folder}: can be written to"));
        }
        folders_out.iter().try_for_each(|folder| self.probe(folder))?;
        if found.is_empty() {
            self.is_there(".")?;
        }
        Ok(SftpChecked { latency: started.elapsed(), found })
    }

    fn probe(self: &Arc<Self>, folder: &str) -> Result<(), SftpError> {
        let path = below(folder, PROBE);
        self.remove(&path)?;
        self.create(&path)?.finish()?;
        self.remove(&path)?;
        Ok(())
    }
}
