//! A month as the raw files that a shop's finance gets, with planted differences and a file that tells the truth about them.
//!
//! Not here: the month itself, the differences; reading any of it.

mod bank;
mod example;
mod tables;

pub use example::{MonthFile, write_month};
