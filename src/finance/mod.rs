//! Reconciliations as finance knows them: their definitions, the statements they read, their runs and reports.
//!
//! Not here: what a match or a break is (`recon`), how pages and commands show it.

pub mod definition;
pub mod desk;
pub mod export;
pub mod files;
pub mod period;
pub mod rederive;
pub mod run;
pub mod source;
pub mod workflow;
