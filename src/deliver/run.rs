//! One delivery from claim to outcome; not here: the decision about failures (see `outcome`), claiming (see `queue`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tracing::Instrument as _;

use super::breaker::{Breaker, BreakerChange};
use super::dead_letters::{gone, name, unmappable, unreadable, unresolvable, unsupported};
use super::destination::{Destination, Effect, EffectKind, Protection};
use super::outcome::{Facts, LaneEffect, after_failure};
use super::outgoing::{event, stored_record};
use super::policy::RetryPolicy;
use crate::connector::call::{CallError, CallResult, Lookup, Receipt, WriteContext};
use crate::mapping::expr::Expression;
use crate::mapping::{Mapping, MappingError, OutContext, Refs, Remote};
use crate::model::clock::Clock;
use crate::model::{ErrorClass, Record};
use crate::queue::{Delivery, Lanes, QueueHandle};
use crate::store::{
    Ack, AckOutcome, Claimed, ConnectionHealth, ConnectionStateRow, DeadLetter, RefKey, ResolvedRef, Store, StoreError,
    wait_key,
};
use crate::telemetry::moment;

/// Whether a flow's effects reach the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowMode {
    Live,
    /// Everything but the sending; what would have been sent is kept with the attempt.
    Shadow,
    /// Live for this share of keys, shadow for the rest.
    Canary {
        share_basis_points: u32,
    },
    Paused,
}

/// What a flow's mode means for one record.
enum KeyMode {
    Send,
    Shadow,
    Hold,
}

impl FlowMode {
    /// A canary's share is chosen by key, so that one record is always on the same side.
    fn for_key(self, key: &str) -> KeyMode {
        match self {
            FlowMode::Live => KeyMode::Send,
            FlowMode::Shadow => KeyMode::Shadow,
            FlowMode::Paused => KeyMode::Hold,
            FlowMode::Canary { share_basis_points } => {
                let digest = Sha256::digest(key.as_bytes());
                let slot = (u32::from(digest[0]) << 8 | u32::from(digest[1])) % 10_000;
                if slot < share_basis_points { KeyMode::Send } else { KeyMode::Shadow }
            }
        }
    }
}

/// How a record becomes what the destination takes; pure.
#[derive(Clone)]
pub enum MapOut {
    /// By the connector's field table.
    Table { mapping: Arc<Mapping>, settings: Arc<Value> },
    /// As it is, in canonical form: sinks that take whatever a flow brings.
    Canonical,
}

impl MapOut {
    fn map_out(&self, record: &Record, refs: &Refs, remote_id: Option<&str>) -> Result<Value, MappingError> {
        match self {
            MapOut::Table { mapping, settings } => {
                mapping.map_out(record, OutContext { refs, binding: remote_id, settings })
            }
            MapOut::Canonical => Ok(record.to_json()),
        }
    }
}

/// A flow, ready to run.
pub struct FlowRun {
    pub name: String,
    pub mode: FlowMode,
    pub dest: String,
    pub dest_stream: String,
    /// Canonical paths of references that must be at the destination first.
    pub needs: Vec<String>,
    pub map_out: MapOut,
    /// For stock: what is published as available, over the level's states; never below zero.
    pub publish: Option<Expression>,
    /// Fields that another system owns: they are not sent.
    pub owned_elsewhere: Vec<String>,
    pub policy: RetryPolicy,
    /// How long a job may wait for what it needs.
    pub wait_limit: Duration,
}

/// Flows and destinations as configured now.
pub trait FlowBook: Send + Sync + 'static {
    fn flow(&self, name: &str) -> Option<Arc<FlowRun>>;
    fn destination(&self, connection: &str) -> Option<Arc<dyn Destination>>;
}

/// Delivers claimed jobs.
pub struct Deliverer {
    store: Arc<dyn Store>,
    book: Arc<dyn FlowBook>,
    lanes: Arc<Lanes>,
    queue: QueueHandle,
    clock: Clock,
    breakers: Mutex<HashMap<String, Breaker>>,
}

/// What a delivery came to, before it is dressed as an acknowledgement.
struct Ended {
    outcome: AckOutcome,
    class: Option<ErrorClass>,
    status: Option<u16>,
    request: String,
    response: String,
}

impl Ended {
    fn plain(outcome: AckOutcome) -> Ended {
        Ended { outcome, class: None, status: None, request: String::new(), response: String::new() }
    }

    fn dead(dead: DeadLetter) -> Ended {
        let class = Some(dead.class);
        Ended { class, ..Ended::plain(AckOutcome::Dead(dead)) }
    }
}

/// Bytes of a request kept with an attempt.
const REQUEST_EXCERPT: usize = 4096;

impl Deliverer {
    pub fn new(
        store: Arc<dyn Store>,
        book: Arc<dyn FlowBook>,
        lanes: Arc<Lanes>,
        queue: QueueHandle,
        clock: Clock,
    ) -> Deliverer {
        Deliverer { store, book, lanes, queue, clock, breakers: Mutex::default() }
    }

    /// Carries a claimed job to its outcome.
    pub async fn deliver(&self, delivery: Delivery) {
        let job = &delivery.job;
        let span = tracing::debug_span!("deliver", flow = %job.flow, key = %job.source.key, revision = job.revision,
            attempt = job.attempt);
        let result = self.run(job).instrument(span).await;
        let claim = job.claim;
        delivery.finish(Ack {
            claim,
            outcome: result.outcome,
            class: result.class,
            status: result.status,
            request: result.request,
            response: result.response,
        });
    }

    async fn run(&self, job: &Claimed) -> Ended {
        if let Some(binding) = &job.binding
            && !job.force
            && job.edited.is_none()
            && binding.sent_revision >= job.revision
        {
            // The destination already has this revision, or a newer one: never backwards.
            return Ended::plain(AckOutcome::Superseded);
        }
        let (Some(flow), Some(dest)) = (self.book.flow(&job.flow), self.book.destination(&job.lane)) else {
            return Ended::dead(gone(job));
        };
        match self.prepare(job, &flow).await {
            Ok(Prepared::Ready(effect)) => self.effect(job, &flow, dest.as_ref(), *effect).await,
            Ok(Prepared::Ended(result)) => *result,
            Err(error) => {
                let error = format!("the store could not be read: {error}");
                Ended::plain(AckOutcome::Retry { run_at: self.clock.now_us() + 1_000_000, counts: false, error })
            }
        }
    }

    /// Resolves references and maps out.
    async fn prepare(&self, job: &Claimed, flow: &FlowRun) -> Result<Prepared, StoreError> {
        let record = match stored_record(job, flow) {
            Ok(record) => record,
            Err(error) => return Ok(Prepared::end(Ended::dead(unreadable(job, &error)))),
        };
        let mut known = Known::default();
        for path in &flow.needs {
            let wanted = match record.refs(path) {
                Ok(found) => found.into_iter().map(|(entity, natural_key)| RefKey { entity, natural_key }).collect(),
                Err(error) => {
                    let error = format!("needs `{path}`: {error}");
                    return Ok(Prepared::end(Ended::dead(unreadable(job, &error))));
                }
            };
            if let Some(missing) = self.resolve(job, wanted, &mut known).await? {
                return Ok(Prepared::end(self.wait(job, flow, &missing)));
            }
        }
        let remote_id = job.binding.as_ref().map(|b| b.remote_id.as_str()).filter(|id| !id.is_empty());
        let body = match &job.edited {
            Some(edited) => match serde_json::from_str(edited) {
                Ok(body) => body,
                Err(error) => {
                    return Ok(Prepared::end(Ended::dead(unreadable(
                        job,
                        &format!("the edited body is not JSON: {error}"),
                    ))));
                }
            },
            // A mapping names what it refers to as it goes: each reference is resolved when it is first missed.
            None => loop {
                match flow.map_out.map_out(&record, &known.refs, remote_id) {
                    Ok(body) => break body,
                    Err(error) => {
                        let Some((entity, key)) = error.waits_for() else {
                            return Ok(Prepared::end(Ended::dead(unmappable(job, &error))));
                        };
                        let wanted = RefKey { entity, natural_key: key.to_owned() };
                        let already = known.refs.get(entity, key).is_some();
                        if already || self.resolve(job, vec![wanted.clone()], &mut known).await?.is_some() {
                            return Ok(Prepared::end(self.wait(job, flow, &wanted)));
                        }
                    }
                }
            },
        };
        let event = match event(job) {
            Ok(event) => event,
            Err(error) => return Ok(Prepared::end(Ended::dead(unreadable(job, &error.to_string())))),
        };
        let context = WriteContext {
            key: job.source.key.clone(),
            natural_key: record.natural_key().unwrap_or_default(),
            remote_id: remote_id.map(str::to_owned),
            idempotency_key: job.idempotency_key.clone(),
            refs: Value::Object(known.json),
            record: body.clone(),
            event,
        };
        let kind = EffectKind::Create;
        Ok(Prepared::Ready(Box::new(Effect { stream: job.stream.clone(), kind, body, context })))
    }

    /// Looks references up at the destination. Returns the first that it does not know.
    async fn resolve(
        &self,
        job: &Claimed,
        wanted: Vec<RefKey>,
        known: &mut Known,
    ) -> Result<Option<RefKey>, StoreError> {
        for resolved in self.store.resolve_refs(&job.lane, &wanted).await? {
            known.add(resolved);
        }
        Ok(wanted.into_iter().find(|key| known.refs.get(key.entity, &key.natural_key).is_none()))
    }

    fn wait(&self, job: &Claimed, flow: &FlowRun, key: &RefKey) -> Ended {
        let now = self.clock.now_us();
        let waited = Duration::from_micros((now - job.created_at).max(0).unsigned_abs());
        let waited_us = (now - job.created_at).max(0);
        let what = format!("{} {}", key.entity, key.natural_key);
        if waited > flow.wait_limit {
            return Ended::dead(DeadLetter {
                scope: job.flow.clone(),
                class: ErrorClass::NotFound,
                fingerprint: format!("{}/needs/{}", job.flow, key.entity),
                title: format!("{}: the {} it refers to never reached {}", job.flow, key.entity, job.lane),
                detail: format!(
                    "{}: waited {} for {what} to be known at {}",
                    name(job),
                    moment::duration(waited_us),
                    job.lane
                ),
                next_step: format!("sync {what} to {} first (see its own timeline), then retry", job.lane),
            });
        }
        Ended::plain(AckOutcome::Wait {
            wait_for: wait_key(&job.lane, key.entity, &key.natural_key),
            // Looks again soon at first, in case it came in between the look and this note, then ever less often.
            check_at: now
                + i64::try_from((waited / 2).clamp(Duration::from_secs(1), Duration::from_secs(60)).as_micros())
                    .unwrap_or(60_000_000),
            error: format!("waits for {what} to be known at {}", job.lane),
        })
    }

    async fn effect(&self, job: &Claimed, flow: &FlowRun, dest: &dyn Destination, mut effect: Effect) -> Ended {
        let Some((kind, protection)) = choose(dest, job, effect.context.remote_id.is_some()) else {
            return Ended::dead(unsupported(job));
        };
        effect.kind = kind;
        let sent_hash = hash(&effect);
        if let Some(binding) = &job.binding
            && binding.sent_hash == sent_hash
            && !job.force
            && !job.unknown
        {
            return Ended::plain(AckOutcome::Ignored("unchanged at destination".to_owned()));
        }
        let request = excerpt(&effect);
        match flow.mode.for_key(&job.source.key) {
            KeyMode::Send => {}
            KeyMode::Shadow => {
                return Ended { request, ..Ended::plain(AckOutcome::Ignored("shadow".to_owned())) };
            }
            KeyMode::Hold => {
                return Ended::plain(AckOutcome::Released { run_at: self.clock.now_us() + 1_000_000 });
            }
        }
        let done = self.protected(job, dest, protection, &mut effect).await;
        let mut result = match done {
            Ok(Some(receipt)) => {
                let echo = dest.echo(&effect, &receipt).to_string();
                self.written(job, receipt, sent_hash, echo).await
            }
            Ok(None) => Ended::dead(unresolvable(job)),
            Err(error) => self.failed(job, flow, &error).await,
        };
        result.request = request;
        result
    }

    /// Sends in the way that the protection demands. `None`: its last outcome cannot be found out any more.
    async fn protected(
        &self,
        job: &Claimed,
        dest: &dyn Destination,
        protection: Protection,
        effect: &mut Effect,
    ) -> CallResult<Option<Receipt>> {
        match protection {
            Protection::Natural => dest.write(effect).await.map(Some),
            Protection::Key { ttl } => {
                let age = Duration::from_micros((self.clock.now_us() - job.first_attempt_at).max(0).unsigned_abs());
                // A margin of a tenth: the destination's clock of the key's life started a little before ours.
                if job.unknown && age > ttl - ttl / 10 {
                    return Ok(None);
                }
                dest.write(effect).await.map(Some)
            }
            Protection::LookUp => match dest.lookup(&effect.stream, &effect.context).await? {
                Lookup::Absent => dest.write(effect).await.map(Some),
                Lookup::Found { remote_id, .. } => {
                    // It is there, by an attempt whose answer was lost or by somebody else's hand; its content may be
                    // another revision's, so that an update, where there is one, states ours.
                    effect.context.remote_id = Some(remote_id.clone());
                    for kind in [EffectKind::Update, EffectKind::Upsert, EffectKind::Set] {
                        if dest.protection(&effect.stream, kind) == Some(Protection::Natural) {
                            effect.kind = kind;
                            let receipt = dest.write(effect).await?;
                            return Ok(Some(Receipt { remote_id: receipt.remote_id.or(Some(remote_id)), ..receipt }));
                        }
                    }
                    let response_excerpt = "found by look-up".to_owned();
                    Ok(Some(Receipt {
                        remote_id: Some(remote_id),
                        remote_version: None,
                        status: None,
                        response_excerpt,
                    }))
                }
            },
        }
    }

    async fn written(&self, job: &Claimed, receipt: Receipt, sent_hash: String, echo: String) -> Ended {
        self.lane_effect(&job.lane, LaneEffect::Works, "").await;
        metrics::counter!("syncline_deliveries_total", "flow" => job.flow.clone(), "outcome" => "done").increment(1);
        let remote_id =
            receipt.remote_id.or_else(|| job.binding.as_ref().map(|b| b.remote_id.clone())).unwrap_or_default();
        Ended {
            outcome: AckOutcome::Done {
                remote_id,
                remote_version: receipt.remote_version.map(|version| version.value()),
                sent_hash,
                echo,
            },
            class: None,
            status: receipt.status,
            request: String::new(),
            response: receipt.response_excerpt,
        }
    }

    async fn failed(&self, job: &Claimed, flow: &FlowRun, error: &CallError) -> Ended {
        let facts = Facts {
            flow: &job.flow,
            record: &name(job),
            failures: u32::try_from(job.failures).unwrap_or(u32::MAX),
            age: Duration::from_micros((self.clock.now_us() - job.first_attempt_at).max(0).unsigned_abs()),
            policy: flow.policy,
            now: self.clock.now_us(),
            jitter: fastrand::u32(0..=1000),
        };
        let (mut outcome, lane) = after_failure(error, facts);
        // A failure says nothing about an earlier attempt in doubt, and a vendor that answers "not now" may have applied the
        // request all the same: the doubt keeps a newer change from being taken for what the destination already has.
        let in_doubt = job.unknown || (error.sent && error.class == ErrorClass::Transient);
        if in_doubt && let AckOutcome::Retry { run_at, error, .. } = &outcome {
            outcome = AckOutcome::Unknown { run_at: *run_at, error: error.clone() };
        }
        self.lane_effect(&job.lane, lane, &error.to_string()).await;
        metrics::counter!("syncline_deliveries_total", "flow" => job.flow.clone(), "outcome" => error.class.as_str())
            .increment(1);
        tracing::debug!(flow = %job.flow, key = %job.source.key, %error, "delivery failed");
        Ended {
            outcome,
            class: Some(error.class),
            status: error.status,
            request: String::new(),
            response: error.response_excerpt.clone(),
        }
    }

    /// Applies what a call taught about its destination to the lane, and keeps what must survive a restart.
    async fn lane_effect(&self, lane: &str, effect: LaneEffect, reason: &str) {
        let now = self.clock.now_us();
        let until = |pause: Duration| now + i64::try_from(pause.as_micros()).unwrap_or(i64::MAX / 2);
        let change = {
            let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
            let breaker = breakers.entry(lane.to_owned()).or_default();
            match effect {
                LaneEffect::Works => breaker.succeeded(),
                LaneEffect::Fails => breaker.failed(),
                LaneEffect::Pause(_) | LaneEffect::Locked | LaneEffect::Silent => BreakerChange::Unchanged,
            }
        };
        let row = |state, until, reason: &str| ConnectionStateRow {
            connection: lane.to_owned(),
            state,
            reason: reason.to_owned(),
            until,
            failures: 0,
            changed_at: now,
        };
        let state = match (change, effect) {
            (BreakerChange::Opened(pause), _) => {
                self.lanes.hold(lane, until(pause), true);
                tracing::warn!(connection = %lane, ?pause, reason, "the destination keeps failing; it is left alone for a while");
                row(ConnectionHealth::Open, Some(until(pause)), reason)
            }
            (BreakerChange::Closed, _) => {
                self.lanes.release(lane);
                tracing::info!(connection = %lane, "the destination works again");
                row(ConnectionHealth::Ok, None, "")
            }
            (BreakerChange::Unchanged, LaneEffect::Pause(pause)) => {
                self.lanes.hold(lane, until(pause), false);
                return;
            }
            (BreakerChange::Unchanged, LaneEffect::Locked) => {
                self.lanes.hold(lane, until(Duration::from_secs(30)), true);
                tracing::error!(connection = %lane, reason, "the destination refuses our credentials");
                row(ConnectionHealth::Auth, Some(until(Duration::from_secs(30))), reason)
            }
            (BreakerChange::Unchanged, LaneEffect::Works | LaneEffect::Fails | LaneEffect::Silent) => return,
        };
        if let Err(error) = self.store.set_connection_state(state).await {
            tracing::error!(%error, connection = %lane, "could not store the connection's state");
        }
        self.queue.wake();
    }
}

enum Prepared {
    Ready(Box<Effect>),
    Ended(Box<Ended>),
}

impl Prepared {
    fn end(result: Ended) -> Prepared {
        Prepared::Ended(Box::new(result))
    }
}

/// What the destination knows of the records that this one names, for mappings and for templates.
#[derive(Default)]
struct Known {
    refs: Refs,
    json: Map<String, Value>,
}

impl Known {
    fn add(&mut self, resolved: ResolvedRef) {
        let RefKey { entity, natural_key } = resolved.key;
        let record = resolved.doc.as_deref().and_then(|doc| Record::from_canonical_json(entity, doc).ok());
        let extra = record.as_ref().map(|record| record.extra().clone()).unwrap_or_default();
        let slot = self.json.entry(entity.as_str()).or_insert_with(|| json!({}));
        if let Value::Object(slot) = slot {
            let record = record.map_or(Value::Null, |record| record.to_json());
            slot.insert(natural_key.clone(), json!({ "id": resolved.remote_id, "record": record }));
        }
        self.refs.insert(entity, natural_key, Remote { id: Some(resolved.remote_id), extra });
    }
}

/// The operation for a job, the most fitting that the destination has.
fn choose(dest: &dyn Destination, job: &Claimed, bound: bool) -> Option<(EffectKind, Protection)> {
    let order: &[EffectKind] = match (job.deleted, bound) {
        (true, _) => &[EffectKind::Delete],
        (false, true) => &[EffectKind::Update, EffectKind::Upsert, EffectKind::Set],
        (false, false) => &[EffectKind::Create, EffectKind::Upsert, EffectKind::Set],
    };
    order.iter().find_map(|kind| dest.protection(&job.stream, *kind).map(|protection| (*kind, protection)))
}

fn hash(effect: &Effect) -> String {
    let mut hasher = Sha256::new();
    hasher.update(if effect.kind == EffectKind::Delete { "delete" } else { "state" });
    hasher.update(effect.body.to_string());
    hex::encode(&hasher.finalize()[..16])
}

fn excerpt(effect: &Effect) -> String {
    let mut text = format!("{} {}", effect.kind.as_str(), effect.body);
    if text.len() > REQUEST_EXCERPT {
        let cut = (0..=REQUEST_EXCERPT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
        text.push('…');
    }
    text
}
