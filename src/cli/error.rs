//! Why a command did not do it: what, where, and what to do next; not here: exit codes.

use crate::api::ApiError;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct CliError {
    pub what: String,
    /// A file, address or record; empty where `what` says it.
    pub place: String,
    pub next_step: String,
    /// The command line asked for something that cannot be meant.
    pub usage: bool,
    /// Nobody reads the output any more: nothing is wrong, and nobody is to be told.
    pub unread: bool,
}

impl CliError {
    pub fn new(what: impl Into<String>, place: impl Into<String>, next_step: impl Into<String>) -> CliError {
        CliError { what: what.into(), place: place.into(), next_step: next_step.into(), usage: false, unread: false }
    }

    pub fn usage(what: impl Into<String>, next_step: impl Into<String>) -> CliError {
        CliError { usage: true, ..CliError::new(what, "", next_step) }
    }

    pub fn internal(cause: impl std::fmt::Display) -> CliError {
        CliError::new(cause.to_string(), "", "try again with -v; if it stays, report it")
    }
}

impl From<ApiError> for CliError {
    fn from(error: ApiError) -> CliError {
        CliError::new(error.message, "", error.next_step)
    }
}

impl From<crate::store::StoreError> for CliError {
    fn from(error: crate::store::StoreError) -> CliError {
        match error {
            crate::store::StoreError::Open { path, cause, next_step } => CliError::new(cause, path, next_step),
            other => CliError::from(ApiError::from(other)),
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> CliError {
        let unread = error.kind() == std::io::ErrorKind::BrokenPipe;
        CliError { unread, ..CliError::internal(format!("output failed: {error}")) }
    }
}
