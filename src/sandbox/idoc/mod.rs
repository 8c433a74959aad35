//! An ERP that speaks IDoc files over two folders and SOAP over one address, written from the published facts alone.
//!
//! Not here: the legacy ERP with its REST interface (`erp`), and who places the orders: callers bring their own truth.

mod document;
mod inbox;
mod ledger;
mod messages;
mod number;
mod options;
mod order;
mod outbox;
mod profile;
mod soap;
mod soap_body;
mod tree;
mod vendor;
mod verdict;

pub use ledger::IdocStatus;
pub use options::{IdocMirror, IdocOptions, PlacedLine, PlacedOrder, ToldDelivery};
pub use profile::Profile;
pub use vendor::{IdocErp, IdocProgress};
