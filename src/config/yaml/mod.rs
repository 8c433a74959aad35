//! A YAML subset with positions, and a decoder that collects every error instead of stopping at the first.
//!
//! Not here: the meaning of any key. Left out of YAML on purpose: anchors, aliases, tags, several documents, duplicate keys,
//! non-text keys, and every guess about types (a scalar stays text until a reader asks for a number, a duration, a flag).

mod decode;
mod diagnostics;
mod map;
mod node;
mod parse;
mod quantity;
mod source;

pub use decode::{Choice, Context, Decode, Spanned, closest, decode_choice, suggest};
pub use diagnostics::{Diagnostic, Diagnostics, Warnings};
pub use map::MapReader;
pub use node::{Entry, Kind, Node, Scalar};
pub use parse::{Bounds, MAX_BYTES, MAX_DEPTH, MAX_NODES, parse, parse_within};
pub use quantity::{ByteSize, Percent, duration};
pub use source::{Place, Source, Span};

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
