//! Files in and out: the drop checklist, hostile content, round trips, crashes between the steps of a pick-up.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "files/csv.rs"]
mod csv;
#[path = "files/drop.rs"]
mod drop;
#[path = "files/fixed.rs"]
mod fixed;
#[path = "files/hostile.rs"]
mod hostile;
#[path = "files/json.rs"]
mod json;
#[path = "files/outbound.rs"]
mod outbound;
#[path = "files/round_trip.rs"]
mod round_trip;
#[path = "files/streaming.rs"]
mod streaming;
#[path = "files/support.rs"]
mod support;
#[path = "files/xml.rs"]
mod xml;
