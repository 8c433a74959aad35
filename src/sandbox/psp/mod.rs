//! The payment processor: Stripe-shaped lists, events newest first, and signed webhooks.
//!
//! Not here: when a customer pays (`traffic`).

mod api;
mod ledger;
mod lists;
mod objects;
mod vendor;

pub use ledger::{Intent, PayVersion, PspLedger};
pub use vendor::{Psp, Step};
