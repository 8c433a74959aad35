//! Renames that never overwrite, and directories whose entries survive a power cut.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// Moves `from` to `to`; `false` if `to` exists, which is then untouched.
///
/// Some network file systems cannot refuse in one step. There the check comes first; the remaining gap is closed by
/// only one hub working a drop folder at a time.
pub(in crate::connector::file) fn rename_new(from: &Path, to: &Path) -> Result<bool, Error> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => match std::fs::symlink_metadata(to) {
            Ok(_) => Ok(false),
            Err(error) if error.kind() == ErrorKind::NotFound => std::fs::rename(from, to).map(|()| true),
            Err(error) => Err(error),
        },
        Err(other) => Err(other.into()),
    }
}

/// Makes a rename or creation in `directory` durable.
pub(in crate::connector::file) fn sync_directory(directory: &Path) -> Result<(), Error> {
    File::open(directory)?.sync_all()
}
