//! The files that people write as JSON Schemas (2020-12), for editors: keys, closed sets, and what each is for.
//!
//! The decoders are what decides; these tables say the same to editors, and `agreement_tests` asks the decoders about every key
//! and every word of a closed set, in both directions. Not here: checking files, the canonical entities' tables (`model`).

mod config;
mod document;
mod fixture;
mod http;
mod http_write;
mod json;
mod manifest;
mod manifest_file;
mod manifest_process;
mod manifest_sql;
mod mapping;
mod reconciliation;
mod shape;
mod stream;
mod webhook;

pub use document::{Document, all};

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod agreement_tests;
