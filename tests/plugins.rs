//! Programs as connectors, with real programs: those that behave, those that do not, and Singer's own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "plugins/examples.rs"]
mod examples;
#[path = "plugins/hub.rs"]
mod hub;
#[path = "plugins/isolation.rs"]
mod isolation;
#[path = "plugins/manifest.rs"]
mod manifest;
#[path = "plugins/reading.rs"]
mod reading;
#[path = "plugins/rig.rs"]
mod rig;
#[path = "plugins/singer.rs"]
mod singer;
#[path = "plugins/singer_real.rs"]
mod singer_real;
#[path = "plugins/writing.rs"]
mod writing;
