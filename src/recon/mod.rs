//! Reconciliation: two statements of the same business compared row by row, every row in one bucket, every difference explained
//! or named. Pure: rows, rules and a day in, a result out.
//!
//! Not here: where rows come from, where results are kept, how they look.

pub mod calendar;
pub mod code;
pub mod compare;
pub mod compose;
pub mod engine;
pub mod identity;
pub mod large;
pub mod matching;
pub mod normalise;
pub mod outcome;
pub mod payouts;
pub mod report;
pub mod row;
pub mod rules;
pub mod settle;
pub mod tie_out;
pub mod tolerance;
pub mod unit;
