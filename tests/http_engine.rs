//! The HTTP engine against a vendor on a real socket.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "http_engine/batching.rs"]
mod batching;
#[path = "http_engine/choices.rs"]
mod choices;
#[path = "http_engine/credentials.rs"]
mod credentials;
#[path = "http_engine/dialects.rs"]
mod dialects;
#[path = "http_engine/egress.rs"]
mod egress;
#[path = "http_engine/following.rs"]
mod following;
#[path = "http_engine/incoming.rs"]
mod incoming;
#[path = "http_engine/lists.rs"]
mod lists;
#[path = "http_engine/logins.rs"]
mod logins;
#[path = "http_engine/misbehaviour.rs"]
mod misbehaviour;
#[path = "http_engine/outcomes.rs"]
mod outcomes;
#[path = "http_engine/own_rules.rs"]
mod own_rules;
#[path = "http_engine/reading.rs"]
mod reading;
#[path = "http_engine/setup.rs"]
mod setup;
#[path = "http_engine/shipped.rs"]
mod shipped;
#[path = "http_engine/signatures.rs"]
mod signatures;
#[path = "http_engine/subscribing.rs"]
mod subscribing;
#[path = "http_engine/vendor.rs"]
mod vendor;
#[path = "http_engine/vendor_times.rs"]
mod vendor_times;
#[path = "http_engine/walking.rs"]
mod walking;
#[path = "http_engine/writing.rs"]
mod writing;
