//! The reconciliation engine against its specification: every predicate, every invariant, and a generator that knows the truth.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod brute_force;
mod codes;
mod files;
mod large;
mod ledger;
mod make;
mod planted;
mod properties;
mod sql;
mod unkeyed;
