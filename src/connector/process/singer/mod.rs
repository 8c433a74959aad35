//! Unmodified Singer taps and targets: their files, their messages, their ends (singer.io specification 0.3).
//!
//! Not here: pages and batches, which are those of every program.

mod catalog;
mod message;
mod tap;
mod target;

pub(super) use tap::{Tap, TapNext, check_tap};
pub(super) use target::{Acknowledged, Load, check_target, load};
