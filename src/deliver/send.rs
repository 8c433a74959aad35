//! Sending one effect in the way that its protection demands, alone or in a batch; not here: what a result means for the job.

use std::sync::Arc;
use std::time::Duration;

use super::destination::{BatchTerms, Destination, Effect, EffectKind, Protection};
use super::gather::{Gatherer, Joining, Refused, Settled, Share, about_content};
use crate::connector::call::{CallResult, Lookup, Receipt, WriteContext};
use crate::model::clock::Clock;
use crate::store::Claimed;

/// What sending came to.
pub(super) struct Sent {
    /// `None`: its last outcome cannot be found out any more.
    pub result: CallResult<Option<Receipt>>,
    pub share: Share,
}

impl From<Settled> for Sent {
    fn from(settled: Settled) -> Sent {
        Sent { result: settled.result.map(Some), share: settled.share }
    }
}

impl Sent {
    fn alone(result: CallResult<Option<Receipt>>) -> Sent {
        Sent { result, share: Share::alone() }
    }
}

pub(super) struct Sender {
    clock: Clock,
    gatherer: Gatherer,
}

impl Sender {
    pub fn new(clock: Clock) -> Sender {
        Sender { clock, gatherer: Gatherer::default() }
    }

    /// Sends in the way that the protection demands.
    pub async fn send(
        &self,
        job: &Claimed,
        dest: &Arc<dyn Destination>,
        protection: Protection,
        effect: &mut Effect,
    ) -> Sent {
        match protection {
            Protection::Natural => self.write(job, dest, effect, Refused::Halved).await.into(),
            Protection::Key { ttl } => {
                let age = Duration::from_micros((self.clock.now_us() - job.first_attempt_at).max(0).unsigned_abs());
                // A margin of a tenth: the destination's clock of the key's life started a little before ours.
                if job.edited_in_doubt || (job.unknown && age > ttl - ttl / 10) {
                    return Sent::alone(Ok(None));
                }
                // Its key is its own: never in a batch.
                Sent::alone(dest.write(effect).await.map(Some))
            }
            Protection::LookUp => self.looked_up(job, dest, effect).await,
        }
    }

    /// Asks before it creates. After a doubt, or a refusal of a whole batch, of which some may have been applied, it asks and
    /// creates alone.
    async fn looked_up(&self, job: &Claimed, dest: &Arc<dyn Destination>, effect: &mut Effect) -> Sent {
        if let Some(found) = self.found(job, dest, effect).await {
            return found;
        }
        if job.unknown {
            return Sent::alone(dest.write(effect).await.map(Some));
        }
        let settled = self.write(job, dest, effect, Refused::Told).await;
        let perhaps_anothers = settled.share.whole && settled.share.size > 1;
        if !settled.result.as_ref().is_err_and(|error| perhaps_anothers && about_content(error.class)) {
            return settled.into();
        }
        if let Some(found) = self.found(job, dest, effect).await {
            return found;
        }
        Sent::alone(dest.write(effect).await.map(Some))
    }

    /// `None`: the destination does not have it.
    async fn found(&self, job: &Claimed, dest: &Arc<dyn Destination>, effect: &mut Effect) -> Option<Sent> {
        let remote_id = match self.remote_id(dest, effect).await {
            Ok(None) => return None,
            Ok(Some(remote_id)) => remote_id,
            Err(error) => return Some(Sent::alone(Err(error))),
        };
        // It is there, by an attempt whose answer was lost or by somebody else's hand; its content may be another
        // revision's, so that an update, where there is one, states ours.
        effect.context.remote_id = Some(remote_id.clone());
        let asked = effect.kind;
        for kind in [EffectKind::Update, EffectKind::Upsert, EffectKind::Set] {
            if dest.protection(&effect.stream, kind) == Some(Protection::Natural) {
                effect.kind = kind;
                let mut settled = self.write(job, dest, effect, Refused::Halved).await;
                if let Ok(receipt) = &mut settled.result {
                    receipt.remote_id.get_or_insert(remote_id);
                    effect.kind = asked;
                    if let Err(error) = dest.follow_up(effect).await {
                        return Some(Sent::alone(Err(error)));
                    }
                    effect.kind = kind;
                }
                return Some(settled.into());
            }
        }
        if let Err(error) = dest.follow_up(effect).await {
            return Some(Sent::alone(Err(error)));
        }
        let response_excerpt = "found by look-up".to_owned();
        let receipt = Receipt { remote_id: Some(remote_id), remote_version: None, status: None, response_excerpt };
        Some(Sent::alone(Ok(Some(receipt))))
    }

    /// By its present name, then by those that it was perhaps sent under before it was edited.
    async fn remote_id(&self, dest: &Arc<dyn Destination>, effect: &Effect) -> CallResult<Option<String>> {
        if let Lookup::Found { remote_id, .. } = dest.lookup(&effect.stream, &effect.context).await? {
            return Ok(Some(remote_id));
        }
        for former in &effect.formers {
            let (record, natural_key) = (former.body.clone(), former.natural_key.clone());
            let context = WriteContext { record, natural_key, ..effect.context.clone() };
            if let Lookup::Found { remote_id, .. } = dest.lookup(&effect.stream, &context).await? {
                return Ok(Some(remote_id));
            }
        }
        Ok(None)
    }

    async fn write(&self, job: &Claimed, dest: &Arc<dyn Destination>, effect: &Effect, refused: Refused) -> Settled {
        let Some(terms) = dest.batch(&effect.stream, effect.kind) else {
            return Settled { result: dest.write(effect).await, share: Share::alone() };
        };
        let terms = BatchTerms { max: terms.max.max(1), ..terms };
        let joining = Joining { lane: &job.lane, order_key: &job.order_key, effect, terms, refused };
        self.gatherer.write(dest, joining).await
    }
}
