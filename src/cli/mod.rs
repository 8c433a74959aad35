//! The commands for people: one file each, all of them clients of the API; not here: rules.
//!
//! If a daemon runs for the data directory, commands talk to it; otherwise they open the store themselves and call the
//! same API in process. What a command does is therefore done by the same code either way.
//!
//! A new command is a variant of `args::Command`, a file beside the others and an arm in `entry::dispatch`.

mod args;
mod backup;
mod catalogue;
mod check;
mod client;
mod connector;
mod connectors;
pub mod demo;
mod discover;
mod edit;
mod entry;
mod error;
mod explain;
mod init;
mod installation;
mod issues;
mod mapping;
mod migrate_store;
mod output;
mod progress;
mod recon;
mod record;
mod rehearse;
mod reload;
mod replay;
mod restore;
mod run;
mod sandbox;
mod schema;
mod status;
mod verify;

pub use args::{Cli, ColorChoice, Command, IssuesCommand};
pub use catalogue::catalogue;
pub use client::ADDRESS_FILE;
pub use entry::{Exit, execute, main};
pub use error::CliError;
pub use installation::Installation;
pub use output::Surroundings;
pub use recon::{ReconCommand, Section, SignRole};
