//! Compiles and applies mappings: tables of cells between vendors' payloads and canonical records. Pure.
//!
//! Not here: I/O, where payloads come from and go to, what a record is (see `model`).

mod cell;
mod compile;
mod compile_cell;
mod compile_in;
mod compile_list;
mod compile_out;
mod crosswalk;
mod draft;
mod error;
pub mod expr;
mod filter;
mod inbound;
mod list;
#[allow(clippy::module_inception)]
mod mapping;
mod nulls;
mod number_format;
mod outbound;
pub(crate) mod personal;
mod probe;
mod profile;
mod snippets;
mod spec;
mod suggest;
mod suggest_words;
mod test_spec;
mod testing;
mod time_format;
mod writer;

pub use crosswalk::{Crosswalk, Exponents, Values};
pub use draft::{Draft, draft};
pub use error::{MappingError, MappingFault};
pub use filter::Filter;
pub use inbound::InContext;
pub use mapping::Mapping;
pub use number_format::{DecimalSign, NumberFormat};
pub use outbound::{OutContext, Refs, Remote};
pub use probe::{Probe, ProbeKind};
pub use profile::{FieldProfile, Profile, TimeForm, time_form};
pub use suggest::{Confidence, Property, Recognised, Shape, Suggestion, suggest, suggest_fields, suggest_status};
pub use testing::{Sample, TestOutcome, differences, json_of, run_tests, samples, samples_with_settings};
pub use time_format::{Ambiguous, TimeFormat};
