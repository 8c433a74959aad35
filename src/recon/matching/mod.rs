//! Passes: each claims what belongs together among the rows that former passes left.
//!
//! A pass never unclaims, never reads a clock, and depends on nothing but rows and rules. Not here: what becomes of rows that
//! nothing claimed (`settle`).

mod grouped;
mod keyed;
mod state;
mod subset;
mod window;

pub use state::{Claim, Decision, DecisionKind, Found, Matching, Suggestion, join_key, key_of};

use std::collections::BTreeSet;

use super::rules::{How, OnMatch, RuleSet, Window};

/// Runs all passes in their order.
pub fn run(rules: &RuleSet, matching: &mut Matching<'_>) {
    for (at, pass) in rules.passes.iter().enumerate() {
        match &pass.how {
            How::Keyed(keyed) => keyed::run(rules, at, keyed, matching),
            How::Grouped(grouped) => grouped::run(rules, at, grouped, matching),
            How::Window(window) => {
                let rivals = rivals(rules, at, window, matching);
                window::run(rules, at, window, &rivals, matching);
            }
            How::Subset(subset) => subset::run(rules, at, subset, matching),
        }
    }
}

/// Rows that a later pass could explain as a sum or as part of one. Without a key, one amount being another's only candidate
/// proves nothing about such a row, so the pass does not claim it.
fn rivals(rules: &RuleSet, pass: usize, window: &Window, matching: &Matching<'_>) -> [BTreeSet<usize>; 2] {
    let mut rivals = [BTreeSet::new(), BTreeSet::new()];
    if !window.on.is_empty() || rules.passes[pass].on_match == OnMatch::Suggest {
        return rivals;
    }
    for later in &rules.passes[pass + 1..] {
        match &later.how {
            How::Subset(subset) => subset::explained(subset, matching, &mut rivals),
            How::Keyed(_) | How::Grouped(_) | How::Window(_) => {}
        }
    }
    rivals
}
