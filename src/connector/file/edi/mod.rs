//! What reading and writing EDI have in common: delimiters, segments, repertoires, totals, and what can be wrong.
//!
//! Not here: the declared layout (`format`), envelopes (`read`, `write`).

mod cause;
mod delimiters;
mod repertoire;
mod segment;
mod tally;

pub use cause::EdiCause;
pub use delimiters::Delimiters;
pub use repertoire::Repertoire;
pub use segment::{Element, Segment};
pub(in crate::connector::file) use segment::{matches, number, text_at};
pub(in crate::connector::file) use tally::MessageTally;
