//! A folder on a file server to drop files off in.
//!
//! Not here: the order of steps (`drop::outbound`), what a batch is (deliver).

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::client::{Open, Sftp};
use crate::connector::file::drop::{DropError, Outbox, Staging};

#[derive(Debug)]
pub struct SftpOutbox {
    server: Arc<Sftp>,
    folder: String,
}

impl SftpOutbox {
    /// The folder must be there: whether one may be made is for the partner to say.
    pub fn new(server: Arc<Sftp>, folder: &str) -> SftpOutbox {
        SftpOutbox { server, folder: folder.to_owned() }
    }

    fn path(&self, name: &str) -> String {
        below(&self.folder, name)
    }
}

/// A name in a folder of the server. The empty folder is the one that the log-in leads to.
pub(super) fn below(folder: &str, name: &str) -> String {
    match folder.strip_suffix('/').unwrap_or(folder) {
        "" if folder.is_empty() => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

impl Outbox for SftpOutbox {
    fn place(&self, name: &str) -> PathBuf {
        PathBuf::from(self.server.spec().place(&self.path(name)))
    }

    fn is_there(&self, name: &str) -> Result<bool, DropError> {
        Ok(self.server.is_there(&self.path(name))?)
    }

    fn open(&self, name: &str) -> Result<Option<Box<dyn Read>>, DropError> {
        let opened = self.server.open(&self.path(name))?;
        Ok(opened.map(|file| Box::new(file) as Box<dyn Read>))
    }

    fn create(&self, name: &str) -> Result<Option<Box<dyn Staging>>, DropError> {
        // A server says "failure" for a name that is taken and for much else.
        if self.is_there(name)? {
            return Ok(None);
        }
        Ok(Some(Box::new(Upload(self.server.create(&self.path(name))?))))
    }

    fn rename_new(&self, from: &str, to: &str) -> Result<bool, DropError> {
        Ok(self.server.rename_new(&self.path(from), &self.path(to))?)
    }

    fn remove(&self, name: &str) -> Result<bool, DropError> {
        Ok(self.server.remove(&self.path(name))?)
    }

    /// SFTP has no word for it: names are as durable as the server makes them.
    fn sync(&self) -> Result<(), DropError> {
        Ok(())
    }
}

struct Upload(Open);

impl Write for Upload {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Staging for Upload {
    fn finish(&mut self) -> Result<(), DropError> {
        Ok(self.0.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_paths_as_the_server_takes_them() {
        assert_eq!(below("/out/", "a.csv"), "/out/a.csv");
        assert_eq!(below("out", "a.csv"), "out/a.csv");
        assert_eq!(below("", "a.csv"), "a.csv");
        assert_eq!(below("/", "a.csv"), "/a.csv");
    }
}
