//! Faithful fake vendors that misbehave on purpose, each with its own ledger of the truth, and a verdict over them: a shop, a
//! legacy ERP and a payment processor (`run`), and a WooCommerce shop before an Odoo (`trade`). For demos, rehearsals and tests.
//!
//! Not here: anything the hub imports, and anything imported from the hub; a shared mistake would judge itself.

mod bucket;
mod call;
mod catalogue;
mod clock;
mod courier;
mod erp;
mod faults;
mod forger;
mod idoc;
pub mod ledger;
mod money;
mod odoo;
mod options;
mod people;
mod plan;
mod psp;
mod run;
mod serve;
mod shop;
mod signature;
mod sync;
mod trade;
mod traffic;
mod verdict;
mod woo;

pub use courier::{Ack, Vendor};
pub use faults::Faults;
pub use forger::{Forgery, ForgeryCounts};
pub use idoc::{
    IdocErp, IdocMirror, IdocOptions, IdocProgress, IdocStatus, PlacedLine, PlacedOrder, Profile as IdocProfile,
    ToldDelivery,
};
pub use money::Currency;
pub use options::{Credentials, Ports, SandboxError, SandboxOptions, WebhookRetry};
pub use run::{Progress, Sandbox};
pub use trade::{Trade, TradeOptions, TradeProgress};
pub use verdict::{Finding, FindingKind, Verdict};
