//! Compiles and applies mappings: tables of cells between vendors' payloads and canonical records. Pure.
//!
//! Not here: I/O, where payloads come from and go to, what a record is (see `model`).

mod crosswalk;
mod error;
pub mod expr;
mod number_format;
mod time_format;

pub use crosswalk::{Crosswalk, Exponents, Values};
pub use error::{MappingError, MappingFault};
pub use number_format::{DecimalSign, NumberFormat};
pub use time_format::{Ambiguous, TimeFormat};
