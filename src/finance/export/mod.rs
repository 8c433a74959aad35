//! Reports as files for people and their programs: CSV, JSON Lines, XLSX, PDF.
//!
//! Each shows what the report says and is a function of it: equal reports give equal bytes. Not here: what a report says
//! (`recon::report`), who may sign or fetch it.

mod asked;
mod csv;
mod error;
mod json_lines;
mod pdf;
mod section;
mod signature;
mod table;
mod tables;
mod ties;
mod totals;
mod write;
mod xlsx;

pub use asked::{AskedError, FORMATS};
pub use csv::{Dialect, Separator};
pub use error::ExportError;
pub use section::{SCHEMA, Section};
pub use signature::{Role, Signature, fingerprint};
pub use totals::{SectionTotal, totals};
pub use write::{Format, write};
