//! Gathers payloads that arrive at the same time into one append, so that they share a commit; not here: verification.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use crate::process::ProcessorHandle;
use crate::store::{Appended, NewInbox, Store, StoreError};

/// Payloads that one append carries at most.
const TOGETHER: usize = 256;
/// Payloads that may wait; beyond it callers wait, and their own time-outs answer 503.
const WAITING: usize = 4096;

type Reply = oneshot::Sender<Result<Appended, Arc<StoreError>>>;

/// Handle to the appending task.
#[derive(Clone)]
pub struct Appender {
    queue: mpsc::Sender<(NewInbox, Reply)>,
}

impl Appender {
    pub fn start(store: Arc<dyn Store>, processor: ProcessorHandle, tasks: &TaskTracker) -> Appender {
        let (queue, waiting) = mpsc::channel(WAITING);
        tasks.spawn(serve(store, processor, waiting));
        Appender { queue }
    }

    /// Returns once the payload is durable.
    pub async fn append(&self, row: NewInbox) -> Result<Appended, Arc<StoreError>> {
        let (reply, answer) = oneshot::channel();
        self.queue.send((row, reply)).await.map_err(|_| Arc::new(StoreError::Closed))?;
        answer.await.map_err(|_| Arc::new(StoreError::Closed))?
    }
}

async fn serve(store: Arc<dyn Store>, processor: ProcessorHandle, mut waiting: mpsc::Receiver<(NewInbox, Reply)>) {
    let mut together = Vec::with_capacity(TOGETHER);
    while waiting.recv_many(&mut together, TOGETHER).await > 0 {
        let (rows, replies): (Vec<NewInbox>, Vec<Reply>) = together.drain(..).unzip();
        match store.append_inbox(rows, None).await {
            Ok(appended) => {
                processor.wake();
                for (reply, appended) in replies.into_iter().zip(appended) {
                    // A caller that hung up will deliver again; the payload is in the inbox either way.
                    let _ = reply.send(Ok(appended));
                }
            }
            Err(error) => {
                tracing::error!(%error, "payloads could not be stored; their senders are told to come again");
                let error = Arc::new(error);
                for reply in replies {
                    let _ = reply.send(Err(Arc::clone(&error)));
                }
            }
        }
    }
}
