//! An Odoo database behind its JSON-RPC door, and the ledger of its truth, from the reference sheet alone.
//!
//! Not here: XML-RPC and JSON-2, `load` with external ids, invoices being made, and everything a person does by hand
//! except what the warehouse needs.

mod cell;
mod db;
mod domain;
mod fault;
mod models;
mod read;
mod rpc;
mod sale;
mod stock;
mod vendor;
mod write;

pub use cell::Cell;
pub use db::Db;
pub use models::{DISCOUNT, PRICE_LIST, SHIPPING, STOCK_LOCATION};
pub use vendor::{Odoo, USER_ID};
