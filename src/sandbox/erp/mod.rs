//! The legacy ERP: a small REST API to write to, and files in a directory to read from.
//!
//! Not here: orders before they arrive (`shop`) and what is right (`verdict`).

mod api;
mod body;
mod delivery_file;
mod drop_box;
mod ledger;
mod order_json;
mod payment_body;
mod stock_file;
mod vendor;
mod words;

pub use body::{ErpBody, ErpLine};
pub use ledger::{ErpLedger, ErpOrder};
pub use payment_body::ErpPayment;
pub use vendor::{Erp, POISON};
