//! What goes into the store and comes out of it, as plain values; not here: SQL.
//!
//! Times are microseconds since the epoch (UTC). Ids are the store's own and mean nothing outside.

use super::file_fate::FileRow;
use serde::{Deserialize, Serialize};

use crate::model::{Entity, ErrorClass};

/// How a payload reached the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    Webhook,
    Poll,
    File,
    /// Read on purpose: a tie, a thin webhook, a person.
    Fetch,
    /// Cut out of a payload that carried several records.
    Split,
}

/// Where a received payload stands in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Disposition {
    Pending,
    Applied,
    Superseded,
    Ignored,
    Dead,
    /// Carried several records, each of which is now a payload of its own; not counted itself.
    Split,
}

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

macro_rules! words {
    ($type:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $type {
            pub const ALL: &'static [$type] = &[$($type::$variant),+];
            pub fn as_str(self) -> &'static str { match self { $($type::$variant => $word),+ } }
            pub fn parse(word: &str) -> Option<$type> { match word { $($word => Some($type::$variant),)+ _ => None } }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
    };
}
words!(SourceKind { Webhook => "webhook", Poll => "poll", File => "file", Fetch => "fetch", Split => "split" });
words!(Disposition { Pending => "pending", Applied => "applied", Superseded => "superseded", Ignored => "ignored", Dead => "dead", Split => "split" });
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

/// A payload to be appended.
#[derive(Clone, Debug)]
pub struct NewInbox {
    pub connection: String,
    /// Empty for a webhook whose topic has not been interpreted yet.
    pub stream: String,
    pub source: SourceKind,
    pub dedupe_key: String,
    pub topic: String,
    /// What came around the payload, as a JSON object: a webhook's headers without credentials and signatures; a file's
    /// `header` record and its `file` name and numbers. Else empty.
    pub headers: String,
    pub place: String,
    pub payload: Vec<u8>,
    pub received_at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub id: i64,
    pub duplicate: bool,
}

#[derive(Clone, Debug)]
pub struct CursorMove {
    pub connection: String,
    pub stream: String,
    pub value: String,
    pub at: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct CursorRow {
    pub connection: String,
    pub stream: String,
    pub value: String,
    pub moved_at: i64,
}

#[derive(Clone, Debug)]
pub struct NewBatch {
    pub connection: String,
    pub stream: String,
    pub name: String,
    pub sha256: String,
    pub at: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Released {
    pub rows: u64,
    pub duplicates: u64,
}

#[derive(Clone, Debug, Default)]
pub struct BatchHistory {
    /// Name of the newest applied batch that had the same content, if any.
    pub same_content: Option<String>,
    /// All names under which this content was applied, newest first; one per time it was.
    pub applied_as: Vec<String>,
    /// Whether the newest applied batch had this content.
    pub is_newest: bool,
    /// Of the newest batch that was applied or used up its number by being refused.
    pub last_sequence: Option<i64>,
    /// Whether that batch was refused, so that its number may come once more, corrected.
    pub last_refused: bool,
    /// Rows of the newest applied batch.
    pub last_rows: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct InboxRow {
    pub id: i64,
    pub connection: String,
    pub stream: String,
    pub source: SourceKind,
    pub topic: String,
    pub headers: String,
    pub place: String,
    pub payload: Vec<u8>,
    pub received_at: i64,
}

/// One record of one system: (connection, stream, key as that system writes it).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EntityKey {
    pub connection: String,
    pub stream: String,
    pub key: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct EntityRow {
    #[serde(flatten)]
    pub id: EntityKey,
    pub entity: Entity,
    pub natural_key: String,
    pub version: i64,
    pub revision: i64,
    pub hash: String,
    pub doc: String,
    pub deleted: bool,
    pub seen_by: SourceKind,
    pub as_of: i64,
    pub changed_at: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct BindingRow {
    pub source: EntityKey,
    pub dest_connection: String,
    pub dest_stream: String,
    pub remote_id: String,
    pub remote_version: Option<i64>,
    pub sent_revision: i64,
    pub sent_hash: String,
    pub echo: String,
}

/// New state of a record; the revision must be the stored one plus one.
#[derive(Clone, Debug)]
pub struct EntityWrite {
    pub id: EntityKey,
    pub entity: Entity,
    pub natural_key: String,
    pub version: i64,
    pub revision: i64,
    pub hash: String,
    pub doc: String,
    pub deleted: bool,
    pub seen_by: SourceKind,
    /// The latest moment, by our clock, at which the vendor can have said so: when a push arrived, when a read began.
    pub as_of: i64,
}

#[derive(Clone, Debug)]
pub struct NewJob {
    pub flow: String,
    pub lane: String,
    pub stream: String,
    pub latest: bool,
    pub order_key: String,
}

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

/// A failure that needs a person, with what groups it with its siblings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Flow or connection.
    pub scope: String,
    pub class: ErrorClass,
    /// Same cause, same fingerprint.
    pub fingerprint: String,
    pub title: String,
    pub detail: String,
    pub next_step: String,
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

/// One tick of the queue.
#[derive(Clone, Debug, Default)]
pub struct Dispatch {
    pub owner: String,
    pub now: i64,
    pub lease_until: i64,
    pub acks: Vec<Ack>,
    pub renew: Vec<JobClaim>,
    /// (lane, how many at most)
    pub claims: Vec<(String, u32)>,
    /// Flows whose jobs are left alone (paused).
    pub held_flows: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JobClaim {
    pub job_id: i64,
    /// Fencing token given by the claim.
    pub claim: i64,
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
    pub edited: Option<String>,
    pub unknown: bool,
    pub force: bool,
    pub idempotency_key: String,
    /// When the first attempt with this idempotency key was announced: how old the key is at the vendor.
    pub first_attempt_at: i64,
    pub created_at: i64,
    pub binding: Option<BindingRow>,
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

/// A reference to a record by its natural key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefKey {
    pub entity: Entity,
    pub natural_key: String,
}

#[derive(Clone, Debug)]
pub struct ResolvedRef {
    pub key: RefKey,
    pub remote_id: String,
    /// The destination's own record, where its mirror has one.
    pub doc: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ConnectionStateRow {
    pub connection: String,
    pub state: ConnectionHealth,
    pub reason: String,
    pub until: Option<i64>,
    pub failures: i64,
    pub changed_at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionHealth {
    Ok,
    /// By a person.
    Paused,
    /// The breaker is open: nothing is sent before `until`, then one job tries.
    Open,
    /// Credentials were refused; a person must act.
    Auth,
}
words!(ConnectionHealth { Ok => "ok", Paused => "paused", Open => "open", Auth => "auth" });

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TallyRow {
    pub connection: String,
    pub day: i64,
    pub disposition: Disposition,
    pub reason: String,
    pub n: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct SightingRow {
    pub connection: String,
    pub stream: String,
    pub by_webhook: i64,
    pub by_poll: i64,
    pub late: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct QueueStat {
    pub flow: String,
    pub lane: String,
    pub state: JobState,
    pub unknown: bool,
    pub n: i64,
    pub oldest_at: Option<i64>,
}

/// What a flow did since a moment.
#[derive(Clone, Debug, Serialize)]
pub struct FlowStat {
    pub flow: String,
    pub done: i64,
    pub last_done_at: Option<i64>,
    /// From receipt to the destination's confirmation, of the slowest tenth and the middle; microseconds.
    pub latency_p50_us: Option<i64>,
    pub latency_p90_us: Option<i64>,
}

/// Deliveries finished within one slice of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThroughputRow {
    /// Where the slice begins.
    pub at: i64,
    pub done: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueFilter {
    Open,
    All,
}

#[derive(Clone, Debug, Serialize)]
pub struct IssueRow {
    pub id: i64,
    pub scope: String,
    pub class: String,
    pub title: String,
    pub next_step: String,
    pub sample: String,
    pub state: String,
    pub resolution: String,
    /// Dead letters that still hang on it.
    pub open_count: i64,
    /// Files that wait for a person because of it.
    pub files: i64,
    pub seen: i64,
    pub first_at: i64,
    pub last_at: i64,
}

/// One dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeadRef {
    Inbox(i64),
    Job(i64),
}

#[derive(Clone, Debug, Serialize)]
pub struct DeadRow {
    pub dead: DeadRef,
    pub connection: String,
    pub stream: String,
    pub key: String,
    pub flow: String,
    pub place: String,
    pub error: String,
    pub at: i64,
    /// As received (inbox) or the canonical record (job).
    pub body: String,
    pub request: String,
    pub response: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct IssueDetail {
    pub issue: IssueRow,
    /// The first hundred.
    pub dead: Vec<DeadRow>,
    /// The first hundred.
    pub files: Vec<FileRow>,
}

#[derive(Clone, Debug, Serialize)]
pub struct EventRow {
    pub id: i64,
    #[serde(flatten)]
    pub record: EntityKey,
    pub entity: Entity,
    pub revision: i64,
    pub kind: String,
    pub doc: String,
    pub occurred_at: Option<i64>,
    pub recorded_at: i64,
    pub inbox_id: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct InboxSummary {
    pub id: i64,
    pub source: SourceKind,
    pub topic: String,
    pub place: String,
    pub received_at: i64,
    pub processed_at: Option<i64>,
    pub disposition: Disposition,
    pub reason: String,
    pub duplicates: i64,
    /// Why it is dead, if it is, and the issue that it belongs to.
    pub error: String,
    pub issue_id: Option<i64>,
    pub payload: String,
}

/// A record of which payloads could not be used, as far as they could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRecord {
    pub id: EntityKey,
    /// Empty where its stream leads nowhere.
    pub entity: String,
    pub received_at: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct AttemptRow {
    pub no: i64,
    pub started_at: i64,
    pub finished_at: Option<i64>,
    pub outcome: String,
    pub class: String,
    pub status: Option<i64>,
    pub request: String,
    pub response: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct JobRow {
    pub id: i64,
    pub flow: String,
    pub lane: String,
    pub stream: String,
    pub revision: i64,
    pub event_id: i64,
    pub state: JobState,
    pub unknown: bool,
    pub run_at: i64,
    pub attempts: i64,
    pub wait_for: String,
    pub class: String,
    pub error: String,
    pub issue_id: Option<i64>,
    pub created_at: i64,
    pub finished_at: Option<i64>,
    pub tries: Vec<AttemptRow>,
}

/// Everything the hub knows of one record.
#[derive(Clone, Debug, Serialize)]
pub struct Timeline {
    pub current: Option<EntityRow>,
    pub received: Vec<InboxSummary>,
    pub events: Vec<EventRow>,
    pub jobs: Vec<JobRow>,
    pub bindings: Vec<BindingRow>,
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

#[derive(Clone, Debug, Default, Serialize)]
pub struct VerifyReport {
    pub received: i64,
    pub applied: i64,
    pub superseded: i64,
    pub ignored: i64,
    pub dead: i64,
    pub pending: i64,
    pub unknown: i64,
    pub audit_rows: i64,
    /// Each a sentence naming what does not hold and where; empty means that all is well.
    pub faults: Vec<String>,
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
