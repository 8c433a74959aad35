//! The storefront: Shopify-shaped REST, a leaky bucket, and signed webhooks.
//!
//! Not here: who places orders (`traffic`) and who pays for them (`psp`).

mod api;
mod fulfilments;
mod ledger;
mod levels;
mod order;
mod order_json;
mod orders_api;
mod pages;
mod subscriptions;
mod vendor;

pub use api::API_VERSION;
pub use ledger::{Fulfilment, ShopLedger};
pub use order::{Basket, Financial, Line, OrderVersion, ShopOrder};
pub use vendor::Shop;
