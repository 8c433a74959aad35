//! `syncline recon`: running reconciliations, working their breaks, signing them; not here: rules.

mod args;
mod breaks;
mod command;
mod export;
mod report;
mod story;

pub use args::{ReconCommand, Section, SignRole};
pub(super) use command::recon;
