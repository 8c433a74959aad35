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

use super::vanished::{Ended, Vanished};
use super::wave::wave;
use crate::connector::call::{CallError, CallResult, Fetched, IncomingOp, Page, PageToken};
use crate::model::ErrorClass;
use crate::model::clock::Clock;
use crate::process::{Part, ProcessorHandle};
use crate::store::{CursorMove, NewInbox, SourceKind, Store, StoreError};

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
    /// Under which name the cursor is kept.
    fn cursor_name(&self) -> &str {
        self.stream()
    }
    /// Whether records that a complete walk no longer shows are deleted, and the largest share of the known ones, in basis
    /// points, at which that is believed.
    fn deletions(&self) -> Option<u32> {
        None
    }
    /// The record as it is now; `None` where records cannot be read one by one.
    async fn fetch(&self, _key: &str) -> CallResult<Option<Fetched>> {
        Ok(None)
    }
    /// All that pages brought so far is durable: a source that keeps rows until then may let go of them.
    async fn stored(&self) -> CallResult<()> {
        Ok(())
    }
    /// A walk begins.
    fn began(&self, _at: i64) {}
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
    let mut vanished = Vanished::default();
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
        source.began(clock.now_us());
        let round = tokio::select! {
            round = round(source.as_ref(), store.as_ref(), &processor, &clock, &mut memory, &mut vanished) => round,
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
pub(super) enum RoundError {
    #[error(transparent)]
    Call(#[from] Box<CallError>),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a record cannot be written down: {0}")]
    Part(serde_json::Error),
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
            RoundError::Store(_) | RoundError::Part(_) | RoundError::Backlog => Duration::from_secs(1),
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
    vanished: &mut Vanished,
) -> Result<usize, RoundError> {
    if store.pending_count(BACKLOG + 1).await? > u64::from(BACKLOG) {
        return Err(RoundError::Backlog);
    }
    memory.begin();
    vanished.begin(clock.now_us());
    let cursor = store.cursor(source.connection(), source.cursor_name()).await?;
    if source.in_waves() {
        return wave(source, store, processor, clock, memory, vanished, cursor).await;
    }
    let mut token = None;
    let mut stored = 0;
    loop {
        let page = source.page(cursor.as_deref(), token).await?;
        let at = clock.now_us();
        let rows = page_rows(source, &page, memory, vanished, cursor.is_none(), at)?;
        let moved = page.cursor.map(|value| CursorMove {
            connection: source.connection().to_owned(),
            stream: source.cursor_name().to_owned(),
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
        source.stored().await?;
        match page.next {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    let Ended { rows, gone } = vanished.end(source, store, clock).await?;
    if !rows.is_empty() {
        stored += rows.len();
        store.append_inbox(rows, None).await?;
        processor.wake();
    }
    gone.iter().for_each(|key| memory.forget(key));
    Ok(stored)
}

/// What a page brings that is new, and a note of what it shows.
pub(super) fn page_rows(
    source: &dyn PollSource,
    page: &Page,
    memory: &mut Memory,
    vanished: &mut Vanished,
    backfill: bool,
    at: i64,
) -> Result<Vec<NewInbox>, RoundError> {
    if source.deletions().is_some() {
        page.records.iter().for_each(|record| vanished.saw(source.key(record).as_deref()));
    }
    let mut rows: Vec<NewInbox> = rows_of(page, |record, id| memory.row(source, record, id, backfill, at));
    for fetched in page.fetched.iter().filter(|fetched| memory.is_new(fetched)) {
        rows.push(fetched_row(source, fetched, at)?);
    }
    Ok(rows)
}

/// Each record with its id, where it has one.
fn rows_of(page: &Page, row: impl FnMut(&Value, Option<&str>) -> Option<NewInbox>) -> Vec<NewInbox> {
    let mut row = row;
    let ids = page.ids.iter().map(|id| Some(id.as_str())).chain(std::iter::repeat(None));
    page.records.iter().zip(ids).filter_map(|(record, id)| row(record, id)).collect()
}

/// A record that was read on purpose, as the hub's own form of it.
pub(super) fn fetched_row(source: &dyn PollSource, fetched: &Fetched, at: i64) -> Result<NewInbox, RoundError> {
    let asked_at = fetched.asked_at.as_microsecond();
    let part = Part {
        key: fetched.key.clone(),
        op: if fetched.record.is_some() { IncomingOp::Upsert } else { IncomingOp::Delete },
        version: None,
        occurred_at: None,
        asked_at: Some(asked_at),
        hint: false,
        payload: fetched.record.clone().unwrap_or_default(),
        problem: None,
    };
    Ok(NewInbox {
        connection: source.connection().to_owned(),
        stream: source.stream().to_owned(),
        source: SourceKind::Fetch,
        dedupe_key: format!("fetch/{}/{}/{asked_at}", source.stream(), fetched.key),
        topic: String::new(),
        headers: String::new(),
        place: "read on purpose".to_owned(),
        payload: part.to_bytes().map_err(RoundError::Part)?,
        received_at: at,
    })
}

/// What this process read last of each record, as fingerprints.
pub(super) struct Memory {
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
    fn row(
        &mut self,
        source: &dyn PollSource,
        record: &Value,
        id: Option<&str>,
        backfill: bool,
        at: i64,
    ) -> Option<NewInbox> {
        let payload = record.to_string();
        let content = fingerprint(&payload);
        // The same id with other content is another event: a table that is emptied may count from the beginning again.
        let event = source.as_webhook(record).or_else(|| {
            let digest = hex::encode(&Sha256::digest(payload.as_bytes())[..16]);
            Some((String::new(), format!("outbox/{}/{}/{digest}", source.stream(), id?)))
        });
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

    /// Whether a record that was read on purpose differs from what was read last of it.
    fn is_new(&mut self, fetched: &Fetched) -> bool {
        let slot = fingerprint(&fetched.key);
        let content = fingerprint(&fetched.record.as_ref().map(Value::to_string).unwrap_or_default());
        if self.seen.get(&slot) == Some(&content) {
            return false;
        }
        self.fresh.push((slot, content));
        true
    }

    /// A record that is gone may come back as it was: that is a content of its own then.
    pub(super) fn forget(&mut self, key: &str) {
        self.seen.insert(fingerprint(key), fingerprint(&format!("gone in round {}", self.round)));
    }

    /// The page is durable: its records count as seen.
    pub(super) fn commit(&mut self) {
        if self.seen.len() + self.fresh.len() > REMEMBERED {
            self.seen.clear();
        }
        self.seen.extend(self.fresh.drain(..));
    }
}

/// The place noted on records of the first walk through a stream.
pub const BACKFILL: &str = "first walk";

pub(super) fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
#[path = "poll_tests.rs"]
mod tests;
