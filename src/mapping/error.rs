//! Why one record could not be mapped: where in the payload, which field of the record, what was wrong.
//!
//! Not here: mistakes in mapping files (they are `config::yaml::Diagnostics`, found before anything runs).

use std::fmt;

use crate::model::{Entity, ErrorClass, RecordError, ValueError};

use super::expr::ExpressionError;

/// The mapping, the place and the fault. Stops this one record; the class decides what happens to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct MappingError {
    /// Connector, entity and direction: `shop/order (in)`.
    pub mapping: String,
    /// Where the value came from: a payload path going in, a record path going out.
    pub from: String,
    /// Where it was to go.
    pub to: String,
    pub fault: Box<MappingFault>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingFault {
    #[error("it is missing from the payload; if the sender may leave it out, say `optional: true`")]
    Missing,
    #[error("it is required and has no value")]
    Required,
    #[error(
        "{value:?} is not listed in crosswalk `{crosswalk}`; add it to values.yaml, and what waits for it goes through"
    )]
    UnmappedValue { crosswalk: String, value: String },
    #[error("{0}")]
    Value(ValueError),
    #[error("{found} cannot be read as one value")]
    Composite { found: &'static str },
    #[error("it is not a list")]
    NotAList,
    #[error("{0}")]
    Expression(ExpressionError),
    #[error("{0}")]
    Record(RecordError),
    #[error("the {entity} {key:?} has no {wanted} in the destination yet; it must be synced first")]
    UnresolvedRef { entity: Entity, key: String, wanted: String },
    #[error("{0}")]
    Arithmetic(String),
    #[error("no currency is known for this amount")]
    NoCurrency,
}

impl MappingError {
    pub fn class(&self) -> ErrorClass {
        match &*self.fault {
            MappingFault::UnmappedValue { .. } => ErrorClass::UnmappedValue,
            MappingFault::UnresolvedRef { .. } => ErrorClass::NotFound,
            MappingFault::Missing
            | MappingFault::Required
            | MappingFault::Value(_)
            | MappingFault::Composite { .. }
            | MappingFault::NotAList
            | MappingFault::Expression(_)
            | MappingFault::Record(_)
            | MappingFault::Arithmetic(_)
            | MappingFault::NoCurrency => ErrorClass::Data,
        }
    }

    /// The record this one waits for, if that is what stops it.
    pub fn waits_for(&self) -> Option<(Entity, &str)> {
        match &*self.fault {
            MappingFault::UnresolvedRef { entity, key, .. } => Some((*entity, key)),
            MappingFault::Missing
            | MappingFault::Required
            | MappingFault::UnmappedValue { .. }
            | MappingFault::Value(_)
            | MappingFault::Composite { .. }
            | MappingFault::NotAList
            | MappingFault::Expression(_)
            | MappingFault::Record(_)
            | MappingFault::Arithmetic(_)
            | MappingFault::NoCurrency => None,
        }
    }

    /// Crosswalk and value, if a value is not listed.
    pub fn unmapped_value(&self) -> Option<(&str, &str)> {
        if let MappingFault::UnmappedValue { crosswalk, value } = &*self.fault {
            Some((crosswalk, value))
        } else {
            None
        }
    }
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.mapping)?;
        match (self.from.as_str(), self.to.as_str()) {
            ("", "") => {}
            ("", place) | (place, "") => write!(f, "{place}: ")?,
            (from, to) => write!(f, "{from} -> {to}: ")?,
        }
        write!(f, "{}", self.fault)
    }
}

/// A fault on its way out of nested tables, gathering its place.
#[derive(Debug)]
pub(super) struct Failure {
    pub from: String,
    pub to: String,
    pub fault: Box<MappingFault>,
}

impl Failure {
    pub(super) fn new(from: &str, to: &str, fault: MappingFault) -> Failure {
        Failure { from: from.to_owned(), to: to.to_owned(), fault: Box::new(fault) }
    }

    /// Puts the place inside a list item: the item `at` of the list `from`, which was to be the one at `index` of `to`.
    pub(super) fn in_item(mut self, from: &str, at: usize, to: &str, index: usize) -> Failure {
        self.from = join(&format!("{}[{at}]", from.trim_end_matches("[]")), &self.from);
        self.to = join(&format!("{to}[{index}]"), &self.to);
        self
    }

    /// Puts the place inside an object.
    pub(super) fn in_object(mut self, from: &str, to: &str) -> Failure {
        self.from = join(from, &self.from);
        self.to = join(to, &self.to);
        self
    }

    pub(super) fn of(self, mapping: &str) -> MappingError {
        MappingError { mapping: mapping.to_owned(), from: self.from, to: self.to, fault: self.fault }
    }
}

fn join(outer: &str, inner: &str) -> String {
    match (outer, inner) {
        ("", place) | (place, "") => place.to_owned(),
        // `$settings.x` and `$record.x` start anew.
        (_, inner) if inner.starts_with('$') => inner.to_owned(),
        (outer, inner) => format!("{outer}.{inner}"),
    }
}
