//! One delivery from claim to outcome; not here: the decision about failures (see `outcome`), claiming (see `queue`).

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tracing::Instrument as _;

use super::dead_letters::{edited_in_doubt, gone, name, unresolvable, unsupported};
use super::destination::{Destination, Effect, EffectKind, Protection};
use super::flow::{FlowBook, FlowRun, KeyMode};
use super::gather::Share;
use super::lane::LaneWatch;
use super::outcome::{Facts, LaneEffect, after_failure};
use super::prepare::{Prepared, prepare};
use super::send::Sender;
use crate::connector::call::{CallError, Receipt};
use crate::model::ErrorClass;
use crate::model::clock::Clock;
use crate::queue::{Delivery, Lanes, QueueHandle};
use crate::store::{Ack, AckOutcome, Claimed, DeadLetter, Store};

/// Delivers claimed jobs.
pub struct Deliverer {
    store: Arc<dyn Store>,
    book: Arc<dyn FlowBook>,
    clock: Clock,
    lanes: LaneWatch,
    sender: Sender,
}

/// What a delivery came to, before it is dressed as an acknowledgement.
struct Ended {
    outcome: AckOutcome,
    class: Option<ErrorClass>,
    status: Option<u16>,
    request: String,
    response: String,
}

/// A call of which a delivery was a part, and when the delivery asked for it.
#[derive(Clone, Copy)]
struct Called {
    share: Share,
    begun: i64,
}

impl Ended {
    fn plain(outcome: AckOutcome) -> Ended {
        let class = match &outcome {
            AckOutcome::Dead(dead) => Some(dead.class),
            AckOutcome::Done { .. }
            | AckOutcome::Superseded
            | AckOutcome::Ignored(_)
            | AckOutcome::Retry { .. }
            | AckOutcome::Unknown { .. }
            | AckOutcome::Wait { .. }
            | AckOutcome::Released { .. } => None,
        };
        Ended { outcome, class, status: None, request: String::new(), response: String::new() }
    }

    fn dead(dead: DeadLetter) -> Ended {
        Ended::plain(AckOutcome::Dead(dead))
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
        let lanes = LaneWatch::new(Arc::clone(&store), lanes, queue, clock.clone());
        Deliverer { store, book, sender: Sender::new(clock.clone()), clock, lanes }
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
        // What a person edited or demanded is sent although the destination has this revision, but never over a newer one.
        let again = job.force || job.edited.is_some();
        if let Some(binding) = &job.binding
            && (binding.sent_revision > job.revision || (binding.sent_revision == job.revision && !again))
        {
            return Ended::plain(AckOutcome::Superseded);
        }
        let (Some(flow), Some(dest)) = (self.book.flow(&job.flow), self.book.destination(&job.lane)) else {
            return Ended::dead(gone(job));
        };
        match prepare(self.store.as_ref(), job, &flow, self.clock.now_us()).await {
            Ok(Prepared::Ready(effect)) => self.effect(job, &flow, &dest, *effect).await,
            Ok(Prepared::Ended(outcome)) => Ended::plain(*outcome),
            Err(error) => {
                let error = format!("the store could not be read: {error}");
                Ended::plain(AckOutcome::Retry { run_at: self.clock.now_us() + 1_000_000, counts: false, error })
            }
        }
    }

    async fn effect(&self, job: &Claimed, flow: &FlowRun, dest: &Arc<dyn Destination>, mut effect: Effect) -> Ended {
        let Some((kind, protection)) = choose(dest.as_ref(), job, effect.context.remote_id.is_some()) else {
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
        let begun = self.clock.now_us();
        let sent = self.sender.send(job, dest, protection, &mut effect).await;
        let share = sent.share;
        let mut result = match sent.result {
            Ok(Some(receipt)) => {
                let echo = dest.echo(&effect, &receipt).to_string();
                self.written(job, receipt, sent_hash, echo, Called { share, begun }).await
            }
            Ok(None) if job.edited_in_doubt => Ended::dead(edited_in_doubt(job)),
            Ok(None) => Ended::dead(unresolvable(job)),
            Err(error) => self.failed(job, flow, &error, Called { share, begun }).await,
        };
        result.request = request;
        if share.size > 1 {
            // Told apart by an empty line, as a head is from its body.
            result.response = format!("{} of a batch of {}\n\n{}", share.position, share.size, result.response);
        }
        result
    }

    async fn written(&self, job: &Claimed, receipt: Receipt, sent_hash: String, echo: String, called: Called) -> Ended {
        if called.share.speaks {
            self.lanes.apply(&job.lane, LaneEffect::Works, called.begun, "").await;
        }
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

    async fn failed(&self, job: &Claimed, flow: &FlowRun, error: &CallError, called: Called) -> Ended {
        let Called { share, begun } = called;
        let facts = Facts {
            flow: &job.flow,
            record: &name(job),
            failures: u32::try_from(job.failures).unwrap_or(u32::MAX),
            age: Duration::from_micros((self.clock.now_us() - job.first_attempt_at).max(0).unsigned_abs()),
            policy: flow.policy,
            now: self.clock.now_us(),
            jitter: share.jitter,
        };
        let (mut outcome, lane) = after_failure(error, facts);
        // A failure says nothing about an earlier attempt in doubt, and a vendor that answers "not now" may have applied the
        // request all the same: the doubt keeps a newer change from being taken for what the destination already has.
        let in_doubt = job.unknown || (error.sent && error.class == ErrorClass::Transient);
        if in_doubt && let AckOutcome::Retry { run_at, error, .. } = &outcome {
            outcome = AckOutcome::Unknown { run_at: *run_at, error: error.clone() };
        }
        if share.speaks || (lane.outweighs_success() && !share.whole) {
            self.lanes.apply(&job.lane, lane, begun, &error.to_string()).await;
        }
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
