//! What the hub itself explains: differences that a payload, a job or a reading under way will settle, and those that a dead
//! letter will not.
//!
//! Every answer is written down, so that the run can be made again when the queue has long moved on. Not here: taking sides,
//! the second look (`look`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use crate::model::Date;
use crate::recon::outcome::{Carried, Carrier};
use crate::recon::row::{Place, Row, Side};
use crate::recon::rules::RuleSet;
use crate::store::{EntityKey, JobState, Passage, PassageJob, Store, StoreError, StreamId};

use super::extract::{Extract, Origin};

/// How patient a reconciliation is with what is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long a system may take to show what it was given.
    pub settle: Duration,
    /// What is carried for longer is stuck.
    pub stuck_after: Duration,
    /// Records that differ are read again before they are called a break.
    pub read_again: bool,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { settle: Duration::from_secs(10), stuck_after: Duration::from_secs(3_600), read_again: true }
    }
}

/// Which rows of which revisions differ: the same in two looks, or it is not the same difference.
pub type Difference = BTreeSet<(Side, String, i64)>;

/// The extracts of a run with the streams that they are of.
pub struct Streams<'e> {
    pub streams: [Option<StreamId>; 2],
    pub extracts: [Option<&'e Extract>; 2],
    /// Whose revisions are the store's own numbers.
    pub mirrors: [bool; 2],
}

impl Streams<'_> {
    fn origin(&self, side: Side, place: &Place) -> Option<(EntityKey, Origin)> {
        let origin = self.extracts[side.index()]?.origin(place)?;
        let stream = self.streams[side.index()].as_ref()?;
        let id = EntityKey {
            connection: stream.connection.clone(),
            stream: stream.stream.clone(),
            key: origin.record.clone(),
        };
        Some((id, origin))
    }

    /// What differs; rows of files stand for themselves.
    pub fn difference(&self, rows: &[Vec<&Row>; 2]) -> Difference {
        let mut difference = Difference::new();
        for side in Side::BOTH {
            difference.extend(rows[side.index()].iter().map(|row| match self.origin(side, &row.place) {
                Some((id, origin)) => (side, id.key, origin.revision),
                None => (side, row.place.to_string(), 0),
            }));
        }
        difference
    }
}

/// The first look: notes what differs and explains nothing.
pub struct Noting<'e> {
    pub streams: Streams<'e>,
    noted: Mutex<Noted>,
}

/// What a look found different.
#[derive(Debug, Default)]
pub struct Noted {
    pub differences: BTreeSet<Difference>,
    pub records: BTreeSet<(Side, String)>,
}

impl<'e> Noting<'e> {
    pub fn new(streams: Streams<'e>) -> Noting<'e> {
        Noting { streams, noted: Mutex::default() }
    }

    pub fn noted(self) -> Noted {
        self.noted.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Carrier for Noting<'_> {
    fn carried(&self, _rules: &RuleSet, rows: &[Vec<&Row>; 2]) -> Option<Carried> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        for side in Side::BOTH {
            let keys = rows[side.index()].iter().filter_map(|row| self.streams.origin(side, &row.place));
            noted.records.extend(keys.map(|(id, _)| (side, id.key)));
        }
        noted.differences.insert(self.streams.difference(rows));
        None
    }
}

/// What was found out before the queue is asked.
#[derive(Debug, Default)]
pub struct Known {
    /// What the first look found different; without, there was only one look.
    pub before: Option<BTreeSet<Difference>>,
    /// Payloads that wait to be processed, by the records that they are about: number and when they came.
    pub pending: HashMap<EntityKey, (i64, i64)>,
    /// More payloads wait than could be looked through, per side's connection.
    pub backlog: bool,
    /// Until when each side's system is known to have told everything.
    pub told_until: [Option<i64>; 2],
    /// Records that were read again, and when.
    pub asked: HashMap<EntityKey, i64>,
    pub now: i64,
}

/// The hub's explanations, from its queue.
pub struct HubCarrier<'e> {
    pub streams: Streams<'e>,
    pub known: Known,
    pub patience: Patience,
    pub store: Arc<dyn Store>,
    pub runtime: Handle,
    pub zone: jiff::tz::TimeZone,
    answers: Mutex<BTreeMap<Vec<String>, Answer>>,
    failed: Mutex<Option<StoreError>>,
}

/// Names of rows, as answers are kept by.
fn places(rows: &[Vec<&Row>; 2]) -> Vec<String> {
    let side = |side: Side| rows[side.index()].iter().map(move |row| format!("{} {}", side.as_str(), row.place));
    Side::BOTH.into_iter().flat_map(side).collect()
}

impl<'e> HubCarrier<'e> {
    pub fn new(
        streams: Streams<'e>,
        known: Known,
        patience: Patience,
        store: Arc<dyn Store>,
        zone: jiff::tz::TimeZone,
    ) -> HubCarrier<'e> {
        let (answers, failed) = (Mutex::default(), Mutex::default());
        HubCarrier { streams, known, patience, store, runtime: Handle::current(), zone, answers, failed }
    }

    /// The answers that were given, one a line; or why one could not be.
    pub fn answers(self) -> Result<Vec<u8>, StoreError> {
        if let Some(error) = self.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let mut lines = Vec::new();
        for (rows, answer) in self.answers.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let line = serde_json::to_vec(&AnswerLine { rows, answer })
                .map_err(|error| StoreError::Corrupt { what: "an answer".to_owned(), cause: error.to_string() })?;
            lines.extend(line);
            lines.push(b'\n');
        }
        Ok(lines)
    }

    fn explain(&self, rows: &[Vec<&Row>; 2]) -> Result<Option<Carried>, StoreError> {
        let mut dead = None;
        let mut reread = None;
        for side in Side::BOTH {
            for row in &rows[side.index()] {
                let Some((id, origin)) = self.streams.origin(side, &row.place) else { continue };
                for (source, passage, to) in self.passages(side, &id)? {
                    if let Some(found) = self.remote(&passage, to).and_then(|remote| self.waits(&remote)) {
                        return Ok(Some(found));
                    }
                    match self.passed(&source, &passage, to) {
                        Some(Carried::Failed { operation }) => dead = dead.or(Some(Carried::Failed { operation })),
                        Some(Carried::Reread { why }) => reread = reread.or(Some(Carried::Reread { why })),
                        Some(found @ (Carried::InFlight { .. } | Carried::Stuck { .. })) => return Ok(Some(found)),
                        None => {}
                    }
                }
                if let Some(found) = self.waits(&id) {
                    return Ok(Some(found));
                }
                if self.streams.mirrors[side.index()] && self.moved(&id, origin.revision)? {
                    let why = format!("{} has changed since it was taken", name(&id));
                    reread = reread.or(Some(Carried::Reread { why: why.into() }));
                }
            }
        }
        if self.known.backlog {
            let why = "more payloads wait in the inbox than can be looked through";
            return Ok(Some(Carried::Reread { why: why.into() }));
        }
        if dead.is_none() && reread.is_none() {
            let is_new = |before: &BTreeSet<Difference>| !before.contains(&self.streams.difference(rows));
            if self.known.before.as_ref().is_some_and(is_new) {
                let why = "it differs since the second look only";
                return Ok(Some(Carried::Reread { why: why.into() }));
            }
        }
        Ok(reread.or(dead))
    }

    /// Whether the mirror holds another revision of it by now.
    fn moved(&self, id: &EntityKey, revision: i64) -> Result<bool, StoreError> {
        let now = self.runtime.block_on(self.store.entities(std::slice::from_ref(id)))?;
        Ok(now.first().is_none_or(|now| now.deleted || now.revision != revision))
    }

    /// The ways by which the record can have come to the other side, or from there.
    fn passages(&self, side: Side, id: &EntityKey) -> Result<Vec<(EntityKey, Passage, Side)>, StoreError> {
        let (here, there) = (&self.streams.streams[side.index()], &self.streams.streams[side.other().index()]);
        let (Some(here), Some(there)) = (here, there) else { return Ok(Vec::new()) };
        let out = self.runtime.block_on(self.store.passage(id, there))?;
        let mut found = vec![(id.clone(), out, side.other())];
        for binding in self.runtime.block_on(self.store.bindings_by_remote(std::slice::from_ref(id)))? {
            let source = binding.source;
            if source.connection == there.connection && source.stream == there.stream {
                let passage = self.runtime.block_on(self.store.passage(&source, here))?;
                found.push((source, passage, side));
            }
        }
        Ok(found)
    }

    /// What a record's jobs towards a side explain.
    fn passed(&self, source: &EntityKey, passage: &Passage, to: Side) -> Option<Carried> {
        if let Some(open) = passage.jobs.iter().find(|job| job.state.is_open()) {
            return Some(self.aged(told(open, source, "is under way"), open.created_at));
        }
        let delivered = passage.jobs.iter().find(|job| job.state == JobState::Done);
        let dead = passage.jobs.iter().find(|job| job.state == JobState::Dead);
        if let Some(dead) = dead.filter(|dead| delivered.is_none_or(|done| done.revision < dead.revision)) {
            return Some(Carried::Failed { operation: told(dead, source, "failed").into() });
        }
        let (done, at) = delivered.and_then(|done| Some((done, done.finished_at?)))?;
        let settled = at.saturating_add(micros(self.patience.settle));
        let stream = self.streams.streams[to.index()].as_ref()?;
        let asked = self.remote(passage, to).and_then(|remote| self.known.asked.get(&remote).copied());
        let told_until = self.known.told_until[to.index()].max(asked);
        if told_until.is_none_or(|until| until < settled) {
            let why = format!("{}, and {stream} has not been read since", told(done, source, "was delivered"));
            return Some(Carried::Reread { why: why.into() });
        }
        None
    }

    /// The record that it is bound to over there.
    fn remote(&self, passage: &Passage, to: Side) -> Option<EntityKey> {
        let stream = self.streams.streams[to.index()].as_ref()?;
        let remote = passage.binding.as_ref().filter(|binding| !binding.remote_id.is_empty())?;
        Some(EntityKey {
            connection: stream.connection.clone(),
            stream: stream.stream.clone(),
            key: remote.remote_id.clone(),
        })
    }

    /// A payload about it that nobody has processed yet.
    fn waits(&self, id: &EntityKey) -> Option<Carried> {
        let (payload, at) = self.known.pending.get(id)?;
        Some(self.aged(format!("payload {payload} about {} is not processed yet", name(id)), *at))
    }

    fn aged(&self, operation: String, since: i64) -> Carried {
        let operation = operation.into_boxed_str();
        let day = self.day(since);
        if self.known.now.saturating_sub(since) > micros(self.patience.stuck_after) {
            Carried::Stuck { operation, since: day }
        } else {
            Carried::InFlight { operation, since: day }
        }
    }

    fn day(&self, at: i64) -> Option<Date> {
        let at = jiff::Timestamp::from_microsecond(at).ok()?;
        Some(Date::from(at.to_zoned(self.zone.clone()).date()))
    }
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn name(id: &EntityKey) -> String {
    format!("{}.{}/{}", id.connection, id.stream, id.key)
}

/// `job 12 of flow orders (event 7, attempt 3, issue 2) is under way: 503 …`
fn told(job: &PassageJob, source: &EntityKey, what: &str) -> String {
    let issue = job.issue_id.map(|issue| format!(", issue {issue}")).unwrap_or_default();
    let why = if job.error.is_empty() { String::new() } else { format!(": {}", job.error) };
    format!(
        "job {} of flow {} for {} (event {}, attempt {}{issue}) {what}{why}",
        job.id,
        job.flow,
        name(source),
        job.event_id,
        job.attempts
    )
}

impl Carrier for HubCarrier<'_> {
    fn carried(&self, _rules: &RuleSet, rows: &[Vec<&Row>; 2]) -> Option<Carried> {
        match self.explain(rows) {
            Ok(found) => {
                if let Some(carried) = &found {
                    let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
                    answers.insert(places(rows), Answer::from(carried));
                }
                found
            }
            Err(error) => {
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                None
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
struct AnswerLine {
    rows: Vec<String>,
    #[serde(flatten)]
    answer: Answer,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "carried", rename_all = "snake_case")]
enum Answer {
    InFlight { operation: Box<str>, since: Option<String> },
    Stuck { operation: Box<str>, since: Option<String> },
    Reread { why: Box<str> },
    Failed { operation: Box<str> },
}

impl From<&Carried> for Answer {
    fn from(carried: &Carried) -> Answer {
        let day = |since: &Option<Date>| since.map(|date| date.to_string());
        match carried {
            Carried::InFlight { operation, since } => {
                Answer::InFlight { operation: operation.clone(), since: day(since) }
            }
            Carried::Stuck { operation, since } => Answer::Stuck { operation: operation.clone(), since: day(since) },
            Carried::Reread { why } => Answer::Reread { why: why.clone() },
            Carried::Failed { operation } => Answer::Failed { operation: operation.clone() },
        }
    }
}

impl Answer {
    fn carried(&self) -> Carried {
        let day = |since: &Option<String>| since.as_deref().and_then(|text| Date::parse(text).ok());
        match self {
            Answer::InFlight { operation, since } => {
                Carried::InFlight { operation: operation.clone(), since: day(since) }
            }
            Answer::Stuck { operation, since } => Carried::Stuck { operation: operation.clone(), since: day(since) },
            Answer::Reread { why } => Carried::Reread { why: why.clone() },
            Answer::Failed { operation } => Carried::Failed { operation: operation.clone() },
        }
    }
}

/// Answers that were given once.
#[derive(Default)]
pub struct Recorded(BTreeMap<Vec<String>, Answer>);

impl Recorded {
    /// Reads what was written down; why not, in words.
    pub fn read(path: &Path) -> Result<Recorded, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let mut recorded = BTreeMap::new();
        for line in text.lines() {
            let AnswerLine { rows, answer } = serde_json::from_str(line).map_err(|error| error.to_string())?;
            recorded.insert(rows, answer);
        }
        Ok(Recorded(recorded))
    }
}

impl Carrier for Recorded {
    fn carried(&self, _rules: &RuleSet, rows: &[Vec<&Row>; 2]) -> Option<Carried> {
        self.0.get(&places(rows)).map(Answer::carried)
    }
}
