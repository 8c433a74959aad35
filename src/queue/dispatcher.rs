//! The one task that talks to the store for the queue: acknowledges, renews and claims in one transaction a tick; not
//! here: sending.
//!
//! It sleeps until there is a reason: an outcome, a wake-up from processing, the next due time, a lane that opens, or a
//! lease that needs renewing. A tick that fails leaves outcomes where they were, to be written with the next.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::backend::{Delivery, QueueBackend};
use super::lanes::Lanes;
use crate::model::clock::Clock;
use crate::store::{Ack, Dispatch, JobClaim, Store, StoreError};

/// How the queue keeps its claims.
#[derive(Clone, Debug)]
pub struct DispatcherOptions {
    /// Name of this node's life; a claim under another name is somebody else's.
    pub owner: String,
    /// How long a claim lasts without renewal: the bound on recovery after a crash.
    pub lease: Duration,
    /// Longest sleep without a reason.
    pub idle: Duration,
    /// How long a drain waits for deliveries under way.
    pub drain: Duration,
}

impl DispatcherOptions {
    pub fn new(owner: String) -> DispatcherOptions {
        DispatcherOptions {
            owner,
            lease: Duration::from_secs(60),
            idle: Duration::from_secs(5),
            drain: Duration::from_secs(20),
        }
    }
}

/// Outcomes written per tick at most: bounds the transaction.
const ACKS_PER_TICK: usize = 512;
/// With so many deliveries under way the first outcome waits a moment for others: a commit costs about the same for one.
const GATHER_FROM: usize = 8;
/// How long it waits, at most; less than a commit takes on most disks.
const GATHER: Duration = Duration::from_millis(1);

/// Wakes the dispatcher.
#[derive(Clone, Default)]
pub struct QueueHandle {
    wake: Arc<Notify>,
}

impl QueueHandle {
    /// There may be new work, or a lane may have opened.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

pub struct Dispatcher {
    store: Arc<dyn Store>,
    clock: Clock,
    lanes: Arc<Lanes>,
    handle: QueueHandle,
    options: DispatcherOptions,
    outcomes: mpsc::UnboundedReceiver<Ack>,
    outcome_sender: mpsc::UnboundedSender<Ack>,
    deliveries: mpsc::Sender<Delivery>,
    /// Their lane, and what it counted them under.
    running: HashMap<JobClaim, (String, u64)>,
    next_due: Option<i64>,
    renewed_at: i64,
    /// Whose turn it is to be served first.
    turn: usize,
}

impl Dispatcher {
    /// The dispatcher and the backend that its claims come out of. `capacity` bounds claims not yet taken by a worker.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Clock,
        lanes: Arc<Lanes>,
        handle: QueueHandle,
        options: DispatcherOptions,
        capacity: usize,
    ) -> (Dispatcher, QueueBackend) {
        let (deliveries, claimed) = mpsc::channel(capacity);
        let (outcome_sender, outcomes) = mpsc::unbounded_channel();
        let renewed_at = clock.now_us();
        let dispatcher = Dispatcher {
            store,
            clock,
            lanes,
            handle,
            options,
            outcomes,
            outcome_sender,
            deliveries,
            running: HashMap::new(),
            next_due: None,
            renewed_at,
            turn: 0,
        };
        (dispatcher, QueueBackend::new(claimed))
    }

    /// Works until `stop`, then lets deliveries under way finish (bounded by `drain`) and writes their outcomes.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut pending = Vec::new();
        loop {
            let claiming = !stop.is_cancelled();
            match self.tick(&mut pending, claiming).await {
                Ok(()) => {}
                Err(error) => {
                    tracing::error!(%error, outcomes = pending.len(), "queue tick failed, trying again");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
            if !claiming {
                return self.drain(pending).await;
            }
            self.wait(&mut pending, &stop).await;
        }
    }

    async fn wait(&mut self, pending: &mut Vec<Ack>, stop: &CancellationToken) {
        let now = self.clock.now_us();
        let due = self.next_due.into_iter().chain(self.lanes.next_open(now)).min();
        let until_due = due.map_or(self.options.idle, |due| Duration::from_micros((due - now).max(0).unsigned_abs()));
        tokio::select! {
            received = self.outcomes.recv_many(pending, ACKS_PER_TICK) => {
                debug_assert!(received > 0);
                self.gather(pending).await;
            }
            () = self.handle.wake.notified() => {}
            () = tokio::time::sleep(until_due.min(self.options.idle)) => {}
            () = stop.cancelled() => {}
        }
    }

    /// Lets outcomes come together, up to half of what is under way.
    async fn gather(&mut self, pending: &mut Vec<Ack>) {
        if self.running.len() < GATHER_FROM {
            return;
        }
        let enough = self.running.len() / 2;
        let more = async {
            while pending.len() < enough {
                self.outcomes.recv_many(pending, ACKS_PER_TICK).await;
            }
        };
        // Running out of time is as good as having enough.
        let _ = tokio::time::timeout(GATHER, more).await;
    }

    async fn tick(&mut self, pending: &mut Vec<Ack>, claiming: bool) -> Result<(), StoreError> {
        while pending.len() < ACKS_PER_TICK
            && let Ok(ack) = self.outcomes.try_recv()
        {
            pending.push(ack);
        }
        let now = self.clock.now_us();
        let lease_us = i64::try_from(self.options.lease.as_micros()).unwrap_or(i64::MAX / 2);
        let renew_due = now - self.renewed_at > lease_us / 3;
        let room = if claiming { self.room(now) } else { Vec::new() };
        let tick = Dispatch {
            owner: self.options.owner.clone(),
            now,
            lease_until: now + lease_us,
            acks: pending.clone(),
            renew: if renew_due { self.still_running(pending) } else { Vec::new() },
            claims: room,
            at_most: Some(u32::try_from(self.deliveries.capacity()).unwrap_or(u32::MAX)),
            held_flows: self.lanes.held_flows(),
        };
        let result = self.store.dispatch(tick).await?;
        if renew_due {
            self.renewed_at = now;
        }
        for ack in pending.drain(..) {
            if let Some((lane, hold)) = self.running.remove(&ack.claim) {
                self.lanes.ended(&lane, hold);
            }
        }
        for claim in &result.stale {
            tracing::warn!(job = claim.job_id, "this node's claim had run out; its result was not written");
        }
        self.next_due = result.next_due.iter().map(|(_, due)| *due).min();
        if !result.woken.is_empty() {
            // Jobs became ready by these very acknowledgements: claim them with the next tick, without sleeping.
            self.handle.wake();
        }
        self.hand_out(result.claimed, now).await;
        Ok(())
    }

    /// Claims to be renewed. One that ends with this very tick is none of them: its job is closed before leases are renewed,
    /// and would be reported as lost.
    fn still_running(&self, ending: &[Ack]) -> Vec<JobClaim> {
        let ending: HashSet<JobClaim> = ending.iter().map(|ack| ack.claim).collect();
        self.running.keys().filter(|claim| !ending.contains(claim)).copied().collect()
    }

    /// Room of the lanes. When workers are short, each lane in turn is served first; what it leaves is for the others.
    fn room(&mut self, now: i64) -> Vec<(String, u32)> {
        let mut room = self.lanes.room(now);
        if !room.is_empty() {
            self.turn = (self.turn + 1) % room.len();
            room.rotate_left(self.turn);
        }
        room
    }

    async fn hand_out(&mut self, claimed: Vec<crate::store::Claimed>, now: i64) {
        for job in claimed {
            let hold = self.lanes.started(&job.lane);
            self.running.insert(job.claim, (job.lane.clone(), hold));
            let delivery = Delivery::new(job, now, self.outcome_sender.clone());
            // A closed channel means that the workers are gone; dropping the delivery reports it as unknown.
            if self.deliveries.send(delivery).await.is_err() {
                tracing::error!("the workers have stopped; a claimed job goes back");
            }
        }
    }

    async fn drain(mut self, mut pending: Vec<Ack>) {
        let deadline = tokio::time::Instant::now() + self.options.drain;
        while !self.running.is_empty() && tokio::time::Instant::now() < deadline {
            let received =
                tokio::time::timeout_at(deadline, self.outcomes.recv_many(&mut pending, ACKS_PER_TICK)).await;
            if received.is_err() {
                break;
            }
            if let Err(error) = self.tick(&mut pending, false).await {
                tracing::error!(%error, "could not write the outcomes of the drain; leases will decide");
                return;
            }
        }
        if !self.running.is_empty() {
            tracing::warn!(
                jobs = self.running.len(),
                "deliveries still under way at the end of the drain; looked up after restart"
            );
        }
    }
}
