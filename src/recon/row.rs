//! A row of a statement: one thing that one side says, ready to be matched.
//!
//! Keys and compared fields are positional: the rule set names them once, a row holds their values in that order. Not here:
//! reading rows from anywhere (sources), what is compared how (rules).

use std::fmt;
use std::sync::Arc;

use crate::model::Date;

use super::unit::Unit;

/// One of the two sides. A is the authoritative one: variances are told as B − A.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    A,
    B,
}

impl Side {
    pub const BOTH: [Side; 2] = [Side::A, Side::B];

    pub fn other(self) -> Side {
        match self {
            Side::A => Side::B,
            Side::B => Side::A,
        }
    }

    pub fn index(self) -> usize {
        match self {
            Side::A => 0,
            Side::B => 1,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Side::A => "A",
            Side::B => "B",
        }
    }
}

/// Where a row stands in what was read: the source's name, and its number there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// A file's name, or a stream's.
    pub source: Arc<str>,
    /// A file's line or record, counted from 1; a mirror's row id.
    pub row: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.row)
    }
}

/// A compared value beside the amount.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldValue {
    Absent,
    Text(Box<str>),
    /// In the row's unit.
    Amount(i128),
    Date(Date),
}

impl FieldValue {
    /// As people read it.
    pub fn display(&self, unit: Unit) -> String {
        match self {
            FieldValue::Absent => "(none)".to_owned(),
            FieldValue::Text(text) => text.to_string(),
            FieldValue::Amount(amount) => unit.decimal(*amount),
            FieldValue::Date(date) => date.to_string(),
        }
    }
}

/// One row that takes part in matching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub place: Place,
    /// Values of the rule set's keys, in its order; a row without one does not take part in passes over it.
    pub keys: Box<[Option<Box<str>>]>,
    pub unit: Unit,
    pub amount: i128,
    /// The day on which it took effect, in the source's reporting time zone.
    pub date: Option<Date>,
    pub status: Option<Box<str>>,
    /// The key of what this belongs to (a refund's charge); without that on either side, the row is an orphan.
    pub parent: Option<Box<str>>,
    /// Values of the rule set's compared fields, in its order.
    pub fields: Box<[FieldValue]>,
    /// What could explain a difference (fee, tax, ...): amounts of the rule set's parts, in its order.
    pub parts: Box<[Option<i128>]>,
    /// Taxed lines that went into the amount: each may be off by one minor unit where the rules allow for rounding.
    pub lines: u32,
    /// What kind of movement it is, for the tie-out by category: `charge`, `refund`.
    pub category: Option<Box<str>>,
    /// What could not be translated (a SKU, a location), so that it cannot be matched: `sku AB-1`.
    pub unmapped: Option<Box<str>>,
}

impl Row {
    /// Order of content, whatever the place: what makes results independent of the order of input.
    pub fn by_content(&self, other: &Row) -> std::cmp::Ordering {
        self.by_value(other).then_with(|| self.place.cmp(&other.place))
    }

    /// As `by_content`, wherever they stand: equal rows can stand for one another.
    pub fn by_value(&self, other: &Row) -> std::cmp::Ordering {
        let content = |row: &'_ Row| (row.unit, row.amount, row.date);
        content(self)
            .cmp(&content(other))
            .then_with(|| self.status.cmp(&other.status))
            .then_with(|| self.keys.cmp(&other.keys))
            .then_with(|| self.fields.cmp(&other.fields))
            .then_with(|| self.parent.cmp(&other.parent))
            .then_with(|| self.parts.cmp(&other.parts))
            .then_with(|| self.category.cmp(&other.category))
            .then_with(|| self.unmapped.cmp(&other.unmapped))
            .then_with(|| self.lines.cmp(&other.lines))
    }
}

/// What a source hands over for each row it read. Each becomes exactly one row of exactly one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    Row(Row),
    /// Out of scope by a named rule.
    Excluded {
        rule: Arc<str>,
        row: Row,
    },
    /// It could not be read; its amount counts where that much is known.
    Rejected {
        place: Place,
        reason: Box<str>,
        amount: Option<(Unit, i128)>,
    },
}
