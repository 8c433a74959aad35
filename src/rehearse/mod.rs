//! A rehearsal: the user's own configuration, copied, at a chosen rate against stand-ins for its vendors, measured.
//!
//! Not here: printing the outcome (`cli`), the hub itself (it runs as a child process, so that CPU and memory are its
//! own), vendors that misbehave (`sandbox`).
//!
//! Two rules hold everywhere: nothing is written below the user's folder, and nothing but this machine is called.

mod answers;
mod audit;
mod batch;
mod book;
mod cast;
mod child;
mod copy;
mod envelope;
mod figures;
mod files;
mod limit;
mod limits;
mod load;
mod manifest_copy;
mod payload;
mod prepare;
mod reader;
mod recipe;
mod routes;
mod run;
mod samples;
mod secrets;
mod stage;
mod standin;
mod token;
mod verdict;
mod wiring;
mod yaml_text;

pub use book::Latencies;
pub use figures::{FlowFigures, Ledger, NotDriven, Report, SourceFigures, VendorLimit};
pub use limit::{FoundLimit, Stage, find_limit};
pub use prepare::{Options, Rehearsal, RehearseError};
pub use run::{Progress, Step, per_s, run};
pub use stage::Pace;
