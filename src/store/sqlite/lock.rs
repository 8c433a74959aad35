//! The lock file that keeps a second daemon off a database; not here: locks within the database.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::store::contract::StoreError;

/// Held for as long as the database may be written. The kernel lets go of it when the process ends, however it ends;
/// the file itself stays.
#[derive(Debug)]
pub(super) struct InstanceLock(#[expect(dead_code, reason = "held, not read")] File);

impl InstanceLock {
    pub(super) fn acquire(database: &Path) -> Result<InstanceLock, StoreError> {
        let path = lock_path(database);
        let failed = |cause: std::io::Error| StoreError::Open {
            path: database.display().to_string(),
            cause: format!("cannot take the lock file {}: {cause}", path.display()),
            next_step: "check that its directory exists and that this user may write there".to_owned(),
        };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(database, &mut file)),
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
        write_pid(&mut file).map_err(failed)?;
        Ok(InstanceLock(file))
    }
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn in_use(database: &Path, file: &mut File) -> StoreError {
    let mut pid = String::new();
    let holder = match file.read_to_string(&mut pid) {
        Ok(_) if !pid.trim().is_empty() => format!("the process with pid {}", pid.trim()),
        Ok(_) => "another process that is just starting".to_owned(),
        Err(cause) => format!("another process (its pid cannot be read: {cause})"),
    };
    StoreError::Open {
        path: database.display().to_string(),
        cause: format!("in use by {holder}"),
        next_step: "stop that one first, or give this one a database of its own".to_owned(),
    }
}

pub(super) fn lock_path(database: &Path) -> PathBuf {
    beside(database, ".lock")
}

/// The path with something appended to its last part, as SQLite names its own side files.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
