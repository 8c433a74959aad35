//! EDI: what partners send is read exactly or refused with the reason, and what the hub writes reads back equal.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "edi/edifact.rs"]
mod edifact;
#[path = "edi/fixtures.rs"]
mod fixtures;
#[path = "edi/hostile.rs"]
mod hostile;
#[path = "edi/round_trip.rs"]
mod round_trip;
#[path = "edi/sink.rs"]
mod sink;
#[path = "edi/support.rs"]
mod support;
#[path = "edi/x12.rs"]
mod x12;
