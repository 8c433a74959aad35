//! Drives the plan: reads pending payloads, interprets and maps them, plans in order per key, commits in batches; not
//! here: decisions (see `plan`), network calls.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::brake::{FlowBrake, Waves, hold};
use super::plan::{Candidate, Plan, Route, SourceTraits, first_sighting, plan};
use super::tie::TieFetch;
use crate::model::clock::Clock;
use crate::model::{Entity, ErrorClass};
use crate::queue::QueueHandle;
use crate::store::{
    BindingRow, DeadLetter, EntityKey, EntityRow, EntityWrite, InboxRow, NewInbox, PlannedOutcome, PlannedRow,
    ProcessCommit, Sighting, SourceKind, Store, StoreError,
};

/// Payloads read and committed together.
const BATCH: u32 = 256;

/// What a payload turned out to be.
#[derive(Debug)]
pub enum Interpreted {
    Record(Candidate),
    /// Says only that a record changed: it must be read.
    Thin {
        id: EntityKey,
        /// Read from before there was a cursor: of a time when webhooks may not have been there.
        backfill: bool,
    },
    /// Carried several records.
    Several(Vec<NewInbox>),
    /// Of no interest, by which rule.
    Ignored {
        stream: String,
        rule: String,
    },
}

/// A payload that cannot be used, and whose it is: the record, as far as it could be read.
#[derive(Debug)]
pub struct Unusable {
    /// `None` where nothing tells which stream it belongs to.
    pub stream: Option<String>,
    pub entity: Option<Entity>,
    pub key: Option<String>,
    pub dead: DeadLetter,
}

/// What the processor needs to know about connections, mappings and flows.
pub trait Catalogue: Send + Sync + 'static {
    fn interpret(&self, row: &InboxRow) -> Result<Interpreted, Box<Unusable>>;
    fn routes(&self, connection: &str, stream: &str) -> Vec<Route>;
    fn traits(&self, connection: &str, stream: &str) -> SourceTraits;
    /// Flows from this stream that allow a wave only so much.
    fn brakes(&self, _connection: &str, _stream: &str) -> Vec<FlowBrake> {
        Vec::new()
    }
}

/// Tells the processor that there may be work.
#[derive(Clone, Default)]
pub struct ProcessorHandle {
    wake: Arc<Notify>,
}

impl ProcessorHandle {
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

pub struct Processor {
    pub(super) store: Arc<dyn Store>,
    pub(super) catalogue: Arc<dyn Catalogue>,
    pub(super) waves: Waves,
    ties: TieFetch,
    clock: Clock,
    handle: ProcessorHandle,
    queue: QueueHandle,
}

impl Processor {
    pub fn new(
        store: Arc<dyn Store>,
        catalogue: Arc<dyn Catalogue>,
        ties: TieFetch,
        clock: Clock,
        handle: ProcessorHandle,
        queue: QueueHandle,
    ) -> Processor {
        Processor { store, catalogue, waves: Waves::default(), ties, clock, handle, queue }
    }

    /// Works until `stop`. What is pending then is still pending at the next start.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.pass().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%error, "processing failed, trying again");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
            tokio::select! {
                () = self.handle.wake.notified() => {}
                () = tokio::time::sleep(Duration::from_secs(5)) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Walks through everything pending once. True if something was decided, so that another walk may find more.
    pub async fn pass(&self) -> Result<bool, StoreError> {
        self.ties.begin_walk();
        self.waves.forget();
        let mut after = 0;
        let mut held = HashSet::new();
        let mut worked = false;
        loop {
            let rows = self.store.pending_inbox(after, BATCH).await?;
            let Some(last) = rows.last() else {
                self.ties.forget_answers();
                return Ok(worked);
            };
            after = last.id;
            let full = rows.len() == BATCH as usize;
            worked |= self.batch(&rows, &mut held).await?;
            if !full {
                self.ties.forget_answers();
                return Ok(worked);
            }
        }
    }

    async fn batch(&self, rows: &[InboxRow], held: &mut HashSet<EntityKey>) -> Result<bool, StoreError> {
        let interpreted: Vec<_> = rows.iter().map(|row| self.interpret(row)).collect();
        let mut known = self.known(&interpreted).await?;
        let waves = self.judge_waves(rows).await?;
        let mut planned = Vec::with_capacity(rows.len());
        for (row, interpreted) in rows.iter().zip(interpreted) {
            let decision = self.decide(row, interpreted, &mut known, held);
            if let Some(mut decided) = decision {
                hold(&mut decided.outcome, row.batch.and_then(|wave| waves.get(&wave)));
                planned.push(decided);
            }
        }
        if planned.is_empty() {
            return Ok(false);
        }
        metrics::counter!("syncline_records_processed_total").increment(planned.len() as u64);
        let done = self.store.commit_processed(ProcessCommit { rows: planned, now: self.clock.now_us() }).await?;
        if !done.lanes.is_empty() {
            self.queue.wake();
        }
        Ok(true)
    }

    pub(super) fn interpret(&self, row: &InboxRow) -> Result<Interpreted, Box<Unusable>> {
        // A payload must never take the hub down with it, not even by a defect of ours.
        catch_unwind(AssertUnwindSafe(|| self.catalogue.interpret(row))).unwrap_or_else(|_| {
            let dead = DeadLetter {
                scope: row.connection.clone(),
                class: ErrorClass::Bug,
                fingerprint: format!("{}/bug/interpret", row.connection),
                title: format!("{}: the hub failed on a payload", row.connection),
                detail: format!("payload {} of {} made the hub panic while it was interpreted", row.id, row.connection),
                next_step: "report it with the payload; retry after an upgrade".to_owned(),
            };
            Err(Box::new(Unusable { stream: None, entity: None, key: None, dead }))
        })
    }

    pub(super) async fn known(&self, interpreted: &[Result<Interpreted, Box<Unusable>>]) -> Result<Known, StoreError> {
        let keys: HashSet<EntityKey> = interpreted
            .iter()
            .filter_map(|item| match item {
                Ok(Interpreted::Record(candidate)) => Some(candidate.id.clone()),
                Ok(Interpreted::Thin { .. } | Interpreted::Several(_) | Interpreted::Ignored { .. }) | Err(_) => None,
            })
            .collect();
        let keys: Vec<EntityKey> = keys.into_iter().collect();
        let states = self.store.entities(&keys).await?;
        let echoes = self.store.bindings_by_remote(&keys).await?;
        let mut known = Known::default();
        known.states.extend(states.into_iter().map(|row| (row.id.clone(), row)));
        for binding in echoes {
            let id = EntityKey {
                connection: binding.dest_connection.clone(),
                stream: binding.dest_stream.clone(),
                key: binding.remote_id.clone(),
            };
            known.echoes.entry(id).or_default().push(binding);
        }
        Ok(known)
    }

    /// One payload's decision; `None` leaves it pending.
    fn decide(
        &self,
        row: &InboxRow,
        interpreted: Result<Interpreted, Box<Unusable>>,
        known: &mut Known,
        held: &mut HashSet<EntityKey>,
    ) -> Option<PlannedRow> {
        let plain = |stream: &str, outcome| planned_row(row, stream, "", "", outcome, None);
        let candidate = match interpreted {
            Err(unusable) => return Some(dead_row(row, *unusable)),
            Ok(Interpreted::Ignored { stream, rule }) => return Some(plain(&stream, PlannedOutcome::Ignored(rule))),
            Ok(Interpreted::Several(children)) => return Some(plain(&row.stream, PlannedOutcome::Split(children))),
            Ok(Interpreted::Thin { id, backfill }) => {
                let traits = self.catalogue.traits(&id.connection, &id.stream);
                let sighting = first_sighting(row.source, backfill, traits);
                return self.after_fetch(row, id, held, "read").map(|row| PlannedRow { sighting, ..row });
            }
            Ok(Interpreted::Record(candidate)) => candidate,
        };
        let id = candidate.id.clone();
        if let Some(dead) = unfindable(&candidate) {
            return Some(planned_row(
                row,
                &id.stream,
                candidate.entity.as_str(),
                &id.key,
                PlannedOutcome::Dead(dead),
                None,
            ));
        }
        // An answer to a question is what the held ones wait for.
        if row.source != SourceKind::Fetch && held.contains(&id) {
            return None;
        }
        let traits = self.catalogue.traits(&id.connection, &id.stream);
        let routes = self.catalogue.routes(&id.connection, &id.stream);
        let (current, echoes) = known.of(&id);
        let (outcome, sighting) = match plan(&candidate, current, echoes, &routes, traits) {
            Ok(Plan::Fetch) => return self.after_fetch(row, id, held, "tie"),
            Ok(Plan::Commit { outcome, sighting }) => (outcome, sighting),
            Err(error) => (PlannedOutcome::Dead(route_failure(row, &error.flow, &error.to_string())), None),
        };
        known.remember(&outcome);
        Some(planned_row(row, &id.stream, candidate.entity.as_str(), &id.key, outcome, sighting))
    }

    /// A payload that needs its record read: done with once an answer covers it, held until then.
    fn after_fetch(
        &self,
        row: &InboxRow,
        id: EntityKey,
        held: &mut HashSet<EntityKey>,
        rule: &str,
    ) -> Option<PlannedRow> {
        if !held.contains(&id) && self.ties.covered(&id, row.received_at, &self.handle) {
            let outcome = PlannedOutcome::Ignored(rule.to_owned());
            return Some(planned_row(row, &id.stream, "", &id.key, outcome, None));
        }
        held.insert(id);
        None
    }
}

/// State as of this point of the batch: what is stored, overlaid by what was just decided.
#[derive(Default)]
pub(super) struct Known {
    states: HashMap<EntityKey, EntityRow>,
    echoes: HashMap<EntityKey, Vec<BindingRow>>,
}

impl Known {
    pub(super) fn of(&self, id: &EntityKey) -> (Option<&EntityRow>, &[BindingRow]) {
        (self.states.get(id), self.echoes.get(id).map_or(&[], Vec::as_slice))
    }

    pub(super) fn remember(&mut self, outcome: &PlannedOutcome) {
        match outcome {
            PlannedOutcome::Apply { state, .. } | PlannedOutcome::Absorb { state, .. } => {
                self.states.insert(state.id.clone(), stored(state));
            }
            PlannedOutcome::Unchanged { id, version } => {
                if let Some(row) = self.states.get_mut(id) {
                    row.version = row.version.max(*version);
                }
            }
            PlannedOutcome::Superseded
            | PlannedOutcome::Ignored(_)
            | PlannedOutcome::Dead(_)
            | PlannedOutcome::Split(_) => {}
        }
    }
}

fn stored(state: &EntityWrite) -> EntityRow {
    EntityRow {
        id: state.id.clone(),
        entity: state.entity,
        natural_key: state.natural_key.clone(),
        version: state.version,
        revision: state.revision,
        hash: state.hash.clone(),
        doc: state.doc.clone(),
        deleted: state.deleted,
        seen_by: state.seen_by,
        as_of: state.as_of,
        changed_at: 0,
    }
}

fn planned_row(
    row: &InboxRow,
    stream: &str,
    entity: &str,
    key: &str,
    outcome: PlannedOutcome,
    sighting: Option<Sighting>,
) -> PlannedRow {
    PlannedRow {
        inbox_id: row.id,
        connection: row.connection.clone(),
        received_at: row.received_at,
        stream: stream.to_owned(),
        entity: entity.to_owned(),
        key: key.to_owned(),
        outcome,
        sighting,
    }
}

/// A payload that nobody can use still counts for the record that it is about.
fn dead_row(row: &InboxRow, unusable: Unusable) -> PlannedRow {
    let Unusable { stream, entity, key, dead } = unusable;
    let stream = stream.unwrap_or_else(|| row.stream.clone());
    let entity = entity.map_or("", Entity::as_str);
    planned_row(row, &stream, entity, &key.unwrap_or_default(), PlannedOutcome::Dead(dead), None)
}

/// Longest natural key, in bytes: more cannot be looked up in every database.
const NATURAL_KEY_MAX: usize = 1000;

/// A record whose natural key nothing could be found by.
fn unfindable(candidate: &Candidate) -> Option<DeadLetter> {
    let length = candidate.record.as_ref()?.natural_key()?.len();
    let EntityKey { connection, stream, key } = &candidate.id;
    (length > NATURAL_KEY_MAX).then(|| DeadLetter {
        scope: connection.clone(),
        class: ErrorClass::Data,
        fingerprint: format!("{connection}/{stream}/natural key too long"),
        title: format!("{connection}.{stream}: a {} is called by a text that is too long", candidate.entity),
        detail: format!(
            "{connection}/{stream}/{key}: the fields that name the record have {length} bytes, more than {NATURAL_KEY_MAX}"
        ),
        next_step: format!("correct the record in {connection}, or map another field"),
    })
}

fn route_failure(row: &InboxRow, flow: &str, cause: &str) -> DeadLetter {
    DeadLetter {
        scope: flow.to_owned(),
        class: ErrorClass::Data,
        fingerprint: format!("{flow}/when/{cause}"),
        title: format!("{flow}: the condition `when` cannot be evaluated"),
        detail: format!("payload {} of {}: {cause}", row.id, row.connection),
        next_step: "correct the condition in the flow's configuration, then retry".to_owned(),
    }
}
