//! Statements that connectors read, as sides of a reconciliation: bank statements, processors' reports, any described file.
//!
//! A file counts whole or not at all. One that is cut, does not tie or holds what nobody knows makes its side incomplete, and then
//! nothing is compared: a row that was not read must not look like one that is missing. Not here: the formats
//! (`connector::file`), what a field means (`mapping`).

mod bind;
mod bound;
mod identity;
mod open;
mod read;
mod show;
mod spool;
mod statements;

pub use bind::bind;
pub use bound::{Bound, READ_BY};
pub use open::{Opened, open};
pub use show::records;
pub use spool::Spool;
