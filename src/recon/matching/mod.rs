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

use super::rules::{How, RuleSet};

/// Runs all passes in their order.
pub fn run(rules: &RuleSet, matching: &mut Matching<'_>) {
    for (at, pass) in rules.passes.iter().enumerate() {
        match &pass.how {
            How::Keyed(keyed) => keyed::run(rules, at, keyed, matching),
            How::Grouped(grouped) => grouped::run(rules, at, grouped, matching),
            How::Window(window) => window::run(rules, at, window, matching),
            How::Subset(subset) => subset::run(rules, at, subset, matching),
        }
    }
}
