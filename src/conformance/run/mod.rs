//! The runners: what is asked of a connector, behaviour by behaviour.
//!
//! Not here: fixtures as files (`fixture`), the vendor that plays them (`vendor`).

mod agree;
mod bench;
mod checking;
mod deliveries;
mod failing;
mod files;
mod forging;
mod overheard;
mod pacing;
mod reading;
mod shifting;
mod single;
mod subscribing;
mod suite;
mod values;
mod walking;
mod writing;

pub(super) use agree::fits;
pub use suite::{test, test_all};
