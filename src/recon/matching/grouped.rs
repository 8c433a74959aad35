//! All rows of one key as sums: captures against an order's total, transactions against their payout.
//!
//! A group is claimed whole. Not here: groups that no key names (`subset`).

use crate::recon::compare;
use crate::recon::row::Side;
use crate::recon::rules::{Grouped, RuleSet};

use super::state::Matching;

pub(super) fn run(rules: &RuleSet, pass: usize, grouped: &Grouped, matching: &mut Matching<'_>) {
    for (key, rows) in matching.by_key(&grouped.by, &grouped.normalise) {
        if rows.iter().any(Vec::is_empty) {
            continue;
        }
        if grouped.must_tie {
            let of = |side: Side| rows[side.index()].iter().map(|at| matching.row(side, *at)).collect::<Vec<_>>();
            if !compare::groups(rules, &of(Side::A), &of(Side::B)).ties() {
                continue;
            }
        }
        matching.claim(pass, rows, Some(key));
    }
}
