//! The few operations that dropping files off needs of a folder, and the local folder that has them; calls block.
//!
//! Not here: the order of steps (`outbound`, `staged`), folders on servers (`sftp`).

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::claim::open_plain;
use super::error::DropError;
use super::rename::{rename_new, sync_directory};

/// A folder that files are dropped off in. Names were checked.
pub trait Outbox: Debug + Send + Sync {
    /// Where a name lies, for messages.
    fn place(&self, name: &str) -> PathBuf;
    /// Links are not followed.
    fn is_there(&self, name: &str) -> Result<bool, DropError>;
    /// For reading; nothing if it is not there.
    fn open(&self, name: &str) -> Result<Option<Box<dyn Read>>, DropError>;
    /// Anew; nothing if the name is taken.
    fn create(&self, name: &str) -> Result<Option<Box<dyn Staging>>, DropError>;
    /// `false` if the new name is taken, which is then untouched.
    fn rename_new(&self, from: &str, to: &str) -> Result<bool, DropError>;
    /// `false` if it was not there.
    fn remove(&self, name: &str) -> Result<bool, DropError>;
    /// Makes what was done to names survive a power cut, where that can be asked for.
    fn sync(&self) -> Result<(), DropError>;
}

/// A file that is being written.
pub trait Staging: Write {
    /// Waits until all of it is on disk; nothing is written after that.
    fn finish(&mut self) -> Result<(), DropError>;
}

/// A folder of this machine.
#[derive(Debug)]
pub(super) struct LocalOutbox {
    directory: PathBuf,
}

struct LocalFile {
    file: File,
    path: PathBuf,
}

impl LocalOutbox {
    pub(super) fn open(directory: &Path) -> Result<LocalOutbox, DropError> {
        std::fs::create_dir_all(directory).map_err(DropError::io("create", directory))?;
        Ok(LocalOutbox { directory: directory.to_owned() })
    }
}

impl Outbox for LocalOutbox {
    fn place(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn is_there(&self, name: &str) -> Result<bool, DropError> {
        let path = self.place(name);
        match std::fs::symlink_metadata(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(DropError::io("inspect", &path)(error)),
        }
    }

    fn open(&self, name: &str) -> Result<Option<Box<dyn Read>>, DropError> {
        match open_plain(&self.place(name)) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(DropError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn create(&self, name: &str) -> Result<Option<Box<dyn Staging>>, DropError> {
        let path = self.place(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => Ok(Some(Box::new(LocalFile { file, path }))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(DropError::io("create", &path)(error)),
        }
    }

    fn rename_new(&self, from: &str, to: &str) -> Result<bool, DropError> {
        let from = self.place(from);
        rename_new(&from, &self.place(to)).map_err(DropError::io("rename", &from))
    }

    fn remove(&self, name: &str) -> Result<bool, DropError> {
        let path = self.place(name);
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(DropError::io("remove", &path)(error)),
        }
    }

    fn sync(&self) -> Result<(), DropError> {
        sync_directory(&self.directory).map_err(DropError::io("sync", &self.directory))
    }
}

impl Write for LocalFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.file.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Staging for LocalFile {
    fn finish(&mut self) -> Result<(), DropError> {
        self.file.sync_all().map_err(DropError::io("sync", &self.path))
    }
}
