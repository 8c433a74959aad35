//! A checked configuration that may be rehearsed, what a rehearsal is asked for, and how one can fail.
//!
//! Not here: what drives it (`cast`), holding it (`stage`).

use std::path::{Path, PathBuf};

use crate::config::yaml::Diagnostics;
use crate::config::{Config, load_with};

use super::copy::Original;

/// What is rehearsed, and with what.
#[derive(Debug, Clone)]
pub struct Options {
    /// The user's configuration folder; only read.
    pub config: PathBuf,
    /// The program that is started as the hub: this one.
    pub program: PathBuf,
    /// Same seed, same keys.
    pub seed: u64,
    /// Only these connections send; all if empty.
    pub connections: Vec<String>,
    /// Where the copy lies; by default beside the configuration or in the system's temporary folder, whichever is on the store's disk.
    pub scratch: Option<PathBuf>,
}

/// A rehearsal that cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    #[error("the configuration has {} problems", .0.len())]
    Configuration(Diagnostics),
    #[error("the copy of the configuration is not accepted: {0}")]
    Copy(Diagnostics),
    #[error("connection {connection} would leave this machine: {reason}")]
    LeadsAway { connection: String, reason: String },
    #[error("connection {connection}: its webhooks cannot be signed: {reason}")]
    Unsigned { connection: String, reason: String },
    #[error("nothing in this configuration can be driven: {0}")]
    NothingDriven(String),
    #[error("there is no connection {0} that sends records")]
    NoSuchConnection(String),
    #[error("{what}: {cause}")]
    Io { what: String, cause: std::io::Error },
    #[error("the rehearsed hub {what}\n{log}")]
    Hub { what: String, log: String },
}

impl RehearseError {
    pub(super) fn io(what: &str) -> impl FnOnce(std::io::Error) -> RehearseError + '_ {
        move |cause| RehearseError::Io { what: what.to_owned(), cause }
    }
}

/// A configuration that may be rehearsed, any number of times.
pub struct Rehearsal {
    pub(super) options: Options,
    pub(super) original: Original,
    pub(super) config: Config,
}

impl Rehearsal {
    /// Reads and checks the user's configuration. Secrets and environment variables need not be there.
    pub fn load(options: Options) -> Result<Rehearsal, RehearseError> {
        let original = Original::read(&options.config, options.seed);
        let config = load_with(&options.config, &original.substitutes).map_err(RehearseError::Configuration)?;
        let sends = |name: &String| config.flows.iter().any(|flow| flow.from.connection == *name);
        if let Some(unknown) = options.connections.iter().find(|name| !sends(name)) {
            return Err(RehearseError::NoSuchConnection(unknown.clone()));
        }
        Ok(Rehearsal { options, original, config })
    }

    pub fn config(&self) -> &Config {
        &self.config
    }
}
/// Loads the copy, and refuses to go on if any of it would leave this machine.
pub(super) fn load_copy(rehearsal: &Rehearsal, folder: &Path, stand_in: &str) -> Result<Config, RehearseError> {
    let copy = load_with(folder, &rehearsal.original.substitutes).map_err(RehearseError::Copy)?;
    let own = folder.join("files").display().to_string();
    for connection in copy.connections.iter().filter(|connection| connection.enabled) {
        if let Some(reason) = super::audit::leads_away(connection, stand_in, &own) {
            return Err(RehearseError::LeadsAway { connection: connection.name.value.clone(), reason });
        }
    }
    Ok(copy)
}
