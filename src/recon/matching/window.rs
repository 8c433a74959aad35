//! Equal amounts near in time, claimed only if each is the other's one candidate.
//!
//! Several candidates are listed, never chosen among. Not here: sums.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Date;
use crate::recon::row::{Row, Side};
use crate::recon::rules::{RuleSet, Window};
use crate::recon::unit::Unit;

use super::state::{Matching, key_of};

/// Candidates that are listed for one row, at most; that there are two already forbids a claim.
const MOST_LISTED: usize = 10;

/// Open rows of one side by what a candidate must have, then by day.
type Index = BTreeMap<(Unit, Option<Box<str>>, i128), Vec<(Date, usize)>>;

/// `rivals` have another explanation, so that they are listed instead of claimed.
pub(super) fn run(
    rules: &RuleSet,
    pass: usize,
    window: &Window,
    rivals: &[BTreeSet<usize>; 2],
    matching: &mut Matching<'_>,
) {
    let indexes = Side::BOTH.map(|side| index(matching, window, side));
    let candidates = Side::BOTH.map(|side| {
        let look = |at: usize| (at, find(rules, window, matching, side, at, &indexes[side.other().index()]));
        matching.open(side).map(look).filter(|(_, found)| !found.is_empty()).collect::<BTreeMap<_, _>>()
    });
    let [of_a, of_b] = &candidates;
    for (a, found) in of_a {
        match (found.as_slice(), found.first().and_then(|b| of_b.get(b))) {
            ([b], Some(back)) if back.len() == 1 && !rivals[0].contains(a) && !rivals[1].contains(b) => {
                matching.claim(pass, [vec![*a], vec![*b]], None)
            }
            (several, _) => matching.mark_candidates(Side::A, *a, several.iter().copied()),
        }
    }
    // A listing that was cut on A's side may still be whole on B's.
    for (b, found) in of_b.iter().filter(|(_, found)| found.len() > 1) {
        matching.mark_candidates(Side::B, *b, found.iter().copied());
    }
}

fn index(matching: &Matching<'_>, window: &Window, side: Side) -> Index {
    let mut index = Index::new();
    for at in matching.open(side) {
        let row = matching.row(side, at);
        if let (Some(date), Some(key)) = (row.date, required(row, window)) {
            index.entry((row.unit, key, row.amount)).or_default().push((date, at));
        }
    }
    index.values_mut().for_each(|days| days.sort_unstable());
    index
}

/// The key that must be equal too: nothing if none is asked for, and no answer if the row lacks it.
fn required(row: &Row, window: &Window) -> Option<Option<Box<str>>> {
    if window.on.is_empty() { Some(None) } else { key_of(row, &window.on, &[]).map(Some) }
}

/// Rows of the other side that fit `at`, up to the limit.
fn find(
    rules: &RuleSet,
    window: &Window,
    matching: &Matching<'_>,
    side: Side,
    at: usize,
    others: &Index,
) -> Vec<usize> {
    let row = matching.row(side, at);
    let (Some(date), Some(key)) = (row.date, required(row, window)) else { return Vec::new() };
    let Some((from, to)) = days(window, side, date) else { return Vec::new() };
    let admits = |other: i128| match side {
        Side::A => rules.tolerance.admits(row.unit, row.amount, other),
        Side::B => rules.tolerance.admits(row.unit, other, row.amount),
    };
    let start = (row.unit, key, row.amount);
    let same = |(unit, key, _): &(Unit, Option<Box<str>>, i128)| *unit == start.0 && *key == start.1;
    let up = others.range(start.clone()..).take_while(|(other, _)| same(other) && admits(other.2));
    let down = others.range(..start.clone()).rev().take_while(|(other, _)| same(other) && admits(other.2));
    let mut found: Vec<usize> = up
        .chain(down)
        .flat_map(|(_, days)| {
            let first = days.partition_point(|(day, _)| *day < from);
            days[first..].iter().take_while(|(day, _)| *day <= to).map(|(_, at)| *at)
        })
        .take(MOST_LISTED)
        .collect();
    found.sort_unstable();
    found
}

/// The days on which a counterpart of a row dated `date` may be dated.
pub(super) fn days_around(date: Date, before: u16, after: u16) -> Option<(Date, Date)> {
    let shift = |days: i64| date.civil().checked_add(jiff::Span::new().try_days(days).ok()?).ok().map(Date::from);
    Some((shift(-i64::from(before))?, shift(i64::from(after))?))
}

fn days(window: &Window, side: Side, date: Date) -> Option<(Date, Date)> {
    match side {
        Side::A => days_around(date, window.days_before, window.days_after),
        Side::B => days_around(date, window.days_after, window.days_before),
    }
}
