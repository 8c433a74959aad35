//! The reconciliation engine against its specification: every predicate, every invariant, and a generator that knows the truth.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod codes;
mod large;
mod make;
mod properties;
