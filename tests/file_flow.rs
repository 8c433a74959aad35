//! Files through the hub with real folders and a real database: intake with its crashes and refusals, and the sink.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "file_flow/crash.rs"]
mod crash;
#[path = "file_flow/failing_store.rs"]
mod failing_store;
#[path = "file_flow/intake.rs"]
mod intake;
#[path = "file_flow/partner.rs"]
mod partner;
#[path = "file_flow/rig.rs"]
mod rig;
#[path = "file_flow/sink.rs"]
mod sink;
#[path = "file_flow/sink_crash.rs"]
mod sink_crash;
