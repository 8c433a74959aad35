//! Reads streams by asking: pages into the inbox, the cursor with the last of them; not here: requests, pages, cursors'
//! meaning (connector).
//!
//! Polling is the guarantee behind webhooks: whatever they lost is found here. A record that was read before and is
//! unchanged is not stored again, as long as this process remembers it.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::connector::call::{CallError, CallResult, Page, PageToken};
use crate::model::ErrorClass;
use crate::model::clock::Clock;
use crate::process::ProcessorHandle;
use crate::store::{CursorMove, NewBatch, NewInbox, SourceKind, Store, StoreError};

/// A stream that can be asked.
#[async_trait]
pub trait PollSource: Send + Sync + 'static {
    fn connection(&self) -> &str;
    fn stream(&self) -> &str;
    fn every(&self) -> Duration;
    async fn page(&self, cursor: Option<&str>, page: Option<PageToken>) -> CallResult<Page>;
    /// The record's key; `None` if it has none that can be read (it is stored all the same, and fails with its place).
    fn key(&self, record: &Value) -> Option<String>;
    /// Whether a walk counts as a whole somewhere: then its records become payloads together, at its end.
    fn in_waves(&self) -> bool;
    /// A walk has come to its end, whether anything had changed or not.
    fn completed(&self, at: i64);
    /// For lists of events: topic and dedupe key, the same that the webhook would have had.
    fn as_webhook(&self, record: &Value) -> Option<(String, String)>;
}

/// Records remembered per stream; beyond it the memory starts afresh, which costs repeats in the inbox, nothing else.
const REMEMBERED: usize = 200_000;
/// Payloads waiting in the inbox above which polling pauses.
const BACKLOG: u32 = 20_000;
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Runs a stream's polling until `stop`. `now` asks for a round at once.
pub async fn poll_stream(
    source: Arc<dyn PollSource>,
    store: Arc<dyn Store>,
    processor: ProcessorHandle,
    clock: Clock,
    now: Arc<Notify>,
    stop: CancellationToken,
) {
    let mut memory = Memory::new(clock.now_us());
    let mut failures = 0_u32;
    // Not all streams of a hub in the same instant.
    let first = source.every().min(Duration::from_secs(2));
    let mut pause = first * fastrand::u32(..1000) / 1000;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = now.notified() => {}
            () = stop.cancelled() => return,
        }
        let round = tokio::select! {
            round = round(source.as_ref(), store.as_ref(), &processor, &clock, &mut memory) => round,
            () = stop.cancelled() => return,
        };
        pause = match round {
            Ok(stored) => {
                failures = 0;
                source.completed(clock.now_us());
                tracing::debug!(connection = source.connection(), stream = source.stream(), stored, "polled");
                source.every()
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                let wait = error.pause(source.every(), failures);
                tracing::warn!(connection = source.connection(), stream = source.stream(), %error, failures, ?wait,
                    "polling failed, trying again");
                metrics::counter!("syncline_poll_failures_total", "connection" => source.connection().to_owned(),
                    "stream" => source.stream().to_owned())
                .increment(1);
                wait
            }
        };
    }
}

#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Call(#[from] Box<CallError>),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the inbox holds more than {BACKLOG} payloads; polling waits for processing")]
    Backlog,
}

impl RoundError {
    fn pause(&self, every: Duration, failures: u32) -> Duration {
        let backoff = Duration::from_millis(500).saturating_mul(2_u32.saturating_pow(failures.min(16)));
        match self {
            RoundError::Call(error) => match (error.retry_after, error.class) {
                (Some(wait), _) => wait,
                (None, ErrorClass::Transient | ErrorClass::UnknownOutcome | ErrorClass::RateLimited) => {
                    backoff.min(every.max(Duration::from_secs(1)))
                }
                (None, _) => backoff.max(every).min(LONGEST_PAUSE),
            },
            RoundError::Store(_) | RoundError::Backlog => Duration::from_secs(1),
        }
    }
}

/// One walk from the stored cursor to the end. Returns how many payloads were stored.
async fn round(
    source: &dyn PollSource,
    store: &dyn Store,
    processor: &ProcessorHandle,
    clock: &Clock,
    memory: &mut Memory,
) -> Result<usize, RoundError> {
    if store.pending_count(BACKLOG + 1).await? > u64::from(BACKLOG) {
        return Err(RoundError::Backlog);
    }
    memory.begin();
    let cursor = store.cursor(source.connection(), source.stream()).await?;
    if source.in_waves() {
        return wave(source, store, processor, clock, memory, cursor).await;
    }
    let mut token = None;
    let mut stored = 0;
    loop {
        let page = source.page(cursor.as_deref(), token).await?;
        let at = clock.now_us();
        let rows: Vec<NewInbox> =
            page.records.iter().filter_map(|record| memory.row(source, record, cursor.is_none(), at)).collect();
        let moved = page.cursor.map(|value| CursorMove {
            connection: source.connection().to_owned(),
            stream: source.stream().to_owned(),
            value,
            at,
        });
        let moved = moved.filter(|moved| Some(&moved.value) != cursor.as_ref());
        if !rows.is_empty() || moved.is_some() {
            stored += rows.len();
            let kept = rows.len();
            store.append_inbox(rows, moved).await?;
            if kept > 0 {
                processor.wake();
            }
        }
        memory.commit();
        match page.next {
            Some(next) => token = Some(next),
            None => return Ok(stored),
        }
    }
}

/// A walk whose records are staged, and become payloads in one commit once all of them are there. The cursor follows: what
/// is read again in between is known by then.
async fn wave(
    source: &dyn PollSource,
    store: &dyn Store,
    processor: &ProcessorHandle,
    clock: &Clock,
    memory: &mut Memory,
    cursor: Option<String>,
) -> Result<usize, RoundError> {
    let (connection, stream) = (source.connection().to_owned(), source.stream().to_owned());
    let (mut batch, mut moved, mut token, mut stored) = (None, None, None, 0);
    loop {
        let page = source.page(cursor.as_deref(), token).await?;
        let at = clock.now_us();
        let rows: Vec<NewInbox> =
            page.records.iter().filter_map(|record| memory.row(source, record, cursor.is_none(), at)).collect();
        if !rows.is_empty() {
            let id = match batch {
                Some(id) => id,
                None => {
                    let walk = NewBatch {
                        connection: connection.clone(),
                        stream: stream.clone(),
                        name: WALK.to_owned(),
                        sha256: String::new(),
                        at,
                    };
                    *batch.insert(store.open_batch(walk).await?)
                }
            };
            stored += rows.len();
            store.stage_rows(id, rows).await?;
        }
        moved = page.cursor.or(moved);
        match page.next {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    if let Some(batch) = batch {
        store.release_batch(batch, None).await?;
        processor.wake();
    }
    memory.commit();
    if let Some(value) = moved.filter(|moved| Some(moved) != cursor.as_ref()) {
        let moved = CursorMove { connection, stream, value, at: clock.now_us() };
        store.append_inbox(Vec::new(), Some(moved)).await?;
    }
    Ok(stored)
}

/// The name of a batch that is no file.
const WALK: &str = "walk";

/// What this process read last of each record, as fingerprints.
struct Memory {
    /// Part of dedupe keys, so that a content that returns after a restart is not taken for its first occurrence.
    life: i64,
    /// Part of the dedupe keys of records that cannot be told apart: they are stored in every round.
    round: u64,
    seen: HashMap<u64, u64>,
    fresh: Vec<(u64, u64)>,
}

impl Memory {
    fn new(life: i64) -> Memory {
        Memory { life, round: 0, seen: HashMap::new(), fresh: Vec::new() }
    }

    /// A new round. What the last one read and could not store is not known.
    fn begin(&mut self) {
        self.round += 1;
        self.fresh.clear();
    }

    /// The row to store for a record, unless it is what was read last.
    fn row(&mut self, source: &dyn PollSource, record: &Value, backfill: bool, at: i64) -> Option<NewInbox> {
        let payload = record.to_string();
        let content = fingerprint(&payload);
        let event = source.as_webhook(record);
        // An event is told apart by its own id; a record by its key, whose last content is remembered.
        let slot = match &event {
            Some((_, id)) => Some(fingerprint(id)),
            None => source.key(record).as_deref().map(fingerprint),
        };
        let before = slot.and_then(|slot| self.seen.get(&slot).copied());
        if before == Some(content) {
            return None;
        }
        self.fresh.extend(slot.map(|slot| (slot, content)));
        let (topic, dedupe_key) = event.unwrap_or_else(|| {
            let digest = hex::encode(&Sha256::digest(payload.as_bytes())[..16]);
            let (stream, life) = (source.stream(), self.life);
            let occurrence = match (slot, before) {
                (Some(_), Some(before)) => format!("{life:x}-{before:x}"),
                (Some(_), None) => format!("{life:x}"),
                (None, _) => format!("{life:x}-{}", self.round),
            };
            (String::new(), format!("poll/{stream}/{digest}/{occurrence}"))
        });
        Some(NewInbox {
            connection: source.connection().to_owned(),
            stream: source.stream().to_owned(),
            source: SourceKind::Poll,
            dedupe_key,
            topic,
            headers: String::new(),
            place: if backfill { BACKFILL.to_owned() } else { String::new() },
            payload: payload.into_bytes(),
            received_at: at,
        })
    }

    /// The page is durable: its records count as seen.
    fn commit(&mut self) {
        if self.seen.len() + self.fresh.len() > REMEMBERED {
            self.seen.clear();
        }
        self.seen.extend(self.fresh.drain(..));
    }
}

/// The place noted on records of the first walk through a stream.
pub const BACKFILL: &str = "first walk";

fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
#[path = "poll_tests.rs"]
mod tests;
