//! All SQL of the hub, behind one contract; not here: business rules.

mod audit_chain;
pub mod contract;
mod file_fate;
pub mod mutation;
mod open;
pub mod postgres;
pub mod rows;
pub mod sqlite;
mod transfer;

pub use audit_chain::{AuditEntry, chain_hash};
pub use contract::{Store, StoreError};
pub use file_fate::{FileDecision, FileFate, FileRow};
pub use open::{Location, open};
pub use rows::*;
pub use transfer::{Transferred, transfer};
