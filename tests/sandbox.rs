//! The sandbox's vendors behave as the reference sheets say, misbehave as told, and their verdict sees what it must.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "sandbox/idoc.rs"]
mod idoc;
#[path = "sandbox/mirror.rs"]
mod mirror;
#[path = "sandbox/trade_vendors.rs"]
mod trade_vendors;
#[path = "sandbox/trade_verdicts.rs"]
mod trade_verdicts;
#[path = "sandbox/trade_world.rs"]
mod trade_world;
#[path = "sandbox/vendors.rs"]
mod vendors;
#[path = "sandbox/verdicts.rs"]
mod verdicts;
#[path = "sandbox/webhooks.rs"]
mod webhooks;
#[path = "sandbox/world.rs"]
mod world;
