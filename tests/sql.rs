//! Databases as vendor systems, with real ones: PostgreSQL and MariaDB servers that the tests start and stop, and SQLite files.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod command;
#[path = "sql/exact.rs"]
mod exact;
#[path = "sql/faults.rs"]
mod faults;
#[path = "sql/hub.rs"]
mod hub;
#[path = "sql/manifest.rs"]
mod manifest;
#[path = "sql/reading.rs"]
mod reading;
#[path = "sql/rig.rs"]
mod rig;
#[path = "server/mod.rs"]
mod server;
#[path = "sql/wire.rs"]
mod wire;
#[path = "sql/writing.rs"]
mod writing;
