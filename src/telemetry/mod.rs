//! What the hub tells about itself: logs, metrics, freshness; not here: pages that show them.
//!
//! Logs and metrics carry names and numbers, never payloads.

pub mod freshness;
mod log_text;
pub mod logging;
pub mod metrics;
pub mod moment;
