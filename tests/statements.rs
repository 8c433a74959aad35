//! Bank statements and processor reports: golden reads, every control figure broken, files cut at every byte, hostile content.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err)]

#[path = "statements/broken.rs"]
mod broken;
#[path = "statements/golden.rs"]
mod golden;
#[path = "statements/hostile.rs"]
mod hostile;
#[path = "statements/sequence.rs"]
mod sequence;
#[path = "statements/support.rs"]
mod support;
