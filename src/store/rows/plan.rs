//! What the planner decided for received payloads, as one commit; not here: deciding.

use std::sync::Arc;

use super::entity::{EntityKey, EntityWrite};
use super::inbox::NewInbox;
use super::issue::DeadLetter;

/// What the planner decided for one payload.
#[derive(Clone, Debug)]
pub struct PlannedRow {
    pub inbox_id: i64,
    pub connection: String,
    pub received_at: i64,
    pub stream: String,
    pub entity: String,
    pub key: String,
    pub outcome: PlannedOutcome,
    /// Present when this row was the first, or a late, sighting of a change that webhooks should have brought.
    pub sighting: Option<Sighting>,
}

#[derive(Clone, Debug)]
pub enum PlannedOutcome {
    /// A new revision: state, event and the jobs it causes. Without jobs the row is applied at once.
    Apply {
        state: EntityWrite,
        kind: String,
        occurred_at: Option<i64>,
        jobs: Vec<NewJob>,
    },
    /// A new revision that is not propagated, by which rule (echo): state and event are written, the payload is ignored.
    Absorb {
        state: EntityWrite,
        kind: String,
        occurred_at: Option<i64>,
        rule: String,
    },
    /// Nothing new in it, but the vendor's version moved: the fence moves with it.
    Unchanged {
        id: EntityKey,
        version: i64,
    },
    Superseded,
    /// By which rule: unchanged, echo, filter ...
    Ignored(String),
    Dead(DeadLetter),
    /// Carried several records; each becomes a payload of its own.
    Split(Vec<NewInbox>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    ByWebhook,
    ByPoll,
    /// The webhook arrived for a change that polling had found first.
    Late,
}

#[derive(Clone, Debug)]
pub struct NewJob {
    pub flow: String,
    pub lane: String,
    pub stream: String,
    pub latest: bool,
    pub order_key: String,
    /// Not to be sent before a person has said so: born dead, on this issue.
    pub held: Option<Arc<DeadLetter>>,
}

#[derive(Clone, Debug)]
pub struct ProcessCommit {
    pub rows: Vec<PlannedRow>,
    pub now: i64,
}

#[derive(Clone, Debug, Default)]
pub struct Processed {
    /// Destinations that got something to do.
    pub lanes: Vec<String>,
    /// Rows whose state had moved on since the plan was made: nothing was written for them, plan them again.
    pub conflicts: Vec<i64>,
    pub split_rows: u64,
}
