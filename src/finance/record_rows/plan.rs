//! What a side takes a record's values for, resolved for one entity: all that making rows needs.
//!
//! Not here: resolving (`resolve`), making rows (`make`).

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::model::{Entity, FieldPath};
use crate::recon::unit::Unit;

/// A side's cells, in the rules' order.
#[derive(Debug)]
pub struct RecordRows {
    /// Records of another one are none of this side's.
    pub(super) entity: Entity,
    /// Days are days of this zone.
    pub(super) zone: TimeZone,
    pub(super) keys: Vec<Option<TextCell>>,
    /// A row for each.
    pub(super) amounts: Vec<AmountCell>,
    /// The currency of amounts that are no money; where a record has none, `unit`.
    pub(super) currency: Option<FieldPath>,
    pub(super) unit: Option<Unit>,
    pub(super) date: Option<FieldPath>,
    pub(super) status: Option<TextCell>,
    pub(super) parent: Option<TextCell>,
    pub(super) category: Option<TextCell>,
    /// A number, or a list whose items count.
    pub(super) lines: Option<FieldPath>,
    pub(super) fields: Vec<Option<FieldCell>>,
    pub(super) parts: Vec<Option<BesideCell>>,
    pub(super) exclude: Vec<OutOfScope>,
}

/// What is taken as text.
#[derive(Debug)]
pub(super) enum TextCell {
    /// The record's key as its system writes it; of files, the stream's key.
    Key,
    /// The record's name across systems.
    NaturalKey,
    Path(FieldPath),
}

#[derive(Debug)]
pub(super) struct AmountCell {
    /// What the row is called where a record becomes several.
    pub name: Option<Arc<str>>,
    pub path: FieldPath,
    /// As the definition writes it, for people.
    pub from: Box<str>,
    pub negate: bool,
}

/// An amount beside the row's, in the same unit.
#[derive(Debug)]
pub(super) struct BesideCell {
    pub path: FieldPath,
    pub negate: bool,
}

/// A compared field.
#[derive(Debug)]
pub(super) enum FieldCell {
    Text(TextCell),
    Amount(BesideCell),
    Date(FieldPath),
}

#[derive(Debug)]
pub(super) struct OutOfScope {
    pub rule: Arc<str>,
    pub from: TextCell,
    pub is: Vec<String>,
    pub is_not: Vec<String>,
}
