//! A connector out of an OpenAPI document (3.0, 3.1, Swagger 2.0): what the document says, and marked, what it only suggests.
//!
//! Deterministic: the same document gives the same files. Not here: writing them (`files`), any network.

mod cells;
mod compose;
mod document;
mod entity;
mod fields;
mod fixtures;
mod manifest;
mod mapping;
mod mend;
mod names;
mod operations;
mod paging;
mod paths;
mod sample;
mod schema;
mod service;
mod statuses;
mod streams;

pub(super) use compose::files;
