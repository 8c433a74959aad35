//! Reconciliations as finance knows them: their definitions, the statements they read, their runs and reports.
//!
//! Not here: what a match or a break is (`recon`), how pages and commands show it.

pub mod audit;
pub mod bind;
pub mod continuous;
pub mod definition;
pub mod desk;
pub mod export;
pub mod extract;
pub mod files;
pub mod heal;
pub mod inflight;
pub mod kept;
pub mod lines;
pub mod look;
pub mod payouts;
pub mod period;
pub mod record_rows;
pub mod rederive;
pub mod run;
pub mod schedule;
pub mod source;
pub mod story;
pub mod systems;
pub mod taken;
pub mod workflow;
mod written;
