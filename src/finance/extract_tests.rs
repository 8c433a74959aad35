//! Extracts say twice what they were told once.
#![allow(clippy::unwrap_used, clippy::expect_used)]
