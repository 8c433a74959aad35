//! The truth about one planted difference, or one that the month brings by itself: what a reconciliation must say.
//!
//! Not here: how it was planted.

use std::collections::BTreeMap;

use crate::sandbox::money::Currency;

/// What must become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// A break of this code.
    Break(&'static str),
    /// Not yet due.
    Timing,
    /// A match within tolerance, with its variance told.
    Tolerated,
    /// A match, counted as late.
    Late,
    /// Nothing at all.
    Agrees,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Break(code) => code,
            Verdict::Timing => "TIMING",
            Verdict::Tolerated => "MATCHED_TOLERANCE",
            Verdict::Late => "LATE",
            Verdict::Agrees => "AGREES",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// `in transit` for what the month itself left open at its end.
    pub mutation: &'static str,
    pub verdict: Verdict,
    pub key: String,
    /// `B − A` in minor units.
    pub variance: BTreeMap<Currency, i64>,
    pub sub_cause: Option<&'static str>,
}
