//! What follows from all events of a reconciliation: breaks with their states, runs with their signatures, matches in force.
//!
//! `Book::of` is the one function that every figure about decisions comes from; it can be thrown away and made again. Not here:
//! whether an action is allowed (`act`, `sign`), what a run changes (`roll`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::recon::report::RunStatus;
use crate::store::ReconEvent;

use super::fact::{Amounts, Fact, JournalLine, Kept, Sighting};
use super::{Action, State};

/// An event that this version cannot read or that contradicts those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} of `{reconciliation}` ({kind}) cannot be used: {cause}; was it written by a newer version?")]
pub struct BookError {
    seq: i64,
    reconciliation: String,
    kind: String,
    cause: String,
}

/// Something said about a break.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    pub at: i64,
    pub actor: String,
    pub text: String,
}

/// A write-off that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteOffAsked {
    pub code: String,
    pub reason: String,
    pub by: String,
}

/// A break over all runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemRecord {
    pub id: String,
    pub code: String,
    pub amounts: Amounts,
    pub event_date: Option<String>,
    pub marks: Vec<String>,
    pub state: State,
    pub owner: Option<String>,
    pub write_off: Option<WriteOffAsked>,
    /// The decision behind `CLOSED`, and behind what left the open items.
    pub decision: Option<State>,
    /// The match that resolved it.
    pub matched_by: Option<i64>,
    /// The signed run that closed it.
    pub sealed_by: Option<i64>,
    pub first_run: i64,
    pub first_seen: i64,
    pub last_run: i64,
    pub remarks: Vec<Remark>,
    /// Names and hashes of documents.
    pub attachments: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    pub actor: String,
    pub at: i64,
    pub note: String,
    pub sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    pub id: i64,
    pub event: i64,
    pub period: [String; 2],
    pub as_of: String,
    pub status: RunStatus,
    pub sha256: String,
    pub input_dir: Option<String>,
    pub preparer: Option<Signature>,
    pub approver: Option<Signature>,
    /// Why its signatures were taken back, the last time.
    pub reopened: Option<Remark>,
}

impl RunRecord {
    pub fn is_signed(&self) -> bool {
        self.approver.is_some()
    }
}

/// A match that a person decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchRecord {
    pub breaks: Vec<String>,
    pub rows: [Vec<String>; 2],
    pub keys: Vec<String>,
    pub forced: bool,
    pub reason: String,
    pub actor: String,
    pub sealed_by: Option<i64>,
}

/// All that is known about one reconciliation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    /// The last event's number.
    pub head: i64,
    pub items: BTreeMap<String, ItemRecord>,
    pub runs: BTreeMap<i64, RunRecord>,
    /// Matches in force, by their event's number.
    pub matches: BTreeMap<i64, MatchRecord>,
    /// Open items as the last run left them: what the next one opens with.
    pub open_after_last_run: BTreeMap<String, Amounts>,
    pub journal: Vec<JournalLine>,
    /// What was known when periods were signed, by run: last day, marks.
    pub signed: BTreeMap<i64, (String, BTreeSet<String>)>,
}

impl Book {
    /// Rebuilds everything from a reconciliation's events.
    pub fn of<'e>(events: impl IntoIterator<Item = &'e ReconEvent>) -> Result<Book, BookError> {
        let mut book = Book::default();
        for event in events {
            book.follow(event)?;
        }
        Ok(book)
    }

    /// One event more. Whoever appends tries it here first: an event that cannot be followed would stop all work.
    pub fn follow(&mut self, event: &ReconEvent) -> Result<(), BookError> {
        let broken = |cause: String| BookError {
            seq: event.seq,
            reconciliation: event.reconciliation.clone(),
            kind: event.kind.clone(),
            cause,
        };
        let fact = Fact::of(event).map_err(|error| broken(error.to_string()))?;
        self.take(event, fact).map_err(broken)?;
        self.head = event.seq;
        Ok(())
    }

    fn take(&mut self, event: &ReconEvent, fact: Fact) -> Result<(), String> {
        match fact {
            Fact::RunKept(kept) => {
                let run = event.run.ok_or("it names no run")?;
                self.run_kept(run, event.seq, event.at, &kept);
            }
            Fact::SignedAsPreparer { note, sha256 } => {
                self.run_mut(event)?.preparer = Some(signature(event, note, sha256));
            }
            Fact::SignedAsApprover { note, sha256 } => {
                self.run_mut(event)?.approver = Some(signature(event, note, sha256));
                self.seal(event.run.unwrap_or_default());
            }
            Fact::Reopened { reason } if event.item.is_empty() => {
                let remark = Remark { at: event.at, actor: event.actor.clone(), text: reason };
                let run = self.run_mut(event)?;
                (run.preparer, run.approver, run.reopened) = (None, None, Some(remark));
                self.unseal(event.run.unwrap_or_default());
            }
            Fact::Matched { breaks, rows, keys, forced, reason } => {
                for id in &breaks {
                    let item = self.items.get_mut(id).ok_or_else(|| format!("there is no break {id}"))?;
                    item.decide(Action::Resolve, &event.actor)?;
                    item.matched_by = Some(event.seq);
                }
                let actor = event.actor.clone();
                let record = MatchRecord { breaks, rows, keys, forced, reason, actor, sealed_by: None };
                self.matches.insert(event.seq, record);
            }
            Fact::Unmatched { event: of, .. } => {
                self.matches.remove(&of).ok_or_else(|| format!("no match of event {of} is in force"))?;
                for item in self.items.values_mut().filter(|item| item.matched_by == Some(of)) {
                    item.matched_by = None;
                    if item.state.is_decided() {
                        item.go(Action::Reopen)?;
                        item.decision = None;
                    }
                }
            }
            about_a_break => {
                let id = &event.item;
                let item = self.items.get_mut(id).ok_or_else(|| format!("there is no break {id}"))?;
                let journal = item.take(event, about_a_break)?;
                if item.state == State::Reopened {
                    self.journal.retain(|line| line.item != *id);
                }
                self.journal.extend(journal);
            }
        }
        Ok(())
    }

    fn run_mut(&mut self, event: &ReconEvent) -> Result<&mut RunRecord, String> {
        let id = event.run.ok_or("it names no run")?;
        self.runs.get_mut(&id).ok_or_else(|| format!("there is no run {id}"))
    }

    /// What a kept run changes; also how a run finds out what it will change.
    pub(super) fn run_kept(&mut self, run: i64, event: i64, at: i64, kept: &Kept) {
        for sighting in &kept.opened {
            self.items.insert(sighting.id.clone(), ItemRecord::new(sighting, run, at));
        }
        for sighting in kept.reopened.iter().chain(&kept.changed) {
            if let Some(item) = self.items.get_mut(&sighting.id) {
                item.see(sighting, run);
            }
        }
        for sighting in &kept.reopened {
            self.journal.retain(|line| line.item != sighting.id);
            if let Some(item) = self.items.get_mut(&sighting.id) {
                (item.state, item.decision, item.matched_by, item.sealed_by) = (State::Reopened, None, None, None);
            }
        }
        for id in &kept.healed {
            if let Some(item) = self.items.get_mut(id) {
                (item.state, item.decision, item.write_off) = (State::Healed, Some(State::Healed), None);
            }
        }
        self.open_after_last_run = self.open();
        let record = RunRecord {
            id: run,
            event,
            period: kept.period.clone(),
            as_of: kept.as_of.clone(),
            status: kept.status,
            sha256: kept.sha256.clone(),
            input_dir: kept.input_dir.clone(),
            preparer: None,
            approver: None,
            reopened: None,
        };
        self.runs.insert(run, record);
    }

    pub fn open(&self) -> BTreeMap<String, Amounts> {
        let open = self.items.values().filter(|item| item.state.is_open());
        open.map(|item| (item.id.clone(), item.amounts.clone())).collect()
    }

    /// The approver's signature closes what was decided about the period or before it.
    fn seal(&mut self, run: i64) {
        let Some(record) = self.runs.get(&run) else { return };
        let through = record.through().to_owned();
        for item in self.items.values_mut() {
            let within = item.event_date.as_ref().is_none_or(|date| *date <= through);
            if within && item.state.after(Action::Close).is_ok() {
                (item.state, item.sealed_by) = (State::Closed, Some(run));
            }
        }
        for decided in self.matches.values_mut().filter(|decided| decided.sealed_by.is_none()) {
            decided.sealed_by = Some(run);
        }
        let marks = self.items.values().flat_map(|item| item.marks.iter().cloned()).collect();
        self.signed.insert(run, (through, marks));
    }

    fn unseal(&mut self, run: i64) {
        for item in self.items.values_mut().filter(|item| item.sealed_by == Some(run)) {
            item.sealed_by = None;
            if let (State::Closed, Some(decision)) = (item.state, item.decision) {
                item.state = decision;
            }
        }
        for decided in self.matches.values_mut().filter(|decided| decided.sealed_by == Some(run)) {
            decided.sealed_by = None;
        }
        self.signed.remove(&run);
    }
}

impl RunRecord {
    /// The last day that it speaks for.
    pub fn through(&self) -> &str {
        if self.period[1].is_empty() { &self.as_of } else { &self.period[1] }
    }
}

impl ItemRecord {
    fn new(sighting: &Sighting, run: i64, at: i64) -> ItemRecord {
        ItemRecord {
            id: sighting.id.clone(),
            code: sighting.code.clone(),
            amounts: sighting.amounts.clone(),
            event_date: sighting.event_date.clone(),
            marks: sighting.marks.clone(),
            state: State::Open,
            owner: None,
            write_off: None,
            decision: None,
            matched_by: None,
            sealed_by: None,
            first_run: run,
            first_seen: at,
            last_run: run,
            remarks: Vec::new(),
            attachments: Vec::new(),
        }
    }

    /// What was proposed about another amount is not approved any more.
    fn see(&mut self, sighting: &Sighting, run: i64) {
        (self.code, self.amounts) = (sighting.code.clone(), sighting.amounts.clone());
        (self.event_date, self.marks) = (sighting.event_date.clone(), sighting.marks.clone());
        (self.last_run, self.write_off) = (run, None);
    }

    fn go(&mut self, action: Action) -> Result<(), String> {
        self.state = self.state.after(action).map_err(|refusal| refusal.what)?;
        Ok(())
    }

    fn decide(&mut self, action: Action, actor: &str) -> Result<(), String> {
        self.go(action)?;
        (self.decision, self.write_off) = (Some(self.state), None);
        self.owner.get_or_insert_with(|| actor.to_owned());
        Ok(())
    }

    fn remark(&mut self, event: &ReconEvent, text: String) {
        if !text.is_empty() {
            self.remarks.push(Remark { at: event.at, actor: event.actor.clone(), text });
        }
    }

    fn take(&mut self, event: &ReconEvent, fact: Fact) -> Result<Vec<JournalLine>, String> {
        let mut lines = Vec::new();
        match fact {
            Fact::Assigned { owner } => {
                self.go(Action::Assign)?;
                self.owner = Some(owner);
            }
            Fact::Commented { text } => self.remark(event, text),
            Fact::Attached { name, sha256 } => self.attachments.push((name, sha256)),
            Fact::StateChanged { to, note } => {
                let action = match to {
                    State::Investigating => Action::Investigate,
                    State::Proposed => Action::Propose,
                    State::Open
                    | State::Assigned
                    | State::Resolved
                    | State::Healed
                    | State::WrittenOff
                    | State::AcceptedTiming
                    | State::Closed
                    | State::Reopened => return Err(format!("{to} has an event of its own")),
                };
                self.go(action)?;
                self.remark(event, note);
            }
            Fact::Resolved { reason } => {
                self.decide(Action::Resolve, &event.actor)?;
                self.remark(event, reason);
            }
            Fact::WriteOffProposed { code, reason } => {
                self.go(Action::Propose)?;
                self.owner.get_or_insert_with(|| event.actor.clone());
                self.remark(event, reason.clone());
                self.write_off = Some(WriteOffAsked { code, reason, by: event.actor.clone() });
            }
            Fact::WrittenOff { code, reason, journal, .. } => {
                self.decide(Action::WriteOff, &event.actor)?;
                self.remark(event, format!("{code}: {reason}"));
                lines = journal;
            }
            Fact::AcceptedTiming { reason } => {
                self.decide(Action::AcceptTiming, &event.actor)?;
                self.remark(event, reason);
            }
            Fact::Reopened { reason } => {
                self.go(Action::Reopen)?;
                (self.decision, self.sealed_by, self.matched_by) = (None, None, None);
                self.remark(event, reason);
            }
            Fact::RunKept(_)
            | Fact::Matched { .. }
            | Fact::Unmatched { .. }
            | Fact::SignedAsPreparer { .. }
            | Fact::SignedAsApprover { .. } => return Err("it is not about one break".to_owned()),
        }
        Ok(lines)
    }
}

fn signature(event: &ReconEvent, note: String, sha256: String) -> Signature {
    Signature { actor: event.actor.clone(), at: event.at, note, sha256 }
}
