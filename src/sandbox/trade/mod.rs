//! A WooCommerce shop, an Odoo behind it, the world around them, and the judgement over both ledgers.
//!
//! Not here: what either vendor does with a call (`woo`, `odoo`).

mod lives;
mod options;
mod run;
mod traffic;
mod verdict;

pub use options::TradeOptions;
pub use run::{Trade, TradeProgress};
