//! What people do about breaks and runs: states and their transitions, decisions, signatures, the roll-forward of open items.
//!
//! Pure: events and a request in, an event or a refusal out. Not here: where events are kept, commands and routes.

mod act;
mod book;
mod carry;
mod fact;
mod matches;
mod policy;
mod roll;
mod sent;
mod sign;
mod state;
#[cfg(test)]
mod tests;

pub use act::{Ask, act, is_within};
pub use book::{Book, BookError, ItemRecord, MatchRecord, Remark, RunRecord, Signature, WriteOffAsked};
pub use carry::{BETWEEN, Carried};
pub use fact::{Amounts, Fact, JournalLine, Kept, Sighting};
pub use matches::{Deciding, decide, decisions, undo};
pub use policy::{Accounts, Demand, Policy};
pub use roll::kept;
pub use sent::{is_sent_after, is_sent_again, sent_again};
pub use sign::{Role, blockers, reopen, sign};
pub use state::{Action, State};

/// Why something is not done, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {next}")]
pub struct Refusal {
    pub what: String,
    pub next: String,
}

impl Refusal {
    pub(super) fn new(what: impl Into<String>, next: impl Into<String>) -> Refusal {
        Refusal { what: what.into(), next: next.into() }
    }
}
