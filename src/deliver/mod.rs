//! From job to effect: map out, announce, send, classify, bind; not here: SQL, claiming, vendors' ways.
//!
//! Nothing is sent under an open transaction. The attempt and its idempotency key are durable before the call (the claim
//! wrote them); the outcome, the binding and the receipt are written by the next tick of the queue.

mod breaker;
mod dead_letters;
mod destination;
mod file_sink;
mod flow;
mod gather;
mod lane;
mod outcome;
mod outgoing;
mod policy;
mod prepare;
mod run;
mod send;

pub use breaker::{Breaker, BreakerChange};
pub use dead_letters::mapping_fingerprint;
pub use destination::{BatchTerms, Destination, Effect, EffectKind, Former, Protection};
pub use file_sink::{FileSink, journal_files};
pub use flow::{FlowBook, FlowMode, FlowRun, MapOut};
pub use outcome::{LaneEffect, after_failure, gist};
pub use outgoing::nothing_left;
pub use policy::RetryPolicy;
pub use run::Deliverer;
