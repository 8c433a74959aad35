//! The apalis worker that runs deliveries: concurrency, panics contained, tracing; not here: what a delivery does.

use std::future::Future;
use std::sync::Arc;

use apalis::prelude::*;
use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::backend::{Delivery, QueueBackend};

/// Runs deliveries until `stop`; those under way then are finished by the dispatcher's drain.
pub async fn run_workers<F, Fut>(backend: QueueBackend, concurrency: usize, deliver: F, stop: CancellationToken)
where
    F: Fn(Delivery) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let deliver = Arc::new(deliver);
    let handler = move |delivery: Delivery| {
        let deliver = Arc::clone(&deliver);
        async move {
            deliver(delivery).await;
            Ok::<(), BoxDynError>(())
        }
    };
    let worker = WorkerBuilder::new("deliver").backend(backend).concurrency(concurrency).catch_panic().build(handler);
    let mut events = worker.stream().boxed();
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Ok(_)) => {}
                // A delivery that panicked has already reported itself as unknown; the worker goes on.
                Some(Err(error)) => tracing::error!(%error, "a delivery failed in a way it did not foresee"),
                None => return,
            },
            () = stop.cancelled() => return,
        }
    }
}
