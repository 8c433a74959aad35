//! Asks a vendor for a record's present state when two contents claim one version, or a webhook says only "look again";
//! not here: deciding that it must be asked.
//!
//! The asking row stays pending, and everything behind it for its key waits, until the answer is in the inbox. A crash
//! in between loses nothing: the row is still pending and asks again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::driver::ProcessorHandle;
use crate::connector::call::CallResult;
use crate::model::clock::Clock;
use crate::store::{EntityKey, NewInbox, SourceKind, Store};

/// Reads single records from vendors.
#[async_trait]
pub trait Fetcher: Send + Sync + 'static {
    /// The record as the vendor has it now, as JSON; `None` if it has none.
    async fn fetch(&self, id: &EntityKey) -> CallResult<Option<Vec<u8>>>;
}

/// Reads at once at most: ties are rare, and the vendor's rate budget has better uses.
const PARALLEL_FETCHES: usize = 8;
/// First pause after a failed read; doubles up to a minute.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TieState {
    Asked,
    /// The answer is in the inbox (or the record is gone): the asking row has done its work.
    Answered,
}

/// Ties under way, by the id of the payload that asked.
#[derive(Clone)]
pub struct TieFetch {
    store: Arc<dyn Store>,
    fetcher: Arc<dyn Fetcher>,
    clock: Clock,
    open: Arc<Mutex<HashMap<i64, TieState>>>,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl TieFetch {
    pub fn new(store: Arc<dyn Store>, fetcher: Arc<dyn Fetcher>, clock: Clock, tasks: TaskTracker) -> TieFetch {
        let permits = Arc::new(Semaphore::new(PARALLEL_FETCHES));
        TieFetch { store, fetcher, clock, open: Arc::default(), permits, tasks }
    }

    pub(super) fn state(&self, inbox_id: i64) -> Option<TieState> {
        self.lock().get(&inbox_id).copied()
    }

    pub(super) fn forget(&self, inbox_id: i64) {
        self.lock().remove(&inbox_id);
    }

    /// Starts asking, once per payload.
    pub(super) fn ask(&self, inbox_id: i64, id: EntityKey, processor: ProcessorHandle) {
        if self.lock().insert(inbox_id, TieState::Asked).is_some() {
            return;
        }
        let this = self.clone();
        self.tasks.spawn(async move {
            let Ok(_permit) = Arc::clone(&this.permits).acquire_owned().await else { return };
            this.ask_until_answered(inbox_id, &id).await;
            this.lock().insert(inbox_id, TieState::Answered);
            processor.wake();
        });
    }

    async fn ask_until_answered(&self, inbox_id: i64, id: &EntityKey) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.ask_once(inbox_id, id).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(connection = %id.connection, stream = %id.stream, key = %id.key, %error,
                        "could not read the record's present state, asking again in {pause:?}");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn ask_once(&self, inbox_id: i64, id: &EntityKey) -> Result<(), String> {
        let Some(payload) = self.fetcher.fetch(id).await.map_err(|error| error.to_string())? else {
            tracing::warn!(connection = %id.connection, stream = %id.stream, key = %id.key, "the record is gone at its source");
            return Ok(());
        };
        let row = NewInbox {
            connection: id.connection.clone(),
            stream: id.stream.clone(),
            source: SourceKind::Fetch,
            dedupe_key: format!("fetch/{inbox_id}"),
            topic: String::new(),
            headers: String::new(),
            place: format!("read because of payload {inbox_id}"),
            payload,
            received_at: self.clock.now_us(),
        };
        self.store.append_inbox(vec![row], None).await.map(|_| ()).map_err(|error| error.to_string())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i64, TieState>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
