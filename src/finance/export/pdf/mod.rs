//! The report as PDF (A4, PDF/A-2b): what is printed, signed and filed.
//!
//! Not here: the full lists (CSV and XLSX have every column).

mod document;
mod draw;
mod flow;
mod grid;
mod typeface;

pub(super) use document::document;
