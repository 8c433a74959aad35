//! The things that the API shows, one per file: its shape outside, how it is read, what may be done to it.

pub mod actor;
pub mod audit;
pub mod backups;
pub mod connections;
pub mod edits;
pub mod events;
pub mod flows;
pub mod issues;
pub mod ledger;
pub mod overview;
mod reading;
pub mod reconciliations;
pub mod records;
pub mod reload;
pub mod verify;

pub(super) use reading::Reading;
