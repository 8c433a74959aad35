//! What goes wrong with a file server, by what to do about it.
//!
//! Not here: retrying.

use std::io;

use russh_sftp::client::error::Error as Sftp;
use russh_sftp::protocol::StatusCode;

use crate::model::ErrorClass;

/// Each names the server; operations on a file name that too.
#[derive(Debug, thiserror::Error)]
pub enum SftpError {
    #[error("{server}: cannot be reached: {reason}")]
    Unreachable { server: String, reason: String },
    #[error(
        "{server} is not the server that was agreed: it shows the host key {shown}, expected is {expected}; ask the partner whether the key was changed, and only then correct `host_key`"
    )]
    HostKey { server: String, shown: String, expected: String },
    #[error("{server} refuses user `{user}`: {reason}; check the user name and the password or key with the partner")]
    Refused { server: String, user: String, reason: String },
    #[error(
        "{server}: the private key cannot be used: {reason}; it must be an OpenSSH or PEM private key, with `passphrase` if it has one"
    )]
    Key { server: String, reason: String },
    #[error("{server}: {operation} {path}: {source}{}", advice(.source))]
    Operation { server: String, operation: &'static str, path: String, source: io::Error },
    #[error("{server}: {path}: {reason}")]
    Content { server: String, path: String, reason: String },
}

fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => "; ask the partner to grant the right on that folder",
        io::ErrorKind::NotFound => "; check that the folder exists on the server",
        _ => "",
    }
}

impl SftpError {
    pub fn class(&self) -> ErrorClass {
        match self {
            SftpError::Unreachable { .. } => ErrorClass::Transient,
            SftpError::HostKey { .. } | SftpError::Refused { .. } | SftpError::Key { .. } => ErrorClass::Auth,
            SftpError::Content { .. } => ErrorClass::Data,
            SftpError::Operation { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => ErrorClass::Permission,
                io::ErrorKind::NotFound => ErrorClass::NotFound,
                _ => ErrorClass::Transient,
            },
        }
    }
}

/// The server's answer as the error that a local file system would give.
pub(super) fn as_io(error: Sftp) -> io::Error {
    let kind = match &error {
        Sftp::Status(status) => match status.status_code {
            StatusCode::NoSuchFile => io::ErrorKind::NotFound,
            StatusCode::PermissionDenied => io::ErrorKind::PermissionDenied,
            StatusCode::NoConnection | StatusCode::ConnectionLost => io::ErrorKind::ConnectionReset,
            StatusCode::OpUnsupported => io::ErrorKind::Unsupported,
            StatusCode::Ok | StatusCode::Eof | StatusCode::Failure | StatusCode::BadMessage => io::ErrorKind::Other,
        },
        Sftp::Timeout => io::ErrorKind::TimedOut,
        Sftp::IO(_) | Sftp::UnexpectedBehavior(_) => io::ErrorKind::ConnectionReset,
        Sftp::Limited(_) | Sftp::UnexpectedPacket => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, error.to_string())
}

/// Whether the connection is beyond use.
pub(super) fn ends_session(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, InvalidData, NotConnected, TimedOut, UnexpectedEof,
    };
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | InvalidData | NotConnected | TimedOut | UnexpectedEof
    )
}
