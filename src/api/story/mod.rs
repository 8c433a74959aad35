//! Where is this record? Its history told in time order, where it stands, and what comes next; pure. Not here: reading
//! the history, drawing it.

mod expected;
mod hops;
mod stages;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::document;
use super::state::FlowInfo;
use super::time::Time;
use crate::store::{EntityKey, JobRow, Timeline};

/// What a story is told from: the record itself first, then its copies in other systems.
pub struct Told<'a> {
    pub timelines: &'a [(EntityKey, Timeline)],
    pub flows: &'a [FlowInfo],
    pub now: i64,
}

/// How it feels: decides colour and shape, always beside a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Good,
    Info,
    Warn,
    Bad,
    Muted,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Story {
    pub connection: String,
    pub stream: String,
    pub key: String,
    pub entity: Option<String>,
    pub natural_key: String,
    pub revision: Option<i64>,
    pub deleted: bool,
    pub stages: Vec<Stage>,
    pub expected: Vec<Expectation>,
    pub systems: Vec<SystemValue>,
    /// Oldest first.
    pub hops: Vec<Hop>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageState {
    Done,
    /// Under way.
    Active,
    /// Held up by something that is named.
    Waiting,
    Failed,
    /// Nothing is to be done there.
    Skipped,
}

impl StageState {
    pub fn as_str(self) -> &'static str {
        match self {
            StageState::Done => "done",
            StageState::Active => "under way",
            StageState::Waiting => "waiting",
            StageState::Failed => "needs a person",
            StageState::Skipped => "not concerned",
        }
    }
}

/// One station on the record's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    pub title: String,
    pub system: String,
    pub state: StageState,
    pub detail: String,
    pub at: Option<Time>,
}

/// What should happen next, and by when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    pub text: String,
    pub level: Level,
    pub by: Option<Time>,
    pub issue: Option<i64>,
}

/// What one system has now, as far as the hub knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SystemValue {
    pub connection: String,
    pub stream: String,
    pub key: String,
    pub revision: i64,
    pub deleted: bool,
    pub changed_at: Time,
    pub record: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HopKind {
    Received,
    Understood,
    Queued,
    Attempt,
    Closed,
    /// By a person.
    Edited,
}

impl HopKind {
    pub fn as_str(self) -> &'static str {
        match self {
            HopKind::Received => "received",
            HopKind::Understood => "understood",
            HopKind::Queued => "queued",
            HopKind::Attempt => "attempt",
            HopKind::Closed => "closed",
            HopKind::Edited => "edited",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    pub label: String,
    pub text: String,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    pub at: Time,
    pub kind: HopKind,
    /// Which system it came from or went to.
    pub system: String,
    pub title: String,
    pub detail: String,
    pub level: Level,
    pub took_ms: Option<i64>,
    pub issue: Option<i64>,
    pub payloads: Vec<Payload>,
}

pub fn tell(told: &Told<'_>) -> Story {
    let empty =
        Timeline { current: None, received: vec![], events: vec![], jobs: vec![], bindings: vec![], edits: vec![] };
    let nobody = EntityKey { connection: String::new(), stream: String::new(), key: String::new() };
    let (key, main) = told.timelines.first().map_or((&nobody, &empty), |(key, timeline)| (key, timeline));
    let mut hops: Vec<Hop> = told.timelines.iter().flat_map(|(key, timeline)| hops::hops(key, timeline)).collect();
    hops.sort_by_key(|hop| (hop.at, hop.kind as u8));
    Story {
        connection: key.connection.clone(),
        stream: key.stream.clone(),
        key: key.key.clone(),
        entity: main.current.as_ref().map(|row| row.entity.as_str().to_owned()),
        natural_key: main.current.as_ref().map(|row| row.natural_key.clone()).unwrap_or_default(),
        revision: main.current.as_ref().map(|row| row.revision),
        deleted: main.current.as_ref().is_some_and(|row| row.deleted),
        stages: stages::stages(key, main, told.flows),
        expected: expected::expected(key, main, told.flows, told.now),
        systems: told.timelines.iter().filter_map(|(_, timeline)| system_value(timeline)).collect(),
        hops,
    }
}

fn system_value(timeline: &Timeline) -> Option<SystemValue> {
    let row = timeline.current.as_ref()?;
    Some(SystemValue {
        connection: row.id.connection.clone(),
        stream: row.id.stream.clone(),
        key: row.id.key.clone(),
        revision: row.revision,
        deleted: row.deleted,
        changed_at: Time(row.changed_at),
        record: document(&row.doc),
    })
}

/// The newest job of each flow: what the record's state there depends on.
fn newest_jobs(timeline: &Timeline) -> Vec<&JobRow> {
    let mut newest: Vec<&JobRow> = Vec::new();
    for job in &timeline.jobs {
        match newest.iter_mut().find(|other| other.flow == job.flow) {
            Some(other) if other.id < job.id => *other = job,
            Some(_) => {}
            None => newest.push(job),
        }
    }
    newest
}
