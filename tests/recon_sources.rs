//! Sides of files: what connectors read is compared; what they refuse makes the run `not reconciled` and says why. Not here: the
//! readers themselves (tests/statements), breaks and signatures (tests/reconciliation).
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "recon_sources/bad.rs"]
mod bad;
mod command;
#[path = "recon_sources/installation.rs"]
mod installation;
#[path = "recon_sources/read.rs"]
mod read;
