//! Asks a vendor for a record's present state when two contents claim one version, or a webhook says only "look again";
//! not here: deciding that it must be asked.
//!
//! The asking payload stays pending, and everything behind it for its record waits, until the answer is in the inbox. An
//! answer covers every payload that was received before the question was put. A crash in between loses nothing: the
//! payload is still pending and asks again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::driver::ProcessorHandle;
use super::part::Part;
use crate::connector::call::{CallResult, IncomingOp};
use crate::model::ErrorClass;
use crate::model::clock::Clock;
use crate::store::{EntityKey, NewInbox, SourceKind, Store};

/// Reads single records from vendors.
#[async_trait]
pub trait Fetcher: Send + Sync + 'static {
    /// The record as the vendor has it now; `None` if it has none.
    async fn fetch(&self, id: &EntityKey) -> CallResult<Option<Value>>;
}

/// Reads at once at most, so that a burst of hints leaves the vendor's budget to deliveries and polls.
const PARALLEL_FETCHES: usize = 8;
/// First pause after a failed read; doubles up to a minute.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Asking,
    /// The answer is in the inbox; it covers payloads received until `covers`.
    Answered {
        covers: i64,
        /// It was there when the present walk through everything pending began.
        whole_walk: bool,
    },
}

/// Questions under way, by record.
#[derive(Clone)]
pub struct TieFetch {
    store: Arc<dyn Store>,
    fetcher: Arc<dyn Fetcher>,
    clock: Clock,
    questions: Arc<Mutex<HashMap<EntityKey, Question>>>,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl TieFetch {
    pub fn new(
        store: Arc<dyn Store>,
        fetcher: Arc<dyn Fetcher>,
        clock: Clock,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> TieFetch {
        let permits = Arc::new(Semaphore::new(PARALLEL_FETCHES));
        TieFetch { store, fetcher, clock, questions: Arc::default(), permits, tasks, stop }
    }

    /// True if an answer that is in the inbox covers a payload received at `received_at`; else asks, once per record.
    pub(super) fn covered(&self, id: &EntityKey, received_at: i64, processor: &ProcessorHandle) -> bool {
        let mut questions = self.lock();
        match questions.get(id) {
            Some(Question::Answered { covers, .. }) if received_at <= *covers => return true,
            Some(Question::Asking) => return false,
            Some(Question::Answered { .. }) | None => {}
        }
        questions.insert(id.clone(), Question::Asking);
        drop(questions);
        self.ask(id.clone(), processor.clone());
        false
    }

    /// A walk through everything pending begins: whatever is answered by now, its askers will meet.
    pub(super) fn begin_walk(&self) {
        for question in self.lock().values_mut() {
            if let Question::Answered { whole_walk, .. } = question {
                *whole_walk = true;
            }
        }
    }

    /// Everything pending has been looked at: answers that nobody needs any more are forgotten. One that came during the
    /// walk may have come behind its askers; forgotten now, they would ask again, and in a long backlog for ever.
    pub(super) fn forget_answers(&self) {
        self.lock().retain(|_, question| match question {
            Question::Asking => true,
            Question::Answered { whole_walk, .. } => !*whole_walk,
        });
    }

    fn ask(&self, id: EntityKey, processor: ProcessorHandle) {
        let this = self.clone();
        self.tasks.spawn(async move {
            let Ok(_permit) = Arc::clone(&this.permits).acquire_owned().await else { return };
            let answered = tokio::select! {
                covers = this.ask_until_answered(&id) => covers,
                // The payload is still pending and asks again at the next start.
                () = this.stop.cancelled() => return,
            };
            this.lock().insert(id, Question::Answered { covers: answered, whole_walk: false });
            processor.wake();
        });
    }

    async fn ask_until_answered(&self, id: &EntityKey) -> i64 {
        let mut pause = FIRST_PAUSE;
        loop {
            let covers = self.clock.now_us();
            let wait = match self.fetcher.fetch(id).await {
                Ok(record) => match self.keep(id, record, covers).await {
                    Ok(()) => return covers,
                    Err(error) => {
                        tracing::warn!(connection = %id.connection, key = %id.key, %error, "the answer could not be stored");
                        pause
                    }
                },
                Err(error) => {
                    let level_is_high = error.class != ErrorClass::RateLimited && error.class != ErrorClass::Transient;
                    if level_is_high {
                        tracing::error!(connection = %id.connection, stream = %id.stream, key = %id.key, %error,
                            "a record cannot be read; payloads about it wait");
                    } else {
                        tracing::debug!(connection = %id.connection, stream = %id.stream, key = %id.key, %error,
                            "could not read a record, asking again");
                    }
                    error.retry_after.unwrap_or(pause)
                }
            };
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn keep(&self, id: &EntityKey, record: Option<Value>, asked_at: i64) -> Result<(), String> {
        let op = if record.is_some() { IncomingOp::Upsert } else { IncomingOp::Delete };
        let part = Part {
            problem: None,
            key: id.key.clone(),
            op,
            version: None,
            occurred_at: None,
            asked_at: Some(asked_at),
            hint: false,
            payload: record.unwrap_or_default(),
        };
        let row = NewInbox {
            connection: id.connection.clone(),
            stream: id.stream.clone(),
            source: SourceKind::Fetch,
            dedupe_key: format!("fetch/{}/{}/{asked_at}", id.stream, id.key),
            topic: String::new(),
            headers: String::new(),
            place: "read on purpose".to_owned(),
            payload: part.to_bytes().map_err(|error| error.to_string())?,
            received_at: self.clock.now_us(),
        };
        self.store.append_inbox(vec![row], None).await.map(|_| ()).map_err(|error| error.to_string())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<EntityKey, Question>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
