//! Effects that wait for others of their kind, to go out in one call; each delivery gets its own result back.
//!
//! No task of its own: whichever delivery completes a batch, or first runs out of time, sends it for all. A delivery that is
//! given up while it waits is not sent; if the one that sends is given up, the outcome of all is unknown. What the vendor
//! refuses as a whole is halved until the refusal is about one record, so that one bad record costs the others a call and
//! not their delivery.
//!
//! Not here: what a result means for its job (`run`), which effects may be batched (`send`), the call (the destination).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::destination::{BatchTerms, Destination, Effect, EffectKind};
use crate::connector::call::{CallError, CallResult, Receipt};
use crate::model::ErrorClass;

/// What a call came to for one effect.
pub(super) struct Settled {
    pub result: CallResult<Receipt>,
    pub share: Share,
}

/// An effect's part in the call that carried it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// Effects in the call.
    pub size: usize,
    /// From 1.
    pub position: usize,
    /// Whether this one tells the lane what the call taught: one of each call does.
    pub speaks: bool,
    /// Whether the call failed as a whole: nothing was said about this effect in particular.
    pub whole: bool,
    /// Spreads repetitions; the same for all of a call, so that they come back together.
    pub jitter: u32,
}

impl Share {
    /// A call of its own.
    pub fn alone() -> Share {
        Share { size: 1, position: 1, speaks: true, whole: false, jitter: fastrand::u32(0..=1000) }
    }
}

/// Whose effects go together: a lane's, of one stream and kind, by one destination as configured.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Group {
    lane: String,
    stream: String,
    kind: EffectKind,
    /// A reload makes another destination, which may batch in another way. Alive while effects wait for it.
    destination: usize,
}

#[derive(Default)]
struct Batch {
    /// So that a delivery whose own batch is under way does not hurry the next one.
    number: u64,
    effects: Vec<Effect>,
    replies: Vec<oneshot::Sender<Settled>>,
    /// By whatever a record could be the same at the destination.
    names: HashSet<String>,
    bytes: u64,
}

impl Batch {
    fn takes(&self, names: &[String], bytes: u64, terms: BatchTerms) -> bool {
        let fits = terms.max_bytes.is_none_or(|most| self.bytes + bytes <= most);
        fits && !names.iter().any(|name| self.names.contains(name))
    }

    /// Without those whose delivery was given up.
    fn awaited(mut self) -> Batch {
        let given_up: Vec<bool> = self.replies.iter().map(oneshot::Sender::is_closed).collect();
        if given_up.contains(&true) {
            let mut keep = given_up.iter().map(|closed| !closed);
            self.effects.retain(|_| keep.next().unwrap_or(true));
            self.replies.retain(|reply| !reply.is_closed());
        }
        self
    }

    fn split(mut self) -> (Batch, Batch) {
        let middle = self.effects.len() / 2;
        let tail = Batch {
            effects: self.effects.split_off(middle),
            replies: self.replies.split_off(middle),
            ..Batch::default()
        };
        (self, tail)
    }
}

/// Whether a call that was refused as a whole is tried again in halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Halved,
    /// Once it was sent, each delivery decides for itself: it looks first.
    Told,
}

/// An effect on its way into a batch.
pub(super) struct Joining<'j> {
    pub lane: &'j str,
    pub order_key: &'j str,
    pub effect: &'j Effect,
    pub terms: BatchTerms,
    pub refused: Refused,
}

#[derive(Default)]
pub(super) struct Gatherer {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    batches: HashMap<Group, Batch>,
    /// Batches begun so far.
    begun: u64,
}

impl Waiting {
    fn begin(&mut self) -> Batch {
        self.begun += 1;
        Batch { number: self.begun, ..Batch::default() }
    }
}

/// An effect that was taken in.
struct Joined {
    settled: oneshot::Receiver<Settled>,
    batch: u64,
    /// For the caller to send.
    ready: Vec<Batch>,
}

impl Gatherer {
    /// Returns once the batch that carries the effect is settled.
    pub async fn write(&self, dest: &Arc<dyn Destination>, joining: Joining<'_>) -> Settled {
        let group = Group {
            lane: joining.lane.to_owned(),
            stream: joining.effect.stream.clone(),
            kind: joining.effect.kind,
            destination: Arc::as_ptr(dest).cast::<()>() as usize,
        };
        let due = Instant::now() + joining.terms.linger;
        let Joined { mut settled, batch, ready } = self.join(&group, &joining);
        for batch in ready {
            send(dest.as_ref(), batch, joining.refused).await;
        }
        tokio::select! {
            biased;
            settled = &mut settled => return settled.unwrap_or_else(|_| abandoned(joining.lane)),
            () = tokio::time::sleep_until(due) => {}
        }
        // Unless somebody else is sending it already.
        let own = self.take(&group, batch);
        if let Some(batch) = own {
            send(dest.as_ref(), batch, joining.refused).await;
        }
        settled.await.unwrap_or_else(|_| abandoned(joining.lane))
    }

    /// Takes an effect in. Batches that are complete with it, or cannot take it, are for the caller to send.
    fn join(&self, group: &Group, joining: &Joining<'_>) -> Joined {
        let names = names(joining);
        let bytes = joining.effect.body.to_string().len() as u64;
        let (reply, settled) = oneshot::channel();
        let mut waiting = self.locked();
        let former = waiting.batches.remove(group);
        let (mut batch, mut ready) = match former {
            Some(batch) if batch.takes(&names, bytes, joining.terms) => (batch, Vec::new()),
            Some(batch) => (waiting.begin(), vec![batch]),
            None => (waiting.begin(), Vec::new()),
        };
        batch.effects.push(joining.effect.clone());
        batch.replies.push(reply);
        batch.names.extend(names);
        batch.bytes += bytes;
        let number = batch.number;
        if batch.effects.len() >= joining.terms.max {
            ready.push(batch);
        } else {
            waiting.batches.insert(group.clone(), batch);
        }
        Joined { settled, batch: number, ready }
    }

    fn take(&self, group: &Group, number: u64) -> Option<Batch> {
        let mut waiting = self.locked();
        let batch = waiting.batches.remove(group)?;
        if batch.number == number {
            return Some(batch);
        }
        waiting.batches.insert(group.clone(), batch);
        None
    }

    fn locked(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A record may reach one place by several keys; two that share any of these never share a batch.
fn names(joining: &Joining<'_>) -> Vec<String> {
    let context = &joining.effect.context;
    let mut names = vec![format!("order {}", joining.order_key)];
    names.extend(context.remote_id.as_ref().map(|id| format!("id {id}")));
    if !context.natural_key.is_empty() {
        names.push(format!("natural {}", context.natural_key));
    }
    names
}

/// Sends, halves what is refused as a whole, and tells each delivery its own result.
async fn send(dest: &dyn Destination, batch: Batch, refused: Refused) {
    let mut open = vec![batch.awaited()];
    while let Some(batch) = open.pop() {
        if batch.effects.is_empty() {
            continue;
        }
        match dest.write_many(&batch.effects).await {
            Ok(results) => tell(batch, results, false),
            Err(error) if batch.effects.len() > 1 && halves(&error, refused) => {
                tracing::debug!(records = batch.effects.len(), %error, "a batch was refused as a whole; it is halved");
                let (head, tail) = batch.split();
                open.push(tail);
                open.push(head);
            }
            Err(error) => {
                let results = batch.effects.iter().map(|_| Err(error.clone())).collect();
                tell(batch, results, true);
            }
        }
    }
}

/// What was never sent may be sent in parts, whatever protects it.
fn halves(error: &CallError, refused: Refused) -> bool {
    about_content(error.class) && (refused == Refused::Halved || !error.sent)
}

/// Refusals that one record of many may be the cause of, and that prove that nothing was applied.
pub(super) fn about_content(class: ErrorClass) -> bool {
    match class {
        ErrorClass::Data | ErrorClass::Permission | ErrorClass::NotFound | ErrorClass::Conflict => true,
        ErrorClass::Transient
        | ErrorClass::RateLimited
        | ErrorClass::Auth
        | ErrorClass::UnknownOutcome
        | ErrorClass::UnmappedValue
        | ErrorClass::Bug => false,
    }
}

fn tell(batch: Batch, results: Vec<CallResult<Receipt>>, whole: bool) {
    let (size, jitter) = (batch.effects.len(), fastrand::u32(0..=1000));
    // The vendor works if it took anything at all.
    let speaker = results.iter().position(Result::is_ok).unwrap_or(0);
    let mut results = results.into_iter();
    for (index, reply) in batch.replies.into_iter().enumerate() {
        let result = results.next().unwrap_or_else(|| Err(lost("", "the destination gave no result for this record")));
        let share = Share { size, position: index + 1, speaks: index == speaker, whole, jitter };
        // A delivery that is gone has reported itself as unknown.
        let _ = reply.send(Settled { result, share });
    }
}

fn abandoned(lane: &str) -> Settled {
    let error = lost(lane, "the delivery that sent the batch was interrupted");
    Settled { result: Err(error), share: Share::alone() }
}

fn lost(lane: &str, message: &str) -> Box<CallError> {
    Box::new(CallError {
        class: ErrorClass::UnknownOutcome,
        system: lane.to_owned(),
        what: "batch".to_owned(),
        status: None,
        message: message.to_owned(),
        next_step: "it is sent again as its protection allows".to_owned(),
        retry_after: None,
        sent: true,
        request_excerpt: String::new(),
        response_excerpt: String::new(),
    })
}

#[cfg(test)]
#[path = "gather_tests.rs"]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
