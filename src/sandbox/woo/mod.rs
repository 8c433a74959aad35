//! A WooCommerce shop: REST API `wc/v3`, webhooks, checkout, and the ledger of its truth, from the reference sheet alone.
//!
//! Not here: creating products, customers or orders through the API; customers do that at the counter.

mod api;
mod hooks;
mod json;
mod ledger;
mod lists;
mod order;
mod orders_api;
mod products_api;
mod vendor;

pub use ledger::WooLedger;
pub use order::{Cart, Status, WooOrder};
pub use vendor::Woo;
