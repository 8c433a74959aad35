//! Exported reports read back: what stands in a file is what the engine computed, and adds up. Not here: the engine (tests/recon).
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "exports/delimited.rs"]
mod delimited;
#[path = "exports/made.rs"]
mod made;
#[path = "exports/printed.rs"]
mod printed;
#[path = "exports/programs.rs"]
mod programs;
#[path = "exports/workbook.rs"]
mod workbook;
