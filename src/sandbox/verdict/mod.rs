//! The judgement: do the ledgers of all vendors tell the same story?
//!
//! Not here: anything the hub says about itself; only what it did to the vendors counts.

mod deliveries;
mod findings;
mod orders;
mod payments;
mod stock;

pub use deliveries::judge_deliveries;
pub use findings::{Finding, FindingKind, Verdict};
pub use orders::judge_orders;
pub use payments::judge_payments;
pub use stock::judge_stock;
