//! What went wrong with a batch, as the outcome of each of its deliveries; not here: what follows from it.

use std::io;

use super::batch_writer::{BatchError, Failed, Layout};
use super::journal::JournalError;
use crate::connector::call::CallError;
use crate::connector::file::FileError;
use crate::connector::file::drop::DropError;
use crate::connector::file::error::FileCause;
use crate::connector::file::sftp::SftpError;
use crate::model::ErrorClass;

/// A record that cannot be written in this format.
pub(super) fn of_record(layout: &Layout, error: &FileError) -> Box<CallError> {
    call_error(layout, ErrorClass::Data, error.to_string(), error.next_step().to_owned(), false)
}

/// A batch that failed as a whole.
pub(super) fn of_batch(layout: &Layout, failed: &Failed) -> Box<CallError> {
    let message = failed.error.to_string();
    let class = if failed.maybe_published { ErrorClass::UnknownOutcome } else { class(&failed.error) };
    call_error(layout, class, message, next_step(layout, &failed.error), failed.maybe_published)
}

/// The writer's thread ended without an answer.
pub(super) fn lost(layout: &Layout) -> Box<CallError> {
    let message = "the batch ended without an answer".to_owned();
    let next_step = "it is looked up in the sink's journals before it is written again".to_owned();
    call_error(layout, ErrorClass::UnknownOutcome, message, next_step, true)
}

/// An effect that must never be sent without a way to find it again.
pub(super) fn without_key(layout: &Layout) -> Box<CallError> {
    let message = "the effect has no idempotency key".to_owned();
    call_error(layout, ErrorClass::Bug, message, "report it with the record".to_owned(), false)
}

fn call_error(layout: &Layout, class: ErrorClass, message: String, next_step: String, sent: bool) -> Box<CallError> {
    Box::new(CallError {
        class,
        system: layout.connection.clone(),
        what: format!("write {} into {}", layout.stream, layout.folder.display()),
        status: None,
        message,
        next_step,
        retry_after: None,
        sent,
        request_excerpt: String::new(),
        response_excerpt: String::new(),
    })
}

/// The log-in concerns everything that goes there. A folder that is missing or closed says nothing about this record: as for
/// folders of this machine, somebody opens it, and the record follows.
fn server(error: &SftpError) -> ErrorClass {
    match error {
        SftpError::HostKey { .. } | SftpError::Refused { .. } | SftpError::Key { .. } => ErrorClass::Auth,
        SftpError::Unreachable { .. } | SftpError::Operation { .. } | SftpError::Content { .. } => {
            ErrorClass::Transient
        }
    }
}

/// Disks and shares come back, a declaration does not correct itself.
fn class(error: &BatchError) -> ErrorClass {
    match error {
        BatchError::Drop(DropError::Io { .. } | DropError::Unclaimed { .. } | DropError::Changed { .. })
        | BatchError::Journal(JournalError::Io { .. } | JournalError::Unreadable { .. })
        | BatchError::Taken { .. } => ErrorClass::Transient,
        BatchError::Drop(DropError::Server(error)) => server(error),
        BatchError::Drop(
            DropError::Name { .. } | DropError::NotAFile { .. } | DropError::Pattern { .. } | DropError::Spec(_),
        )
        | BatchError::Name(_) => ErrorClass::Data,
        BatchError::File(error) if matches!(*error.cause, FileCause::Io(_)) => ErrorClass::Transient,
        BatchError::File(_) => ErrorClass::Data,
    }
}

fn next_step(layout: &Layout, error: &BatchError) -> String {
    let folder = layout.folder.display();
    match error {
        BatchError::Drop(DropError::Io { source, .. }) => disk(source, &folder.to_string()),
        BatchError::Journal(JournalError::Io { source, .. }) => disk(source, &layout.journals.display().to_string()),
        BatchError::File(error) => {
            if let FileCause::Io(source) = &*error.cause {
                disk(source, &folder.to_string())
            } else {
                error.next_step().to_owned()
            }
        }
        BatchError::Journal(JournalError::Unreadable { path, .. }) => format!(
            "restore {} from a backup, or move it away: what it lists can then no longer be recognised as written",
            path.display()
        ),
        BatchError::Taken { .. } => format!("have the partner take its files from {folder}; the batch is written then"),
        BatchError::Drop(DropError::Server(_)) => {
            "`syncline check --live` tells more; the records are written again by themselves".to_owned()
        }
        BatchError::Drop(_) | BatchError::Name(_) => {
            "correct `folder` or `name` of the stream in the connector".to_owned()
        }
    }
}

fn disk(error: &io::Error, folder: &str) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("free space for {folder}; the records are written again by themselves")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            format!("let the hub write to {folder}; the records are written again by themselves")
        }
        // The library's own list of kinds may grow; all others have one answer.
        _ => format!("check that {folder} is there and can be written to; the records are written again by themselves"),
    }
}
