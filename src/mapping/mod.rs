//! Compiles and applies mappings: tables of cells between vendors' payloads and canonical records. Pure.
//!
//! Not here: I/O, where payloads come from and go to, what a record is (see `model`).

pub mod expr;
