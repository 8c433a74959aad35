//! A side's stream as the installation has it: how files are read and what a record becomes.
//!
//! Not here: finding it (`bind`), reading (`read`).

use serde_json::Value;

use crate::connector::file::FileSpec;
use crate::connector::file::drop::Completeness;
use crate::finance::record_rows::RecordRows;
use crate::mapping::Mapping;
use crate::mapping::expr::Template;
use crate::model::Entity;

/// Everything that reading a side's files needs.
#[derive(Debug)]
pub struct Bound {
    /// `mt940/statements`.
    pub label: String,
    /// Of the connector's manifest and mapping: another one reads otherwise.
    pub fingerprint: String,
    pub spec: FileSpec,
    pub completeness: Completeness,
    pub entity: Entity,
    /// None if records are canonical already.
    pub mapping: Option<Mapping>,
    pub key: Template,
    pub settings: Value,
    /// What becomes of its records.
    pub rows: RecordRows,
}

impl Bound {
    /// What reports name a file's reader by: `read by mt940/statements ab12cd34ef56`.
    pub fn reader(&self) -> String {
        format!("{READ_BY}{} {}", self.label, self.fingerprint)
    }
}

/// How the reader's control of an input begins.
pub const READ_BY: &str = "read by ";
