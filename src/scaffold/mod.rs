//! New connectors as files to begin with: a plain one that a person edits, or what an OpenAPI document tells.
//!
//! Everything is written beside its place first, linted there, and moved as a whole: a scaffold is complete, or nothing is there.
//! Not here: what manifests and mappings mean (`connector`, `mapping`), what is right about them (`conformance`), printing.

mod connector;
mod error;
mod files;
mod note;
mod openapi;
mod plain;
mod text;

pub use connector::{Scaffolded, new_connector};
pub use error::ScaffoldError;
pub use note::{Note, NoteKind};
