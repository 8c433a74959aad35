//! From inbox to state, event and jobs: a pure plan and a thin driver; not here: network calls, SQL.

mod brake;
mod driver;
mod echo;
mod part;
mod plan;
#[cfg(test)]
mod plan_tests;
mod tie;

pub use brake::FlowBrake;
pub use driver::{Catalogue, Interpreted, Processor, ProcessorHandle, Unusable};
pub use part::Part;
pub use plan::{Candidate, Operation, Plan, Route, SourceTraits, plan};
pub use tie::{Fetcher, TieFetch};
