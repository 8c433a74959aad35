//! The result of a run: every row of both sides in exactly one bucket, and what people have to look at, in a fixed order.
//!
//! Rows that simply agree are counted, not listed. Not here: how it came about, how it is laid out for people.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::Date;

use super::code::{Code, SubCause};
use super::row::{Row, Side};
use super::rules::RuleSet;
use super::unit::{Totals, Unit};

/// Where a row ended; each row has one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    Rejected,
    /// By the rule of this name.
    Excluded(Arc<str>),
    MatchedExact,
    MatchedTolerance,
    MatchedGroup,
    MatchedManual,
    MatchedForced,
    InFlight,
    Timing,
    Break(Code),
}

impl Bucket {
    /// `MATCHED_EXACT`, `EXCLUDED(test)`, `BREAK(MISSING_IN_B)`.
    pub fn label(&self) -> String {
        match self {
            Bucket::Rejected => "REJECTED".to_owned(),
            Bucket::Excluded(rule) => format!("EXCLUDED({rule})"),
            Bucket::MatchedExact => "MATCHED_EXACT".to_owned(),
            Bucket::MatchedTolerance => "MATCHED_TOLERANCE".to_owned(),
            Bucket::MatchedGroup => "MATCHED_GROUP".to_owned(),
            Bucket::MatchedManual => "MATCHED_MANUAL".to_owned(),
            Bucket::MatchedForced => "MATCHED_FORCED".to_owned(),
            Bucket::InFlight => "IN_FLIGHT".to_owned(),
            Bucket::Timing => "TIMING".to_owned(),
            Bucket::Break(code) => format!("BREAK({code})"),
        }
    }

    /// The same bucket with the sides exchanged.
    pub fn mirrored(&self) -> Bucket {
        match self {
            Bucket::Break(code) => Bucket::Break(code.mirrored()),
            other @ (Bucket::Rejected
            | Bucket::Excluded(_)
            | Bucket::MatchedExact
            | Bucket::MatchedTolerance
            | Bucket::MatchedGroup
            | Bucket::MatchedManual
            | Bucket::MatchedForced
            | Bucket::InFlight
            | Bucket::Timing) => other.clone(),
        }
    }
}

/// A run's result.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What was read, counted while reading and independently of the buckets.
    pub read: [Totals; 2],
    pub buckets: BTreeMap<Bucket, [Totals; 2]>,
    /// Matches that are more than two equal rows.
    pub matches: Vec<Match>,
    pub in_flight: Vec<Item>,
    pub timing: Vec<Item>,
    pub breaks: Vec<Item>,
    pub excluded: Vec<(Arc<str>, Side, Row)>,
    pub rejected: Vec<Rejected>,
    /// Rows that matched, but later than agreed.
    pub late: u64,
    /// Decisions that found their rows changed or gone, by position.
    pub void_decisions: Vec<usize>,
}

/// A match that has something to tell.
#[derive(Debug, Clone)]
pub struct Match {
    pub bucket: Bucket,
    /// The pass that made it; nothing if a person did.
    pub pass: Option<Arc<str>>,
    pub key: Option<Box<str>>,
    /// `B − A`, where it is not 0.
    pub variance: BTreeMap<Unit, i128>,
    pub sub_cause: Option<SubCause>,
    pub reason: Option<Box<str>>,
    pub rows: [Vec<Row>; 2],
}

/// Rows that are not in agreement: a break, or what will explain itself.
#[derive(Debug, Clone)]
pub struct Item {
    /// The same for the same business fact in every run.
    pub id: String,
    pub bucket: Bucket,
    pub key: Option<Box<str>>,
    pub pass: Option<Arc<str>>,
    pub variance: BTreeMap<Unit, i128>,
    pub sub_cause: Option<SubCause>,
    /// All that differs, the gravest first; what the bucket's code says is among it.
    pub findings: Vec<Finding>,
    pub due: Option<Date>,
    pub carried: Option<Carried>,
    /// Rows that fit equally well, or that a pass suggests, by their places.
    pub candidates: Vec<String>,
    pub rows: [Vec<Row>; 2],
}

/// One thing that differs, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub code: Code,
    /// `total 12.50 EUR / 12.40 EUR`.
    pub text: String,
}

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    pub side: Side,
    pub place: String,
    pub reason: Box<str>,
    pub amount: Option<(Unit, i128)>,
}

/// How the hub itself explains a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// An operation that is under way: a job, a payload in the inbox.
    InFlight { operation: Box<str>, since: Option<Date> },
    /// Something changed after one of the sides was read: it must be read again.
    Reread { why: Box<str> },
    /// As `InFlight`, for longer than it may take.
    Stuck { operation: Box<str>, since: Option<Date> },
    /// A dead letter.
    Failed { operation: Box<str> },
}

/// Who knows what is under way.
pub trait Carrier {
    /// The hub's own explanation of this difference, if it has one.
    fn carried(&self, rules: &RuleSet, rows: &[Vec<&Row>; 2]) -> Option<Carried>;
}

/// Nothing is under way: files of two strangers.
pub struct NothingCarried;

impl Carrier for NothingCarried {
    fn carried(&self, _rules: &RuleSet, _rows: &[Vec<&Row>; 2]) -> Option<Carried> {
        None
    }
}

impl Outcome {
    /// What this bucket holds on this side.
    pub fn totals(&self, bucket: &Bucket, side: Side) -> Totals {
        self.buckets.get(bucket).map(|sides| sides[side.index()].clone()).unwrap_or_default()
    }

    /// Units on either side, in order.
    pub fn units(&self) -> std::collections::BTreeSet<Unit> {
        self.read.iter().flat_map(Totals::units).collect()
    }
}
