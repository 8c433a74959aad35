//! A side's stream as the installation has it: how files are read, what a record becomes, which of its fields are what.
//!
//! Not here: finding it (`bind`), reading (`read`).

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::connector::file::FileSpec;
use crate::connector::file::drop::Completeness;
use crate::mapping::Mapping;
use crate::mapping::expr::Template;
use crate::model::{Entity, FieldPath};
use crate::recon::large::FieldKind;
use crate::recon::unit::Unit;

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
    /// Days are days of this zone.
    pub zone: TimeZone,
    pub plan: Plan,
}

/// A side's cells, in the rules' order.
#[derive(Debug)]
pub struct Plan {
    pub keys: Vec<Option<FieldPath>>,
    /// A row for each.
    pub amounts: Vec<AmountCell>,
    pub currency: Option<FieldPath>,
    pub unit: Option<Unit>,
    pub date: Option<FieldPath>,
    pub status: Option<FieldPath>,
    pub parent: Option<FieldPath>,
    pub category: Option<FieldPath>,
    pub lines: Option<FieldPath>,
    pub fields: Vec<Option<(FieldPath, FieldKind)>>,
    pub parts: Vec<Option<(FieldPath, bool)>>,
    pub exclude: Vec<OutOfScope>,
}

#[derive(Debug)]
pub struct AmountCell {
    /// What the row is called where a record becomes several.
    pub name: Option<Arc<str>>,
    pub path: FieldPath,
    pub negate: bool,
}

#[derive(Debug)]
pub struct OutOfScope {
    pub rule: Arc<str>,
    pub path: FieldPath,
    pub is: Vec<String>,
    pub is_not: Vec<String>,
}

impl Bound {
    /// What reports name a file's reader by: `read by mt940/statements ab12cd34ef56`.
    pub fn reader(&self) -> String {
        format!("{READ_BY}{} {}", self.label, self.fingerprint)
    }
}

/// How the reader's control of an input begins.
pub const READ_BY: &str = "read by ";
