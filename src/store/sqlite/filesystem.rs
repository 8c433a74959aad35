//! What the store asks of the disk below it: a local filesystem, a file that only its owner reads; not here: SQL.

use std::path::Path;

use crate::store::contract::StoreError;

/// Creates the file, readable by its owner alone (its side files inherit that). Returns whether it held anything before.
pub(super) fn create_private(path: &Path) -> Result<bool, StoreError> {
    let failed = |cause: std::io::Error| StoreError::Open {
        path: path.display().to_string(),
        cause: cause.to_string(),
        next_step: "check that its directory exists and that this user may write there".to_owned(),
    };
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(failed)?;
    Ok(file.metadata().map_err(failed)?.len() > 0)
}

/// SQLite's locks and its shared-memory log do not work across machines.
#[cfg(target_os = "linux")]
pub(super) fn refuse_network_filesystem(path: &Path) -> Result<(), StoreError> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let stats = rustix::fs::statfs(directory).map_err(|cause| StoreError::Open {
        path: path.display().to_string(),
        cause: format!("cannot inspect {}: {cause}", directory.display()),
        next_step: "check that the directory exists and that this user may enter it".to_owned(),
    })?;
    // The kernel reports the magic number in 32 bits, which some architectures sign-extend.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the lower 32 bits are the number")]
    let magic = stats.f_type as u32;
    match network_filesystem(magic) {
        None => Ok(()),
        Some(name) => Err(StoreError::Open {
            path: path.display().to_string(),
            cause: format!("it lies on a network filesystem ({name}), on which SQLite loses data"),
            next_step: "put the data directory on a local disk, or use PostgreSQL".to_owned(),
        }),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn refuse_network_filesystem(_path: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// Magic numbers of linux/magic.h and of the filesystems' own sources.
#[cfg(any(target_os = "linux", test))]
fn network_filesystem(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x6969 => "NFS",
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => "SMB",
        0x0102_1997 => "9P",
        0x00c3_6400 => "Ceph",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x0bd0_0bd0 => "Lustre",
        0x4750_4653 => "GPFS",
        0x0116_1970 => "GFS2",
        0x7461_636f => "OCFS2",
        0x7375_7245 => "Coda",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::network_filesystem;

    #[test]
    fn network_filesystems_are_told_from_local_ones() {
        assert_eq!(network_filesystem(0x6969), Some("NFS"));
        assert_eq!(network_filesystem(0xff53_4d42), Some("SMB"));
        assert_eq!(network_filesystem(0xef53), None, "ext4");
        assert_eq!(network_filesystem(0x5846_5342), None, "XFS");
        assert_eq!(network_filesystem(0x0102_1994), None, "tmpfs");
    }
}
