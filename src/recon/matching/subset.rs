//! One row that is the sum of several of the other side, claimed only if there is exactly one way to make the sum.
//!
//! The search is bounded in items, candidates and steps; what is not proven to be the only way is left alone. Not here: groups
//! that a key names (`grouped`).

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Date;
use crate::recon::row::Side;
use crate::recon::rules::{RuleSet, Subset};
use crate::recon::unit::Unit;

use super::state::Matching;
use super::window::days_around;

/// Sums tried for one row, at most.
const MOST_STEPS: usize = 200_000;

struct Candidate {
    at: usize,
    /// Without sign: all candidates of one search have the same.
    amount: u128,
}

pub(super) fn run(_rules: &RuleSet, pass: usize, subset: &Subset, matching: &mut Matching<'_>) {
    let one = subset.many.other();
    let Proposals { unique, several } = proposals(matching, subset);
    // A row that two sums want belongs to neither.
    let mut wanted: BTreeMap<usize, u32> = BTreeMap::new();
    for item in unique.iter().chain(&several).flat_map(|(_, items)| items) {
        *wanted.entry(*item).or_default() += 1;
    }
    // What a former pass could have meant for another row is not the sum's either.
    let elsewhere = |matching: &Matching<'_>, side: Side, at: usize| matching.candidates(side, at).next().is_some();
    for (at, items) in unique {
        let sole = |item: &usize| wanted.get(item) == Some(&1) && !elsewhere(matching, subset.many, *item);
        if !elsewhere(matching, one, at) && items.iter().all(sole) {
            let rows = match one {
                Side::A => [vec![at], items],
                Side::B => [items, vec![at]],
            };
            matching.claim(pass, rows, None);
        } else {
            matching.mark_candidates(one, at, items);
        }
    }
    for (at, items) in several {
        matching.mark_candidates(one, at, items);
    }
}

/// Adds the rows that some sum of several would explain.
pub(super) fn explained(subset: &Subset, matching: &Matching<'_>, rows: &mut [BTreeSet<usize>; 2]) {
    let Proposals { unique, several } = proposals(matching, subset);
    for (at, items) in unique.into_iter().chain(several) {
        rows[subset.many.other().index()].insert(at);
        rows[subset.many.index()].extend(items);
    }
}

/// Rows with the rows of the other side that make their sum: in one way, and in more than one.
struct Proposals {
    unique: Vec<(usize, Vec<usize>)>,
    several: Vec<(usize, Vec<usize>)>,
}

fn proposals(matching: &Matching<'_>, subset: &Subset) -> Proposals {
    let (many, one) = (subset.many, subset.many.other());
    let pool = pool(matching, many);
    let mut found = Proposals { unique: Vec::new(), several: Vec::new() };
    for at in matching.open(one) {
        match search(matching, subset, one, at, &pool) {
            Solutions::None => {}
            Solutions::Unique(items) => found.unique.push((at, items)),
            Solutions::Several(items) => found.several.push((at, items)),
        }
    }
    found
}

/// Open rows of the summed side by unit and sign, in order of day.
fn pool(matching: &Matching<'_>, side: Side) -> BTreeMap<(Unit, bool), Vec<(Date, usize)>> {
    let mut pool: BTreeMap<(Unit, bool), Vec<(Date, usize)>> = BTreeMap::new();
    for at in matching.open(side) {
        let row = matching.row(side, at);
        if let (Some(date), true) = (row.date, row.amount != 0) {
            pool.entry((row.unit, row.amount > 0)).or_default().push((date, at));
        }
    }
    pool.values_mut().for_each(|rows| rows.sort_unstable());
    pool
}

enum Solutions {
    None,
    Unique(Vec<usize>),
    /// The rows that occur in the ways that were seen.
    Several(Vec<usize>),
}

fn search(
    matching: &Matching<'_>,
    subset: &Subset,
    one: Side,
    at: usize,
    pool: &BTreeMap<(Unit, bool), Vec<(Date, usize)>>,
) -> Solutions {
    let row = matching.row(one, at);
    let (Some(date), Some(rows)) = (row.date, pool.get(&(row.unit, row.amount > 0))) else { return Solutions::None };
    // `days_before` and `days_after` say where B may be dated, seen from A.
    let (before, after) = match one {
        Side::A => (subset.days_before, subset.days_after),
        Side::B => (subset.days_after, subset.days_before),
    };
    let Some((from, to)) = days_around(date, before, after) else { return Solutions::None };
    let target = row.amount.unsigned_abs();
    let first = rows.partition_point(|(day, _)| *day < from);
    let in_time = rows[first..].iter().take_while(|(day, _)| *day <= to);
    let mut candidates: Vec<Candidate> = in_time
        .map(|(_, at)| Candidate { at: *at, amount: matching.row(subset.many, *at).amount.unsigned_abs() })
        .filter(|candidate| candidate.amount <= target)
        .take(subset.most_candidates + 1)
        .collect();
    if candidates.len() > subset.most_candidates {
        return Solutions::None;
    }
    candidates.sort_unstable_by_key(|candidate| (std::cmp::Reverse(candidate.amount), candidate.at));
    let mut sums = Search {
        candidates: &candidates,
        most_items: subset.most_items,
        steps: 0,
        chosen: Vec::new(),
        found: Vec::new(),
    };
    let complete = sums.descend(0, target);
    let mut found = sums.found.into_iter();
    match (found.next(), found.next(), complete) {
        // A single row of the same amount is the window pass's to judge.
        (Some(only), None, true) if only.len() > 1 => Solutions::Unique(only),
        (None, _, _) | (Some(_), None, _) => Solutions::None,
        (Some(first), Some(second), _) => {
            let mut items: Vec<usize> = first.into_iter().chain(second).collect();
            items.sort_unstable();
            items.dedup();
            Solutions::Several(items)
        }
    }
}

struct Search<'a> {
    candidates: &'a [Candidate],
    most_items: usize,
    steps: usize,
    chosen: Vec<usize>,
    found: Vec<Vec<usize>>,
}

impl Search<'_> {
    /// Looks for sums of `left` among the candidates from `from` on; `false` if the search was given up, or two were found.
    fn descend(&mut self, from: usize, left: u128) -> bool {
        if left == 0 {
            let mut items: Vec<usize> = self.chosen.iter().map(|at| self.candidates[*at].at).collect();
            items.sort_unstable();
            self.found.push(items);
            return self.found.len() < 2;
        }
        if self.chosen.len() == self.most_items {
            return true;
        }
        for at in from..self.candidates.len() {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return false;
            }
            let amount = self.candidates[at].amount;
            let room = (self.most_items - self.chosen.len()) as u128;
            if amount.saturating_mul(room) < left {
                // The largest that is left, as often as it may be taken, does not reach: nor does anything smaller.
                return true;
            }
            if amount <= left {
                self.chosen.push(at);
                let go_on = self.descend(at + 1, left - amount);
                self.chosen.pop();
                if !go_on {
                    return false;
                }
            }
        }
        true
    }
}
