//! A shop's month by double entry, as statements of two sides that agree in truth, and differences planted in them with
//! the finding that each must lead to. For judging reconciliations.
//!
//! Not here: any reconciliation. Codes are the specification's words, written from it, not the engine's.

mod audit;
mod book;
mod expected;
mod files;
mod leg;
mod month;
mod mutation;
mod plant;
mod rows;
mod settlement;
mod workdays;

pub use book::{Account, Book};
pub use expected::{Expected, Verdict};
pub use files::{MonthFile, write_month};
pub use leg::{Cluster, LATE_AFTER_DAYS, Leg, LegKind, Line, ROUNDING_CAP, Value};
pub use month::{BankLine, Imbalance, Month, MonthOptions, Movement, MovementKind, Order, Payment, Payout};
pub use mutation::Mutation;
pub use plant::plant;
pub use workdays::Workdays;
