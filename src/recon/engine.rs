//! One run over rows in memory: count, match, settle, and prove that nothing was lost.
//!
//! Statements too large for memory come here only with what differs (`stream`). Not here: reading, storing, showing.

use std::collections::HashMap;

use super::identity::Identities;
use super::matching::{self, Decision, Matching};
use super::outcome::{Bucket, Outcome, Rejected};
use super::row::{Entry, Row, Side};
use super::rules::RuleSet;
use super::settle::{Circumstances, settle};
use super::tie_out::{self, Violation};
use super::unit::SumOverflow;

/// Why a run has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Overflow(#[from] SumOverflow),
    #[error("the run contradicts itself and is void: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Violated(Vec<Violation>),
}

/// Reconciles what two sources said. `decisions` are applied before any pass.
pub fn reconcile(
    rules: &RuleSet,
    entries: [Vec<Entry>; 2],
    decisions: &[Decision],
    around: &Circumstances<'_>,
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    let [a, b] = entries;
    let rows = [admit(&mut outcome, Side::A, a)?, admit(&mut outcome, Side::B, b)?];
    continue_with(rules, outcome, rows, decisions, around)
}

/// Goes on where rows were read, counted and partly settled by someone else.
pub(super) fn continue_with(
    rules: &RuleSet,
    mut outcome: Outcome,
    mut rows: [Vec<Row>; 2],
    decisions: &[Decision],
    around: &Circumstances<'_>,
) -> Result<Outcome, Failure> {
    rows.iter_mut().for_each(|rows| rows.sort_unstable_by(Row::by_content));
    let mut matching = Matching::new(rules, &rows);
    outcome.void_decisions = decide(&mut matching, decisions);
    matching::run(rules, &mut matching);
    settle(&matching, around, &mut outcome)?;
    let violations = tie_out::check(&outcome);
    if violations.is_empty() { Ok(outcome) } else { Err(Failure::Violated(violations)) }
}

/// Counts what was read and sets aside what does not take part.
fn admit(outcome: &mut Outcome, side: Side, entries: Vec<Entry>) -> Result<Vec<Row>, SumOverflow> {
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        rows.extend(admit_one(outcome, side, entry)?);
    }
    Ok(rows)
}

/// Counts one entry; gives the row back if it takes part.
pub(super) fn admit_one(outcome: &mut Outcome, side: Side, entry: Entry) -> Result<Option<Row>, SumOverflow> {
    let index = side.index();
    match entry {
        Entry::Row(row) => {
            outcome.read[index].add(row.unit, row.amount)?;
            Ok(Some(row))
        }
        Entry::Excluded { rule, row } => {
            outcome.read[index].add(row.unit, row.amount)?;
            let bucket = outcome.buckets.entry(Bucket::Excluded(rule.clone())).or_default();
            bucket[index].add(row.unit, row.amount)?;
            outcome.excluded.push((rule, side, row));
            Ok(None)
        }
        Entry::Rejected { place, reason, amount } => {
            let bucket = &mut outcome.buckets.entry(Bucket::Rejected).or_default()[index];
            for totals in [bucket, &mut outcome.read[index]] {
                match amount {
                    Some((unit, amount)) => totals.add(unit, amount)?,
                    None => totals.add_without_amount(),
                }
            }
            outcome.rejected.push(Rejected { side, place: place.to_string(), reason, amount });
            Ok(None)
        }
    }
}

/// Applies decisions; positions of those whose rows are not there, not free, or do not tie though they were said to.
fn decide(matching: &mut Matching<'_>, decisions: &[Decision]) -> Vec<usize> {
    if decisions.is_empty() {
        return Vec::new();
    }
    let mut known: [HashMap<String, usize>; 2] = [HashMap::new(), HashMap::new()];
    let mut identities = Identities::default();
    for side in Side::BOTH {
        for (at, row) in matching.rows[side.index()].iter().enumerate() {
            known[side.index()].insert(identities.row(matching.rules, side, row), at);
        }
    }
    let mut void = Vec::new();
    for (at, decision) in decisions.iter().enumerate() {
        let rows = Side::BOTH.map(|side| {
            let found = decision.rows[side.index()].iter().map(|row| known[side.index()].get(row).copied());
            found.collect::<Option<Vec<usize>>>()
        });
        let applied = match rows {
            [Some(a), Some(b)] => matching.decide([a, b], decision.kind, &decision.reason),
            [_, _] => false,
        };
        if !applied {
            void.push(at);
        }
    }
    void
}
