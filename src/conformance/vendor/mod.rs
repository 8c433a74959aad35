//! The vendor of a fixture: a real server on this machine that plays exchanges, compares what it is asked, and misbehaves as told.
//!
//! Not here: which misbehaviour is asked for, and what must come of it (`run`).

mod matching;
mod script;
mod server;

pub(crate) use matching::Asked;
pub(crate) use script::{Fault, Script};
pub(crate) use server::Vendor;
