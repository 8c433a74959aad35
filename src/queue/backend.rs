//! What apalis sees of the queue: a stream of claimed jobs; not here: claiming (see `dispatcher`).

use std::convert::Infallible;
use std::task::{Context, Poll};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::task::task_id::RandomId;
use apalis_core::worker::context::WorkerContext;
use tokio::sync::mpsc;
use tower::layer::util::Identity;

use crate::store::{Ack, AckOutcome, Claimed, JobClaim};

/// A claimed job on its way through a worker. However the worker ends, exactly one outcome reaches the dispatcher: the
/// one it reports, or, when it panics or is dropped half-way, "unknown".
pub struct Delivery {
    pub job: Claimed,
    claim: JobClaim,
    /// Retried after this, if the worker dies with it; microseconds.
    retry_at: i64,
    outcomes: Option<mpsc::UnboundedSender<Ack>>,
}

impl Delivery {
    pub(super) fn new(job: Claimed, retry_at: i64, outcomes: mpsc::UnboundedSender<Ack>) -> Delivery {
        Delivery { claim: job.claim, job, retry_at, outcomes: Some(outcomes) }
    }

    /// Hands the outcome to the dispatcher, which commits it with its next tick.
    pub fn finish(mut self, ack: Ack) {
        if let Some(outcomes) = self.outcomes.take() {
            // A closed channel means that the dispatcher has drained and stopped: the lease decides then.
            let _ = outcomes.send(ack);
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let Some(outcomes) = self.outcomes.take() else { return };
        let error = "the delivery ended without an outcome (it panicked or was interrupted)".to_owned();
        let _ = outcomes.send(Ack {
            claim: self.claim,
            outcome: AckOutcome::Unknown { run_at: self.retry_at, error },
            class: Some(crate::model::ErrorClass::Bug),
            status: None,
            request: String::new(),
            response: String::new(),
        });
    }
}

/// The apalis side of the queue.
pub struct QueueBackend {
    claimed: mpsc::Receiver<Delivery>,
}

impl QueueBackend {
    pub(super) fn new(claimed: mpsc::Receiver<Delivery>) -> QueueBackend {
        QueueBackend { claimed }
    }
}

impl Backend for QueueBackend {
    type Task = Task<Delivery>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Task<Delivery>, Infallible>>> {
        self.claimed.poll_recv(cx).map(|claimed| claimed.map(|delivery| Ok(Task::new(delivery))))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        self.claimed.close();
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for QueueBackend {
    type Args = Delivery;
    type Id = RandomId;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
