//! Bank statements, whatever their syntax: balances that tie, pages and numbers that follow each other, rows of one shape.
//!
//! Not here: the syntaxes (`read::mt940`, `read::bai2`, `read::camt`), what a row means to the hub (mapping).

mod chain;
mod day;
mod entry;
mod error;
mod page;

pub use error::StatementCause;

pub(super) use chain::Chain;
pub(super) use day::{near, short_date};
pub(super) use entry::{Entry, EntryStatus};
pub(super) use page::{Balance, Page, Sums};
