//! Jobs from claim to acknowledgement, and the keys that order them and let them wait; not here: when a lane is asked.

use serde::{Deserialize, Serialize};

use super::entity::{BindingRow, EntityKey};
use super::issue::DeadLetter;
use super::words::words;
use crate::model::{Entity, ErrorClass};

/// States of a job; who moves it on is told in `queue/mod.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    Ready,
    Blocked,
    Running,
    Waiting,
    Done,
    Superseded,
    Ignored,
    Dead,
    Discarded,
}
words!(JobState { Ready => "ready", Blocked => "blocked", Running => "running", Waiting => "waiting", Done => "done",
    Superseded => "superseded", Ignored => "ignored", Dead => "dead", Discarded => "discarded" });

impl JobState {
    /// Still owed to the destination.
    pub fn is_open(self) -> bool {
        match self {
            JobState::Ready | JobState::Blocked | JobState::Running | JobState::Waiting => true,
            JobState::Done | JobState::Superseded | JobState::Ignored | JobState::Dead | JobState::Discarded => false,
        }
    }
}

/// One tick of the queue.
#[derive(Clone, Debug, Default)]
pub struct Dispatch {
    pub owner: String,
    pub now: i64,
    pub lease_until: i64,
    pub acks: Vec<Ack>,
    pub renew: Vec<JobClaim>,
    /// (lane, how many at most); the first is served first.
    pub claims: Vec<(String, u32)>,
    /// How many over all lanes, if there is a bound.
    pub at_most: Option<u32>,
    /// Flows whose jobs are left alone (paused).
    pub held_flows: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Dispatched {
    pub claimed: Vec<Claimed>,
    /// Claims whose result or renewal was refused: somebody else has the job now.
    pub stale: Vec<JobClaim>,
    /// Per asked lane: when its next job is due, if any is.
    pub next_due: Vec<(String, i64)>,
    /// Lanes in which acknowledging made other jobs ready.
    pub woken: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JobClaim {
    pub job_id: i64,
    /// Fencing token given by the claim.
    pub claim: i64,
}

#[derive(Clone, Debug)]
pub struct Claimed {
    pub claim: JobClaim,
    pub attempt: i64,
    pub failures: i64,
    pub flow: String,
    pub lane: String,
    pub stream: String,
    pub order_key: String,
    pub source: EntityKey,
    pub entity: Entity,
    pub event: ClaimedEvent,
    pub revision: i64,
    pub deleted: bool,
    pub doc: String,
    /// A person's correction of `doc`, canonical as well.
    pub edited: Option<String>,
    /// What was there before it was edited, and may have reached the destination.
    pub formers: Vec<String>,
    pub unknown: bool,
    /// The doubt is about what was sent before a person edited it, and nobody has been told since.
    pub edited_in_doubt: bool,
    pub force: bool,
    pub idempotency_key: String,
    /// When the first attempt of this job was announced: how old its idempotency key is at the vendor.
    pub first_attempt_at: i64,
    pub created_at: i64,
    pub binding: Option<BindingRow>,
}

/// The business event behind a job.
#[derive(Clone, Debug)]
pub struct ClaimedEvent {
    pub id: i64,
    pub kind: String,
    /// The vendor's time, if it told one.
    pub occurred_at: Option<i64>,
    /// Ours.
    pub recorded_at: i64,
}

#[derive(Clone, Debug)]
pub struct Ack {
    pub claim: JobClaim,
    pub outcome: AckOutcome,
    pub class: Option<ErrorClass>,
    pub status: Option<u16>,
    pub request: String,
    pub response: String,
}

#[derive(Clone, Debug)]
pub enum AckOutcome {
    /// The destination has it.
    Done {
        remote_id: String,
        remote_version: Option<i64>,
        sent_hash: String,
        echo: String,
    },
    /// A newer revision is already there.
    Superseded,
    /// Nothing to do there, by which rule.
    Ignored(String),
    /// It did not happen: try again; `counts` tells whether this burns one of the policy's tries. Clears an earlier doubt,
    /// so a look-up that failed is `Unknown` again, never `Retry`.
    Retry {
        run_at: i64,
        counts: bool,
        error: String,
    },
    /// It may or may not have happened: the next attempt looks first.
    Unknown {
        run_at: i64,
        error: String,
    },
    /// Not before what it refers to is at the destination. `wait_for` is made by `wait_key`.
    Wait {
        wait_for: String,
        check_at: i64,
        error: String,
    },
    Dead(DeadLetter),
    /// Never sent: the claim is given back (shutdown, lane closed) as if it had not been made.
    Released {
        run_at: i64,
    },
}

#[derive(Clone, Debug)]
pub struct Replay {
    pub flow: String,
    pub source_connection: String,
    pub source_stream: String,
    pub dest_connection: String,
    pub dest_stream: String,
    pub latest: bool,
    /// Only this record.
    pub key: Option<String>,
    /// Only records changed since.
    pub since: Option<i64>,
    /// Send even what the destination seems to have.
    pub force: bool,
    pub at: i64,
}

/// The key within which effects keep their order: one record at one destination.
pub fn order_key(dest_connection: &str, dest_stream: &str, source_connection: &str, source_key: &str) -> String {
    format!("{dest_connection}/{dest_stream}/{source_connection}/{source_key}")
}

/// What a waiting job names: a record of that kind and natural key has to exist at the destination.
pub fn wait_key(dest_connection: &str, entity: Entity, natural_key: &str) -> String {
    format!("{dest_connection}|{entity}|{natural_key}")
}

/// Entity and natural key of a `wait_key`. None if it is not one.
pub fn parse_wait_key(key: &str) -> Option<(&str, &str)> {
    let mut parts = key.splitn(3, '|').skip(1);
    Some((parts.next()?, parts.next()?))
}
