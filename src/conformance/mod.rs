//! The conformance suite: one set of questions for every connector, asked of the real engine against a vendor of fixtures.
//!
//! docs/conformance.md is its contract. A claim that no fixture proves counts as failed.
//! Not here: any vendor's name, printing (`cli`), stand-ins under load (`rehearse`), vendors with ledgers (`sandbox`).

mod behaviour;
mod fixture;
mod folder;
mod lint;
pub mod record;
mod report;
mod run;
mod subject;
mod vendor;

pub use behaviour::Behaviour;
#[cfg(test)]
pub(crate) use fixture::problems_of;
pub use lint::{Lint, lint, of_folder};
pub use report::{Outcome, Report, Verdict, markdown};
pub use run::{test, test_all};
