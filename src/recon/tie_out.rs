//! The tie-out: how the totals of two sides come to differ, line by line, with a residual that must be 0.
//!
//! Totals were counted while reading, lines come from the buckets: if a row was lost, doubled or misplaced in between, the
//! residual says so, and the run fails. Not here: layout.

use super::outcome::{Bucket, Outcome};
use super::row::Side;
use super::unit::{Sum, Unit};

/// One line of a unit's bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Nothing for the totals and the residual.
    pub bucket: Option<Bucket>,
    pub label: String,
    pub a: Sum,
    pub b: Sum,
    /// `A − B`.
    pub difference: i128,
}

/// The bridge of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    pub unit: Unit,
    /// What was read.
    pub total: Line,
    /// One line per bucket that holds rows of this unit.
    pub lines: Vec<Line>,
    /// What no line explains: 0, or the run has failed.
    pub residual: i128,
}

/// Something that must never happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error("side {side}: {read} rows were read and {placed} are in buckets: rows were lost or counted twice")]
    Rows { side: &'static str, read: u64, placed: u64 },
    #[error("side {side}, {unit}: {read} was read and {placed} is in buckets")]
    Amount { side: &'static str, unit: Unit, read: String, placed: String },
    #[error("{unit}: {residual} of the difference between the sides is explained by no line")]
    Residual { unit: Unit, residual: String },
    #[error("a sum does not fit 128 bits")]
    Overflow,
}

/// The bridges of all units, in order of unit.
pub fn bridges(outcome: &Outcome) -> Vec<Bridge> {
    outcome.units().into_iter().map(|unit| bridge(outcome, unit)).collect()
}

fn bridge(outcome: &Outcome, unit: Unit) -> Bridge {
    let line = |bucket: Option<&Bucket>, label: String, a: Sum, b: Sum| {
        let difference = a.amount.saturating_sub(b.amount);
        Line { bucket: bucket.cloned(), label, a, b, difference }
    };
    let total = line(None, "total".to_owned(), outcome.read[0].of(unit), outcome.read[1].of(unit));
    let lines: Vec<Line> = outcome
        .buckets
        .iter()
        .map(|(bucket, [a, b])| line(Some(bucket), bucket.label(), a.of(unit), b.of(unit)))
        .filter(|line| line.a.rows + line.b.rows > 0)
        .collect();
    let explained = lines.iter().fold(0_i128, |sum, line| sum.saturating_add(line.difference));
    Bridge { unit, residual: total.difference.saturating_sub(explained), total, lines }
}

/// Conservation of rows and amounts on each side, and the residual. All violations at once.
pub fn check(outcome: &Outcome) -> Vec<Violation> {
    let mut violations = Vec::new();
    for side in Side::BOTH {
        let read = &outcome.read[side.index()];
        let mut placed = super::unit::Totals::default();
        if outcome.buckets.values().any(|sides| placed.merge(&sides[side.index()]).is_err()) {
            violations.push(Violation::Overflow);
        }
        if read.rows != placed.rows {
            violations.push(Violation::Rows { side: side.as_str(), read: read.rows, placed: placed.rows });
        }
        for unit in read.units().chain(placed.units()).collect::<std::collections::BTreeSet<_>>() {
            let [read, placed] = [read.of(unit), placed.of(unit)].map(|sum| sum.amount);
            if read != placed {
                let [read, placed] = [read, placed].map(|amount| format!("{} {unit}", unit.decimal(amount)));
                violations.push(Violation::Amount { side: side.as_str(), unit, read, placed });
            }
        }
    }
    let residuals = bridges(outcome).into_iter().filter(|bridge| bridge.residual != 0);
    violations.extend(
        residuals
            .map(|bridge| Violation::Residual { unit: bridge.unit, residual: bridge.unit.decimal(bridge.residual) }),
    );
    violations
}
