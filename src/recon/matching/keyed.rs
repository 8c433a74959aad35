//! Rows whose keys are equal, copy by copy: equal copies first, then those within tolerance, then what is left, in order.
//!
//! With n copies on A and m on B, min(n, m) pairs are made and the excess is marked; identical statements always tie, however
//! many copies they hold. Not here: sums (`grouped`).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::recon::compare;
use crate::recon::row::{Row, Side};
use crate::recon::rules::{Keyed, RuleSet};
use crate::recon::unit::Unit;

use super::state::Matching;

/// Copies of one key that are compared each with each, at most; more are paired in order of amount.
const MOST_COPIES: usize = 200;

pub(super) fn run(rules: &RuleSet, pass: usize, keyed: &Keyed, matching: &mut Matching<'_>) {
    for (key, rows) in matching.by_key(&keyed.on, &keyed.normalise) {
        let mut left = rows.map(VecDeque::from);
        let mut pairs = equal(rules, matching, &mut left);
        pairs.extend(within_tolerance(rules, matching, &mut left));
        if !keyed.must_tie {
            pairs.extend(in_order(matching, &mut left));
        }
        let paired = !pairs.is_empty();
        for (a, b) in pairs {
            matching.claim(pass, [vec![a], vec![b]], Some(key.clone()));
        }
        if !keyed.must_tie {
            mark_excess(matching, &left, paired);
        }
    }
}

/// One copy still competes for a match elsewhere, unless a copy has found its own.
fn mark_excess(matching: &mut Matching<'_>, left: &[VecDeque<usize>; 2], paired: bool) {
    for side in Side::BOTH {
        for at in left[side.index()].iter().skip(usize::from(!paired)) {
            matching.mark_excess(side, *at);
        }
    }
}

/// Pairs that agree to the last digit.
fn equal(rules: &RuleSet, matching: &Matching<'_>, left: &mut [VecDeque<usize>; 2]) -> Vec<(usize, usize)> {
    let [of_a, of_b] = left;
    let mut by_amount: BTreeMap<(Unit, i128), VecDeque<usize>> = BTreeMap::new();
    for at in of_b.iter() {
        let row = matching.row(Side::B, *at);
        by_amount.entry((row.unit, row.amount)).or_default().push_back(*at);
    }
    let mut pairs = Vec::new();
    of_a.retain(|at| {
        let a = matching.row(Side::A, *at);
        let Some(candidates) = by_amount.get_mut(&(a.unit, a.amount)) else { return true };
        let agrees = |other: &usize| compare::pair(rules, a, matching.row(Side::B, *other)).is_exact();
        match candidates.iter().position(agrees).and_then(|position| candidates.remove(position)) {
            Some(b) => {
                pairs.push((*at, b));
                false
            }
            None => true,
        }
    });
    let taken: BTreeSet<usize> = pairs.iter().map(|(_, b)| *b).collect();
    of_b.retain(|at| !taken.contains(at));
    pairs
}

/// Pairs that tie within tolerance, nearest amounts first. The order of choice is the same from either side.
fn within_tolerance(rules: &RuleSet, matching: &Matching<'_>, left: &mut [VecDeque<usize>; 2]) -> Vec<(usize, usize)> {
    let [of_a, of_b] = left;
    let mut ties: Vec<(usize, usize)> = of_a
        .iter()
        .take(MOST_COPIES)
        .flat_map(|a| of_b.iter().take(MOST_COPIES).map(move |b| (*a, *b)))
        .filter(|(a, b)| compare::pair(rules, matching.row(Side::A, *a), matching.row(Side::B, *b)).ties())
        .collect();
    ties.sort_by(|x, y| nearer(matching, *x, *y));
    let mut taken = [BTreeSet::new(), BTreeSet::new()];
    ties.retain(|(a, b)| {
        let free = !taken[0].contains(a) && !taken[1].contains(b);
        if free {
            taken[0].insert(*a);
            taken[1].insert(*b);
        }
        free
    });
    of_a.retain(|at| !taken[0].contains(at));
    of_b.retain(|at| !taken[1].contains(at));
    ties
}

/// By distance, then by content, the lesser row of each pair first, whichever side it is on.
fn nearer(matching: &Matching<'_>, x: (usize, usize), y: (usize, usize)) -> Ordering {
    let rows = |(a, b): (usize, usize)| {
        let mut rows = [matching.row(Side::A, a), matching.row(Side::B, b)];
        rows.sort_by(|one, other| one.by_content(other));
        rows
    };
    let apart = |[one, other]: [&Row; 2]| one.amount.abs_diff(other.amount);
    let (x, y) = (rows(x), rows(y));
    apart(x).cmp(&apart(y)).then_with(|| x[0].by_content(y[0])).then_with(|| x[1].by_content(y[1]))
}

/// What neither agrees nor nearly agrees: same units first, in order of content.
fn in_order(matching: &Matching<'_>, left: &mut [VecDeque<usize>; 2]) -> Vec<(usize, usize)> {
    let [of_a, of_b] = left;
    let mut pairs = Vec::new();
    of_a.retain(|a| {
        let unit = matching.row(Side::A, *a).unit;
        match of_b.iter().position(|b| matching.row(Side::B, *b).unit == unit).and_then(|at| of_b.remove(at)) {
            Some(b) => {
                pairs.push((*a, b));
                false
            }
            None => true,
        }
    });
    while !of_a.is_empty() {
        let Some(b) = of_b.pop_front() else { break };
        pairs.extend(of_a.pop_front().map(|a| (a, b)));
    }
    pairs
}
