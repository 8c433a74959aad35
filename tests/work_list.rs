//! What goes wrong in a hub at work, as people see it in issues, records and the ledger: named, and acted upon with effect.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "work_list/desk.rs"]
mod desk;
#[path = "work_list/events.rs"]
mod events;
#[path = "work_list/payloads.rs"]
mod payloads;
#[path = "work_list/refused_files.rs"]
mod refused_files;
