//! One broker's publisher: reads the log on from its position, sends, and moves the position as far as everything is confirmed.
//!
//! Messages of one record never overtake each other: a wave holds one of each at most, and the next wave waits for it. What is
//! not confirmed is sent again, under its id. Not here: brokers' protocols.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::config::Broker;
use crate::model::clock::Clock;
use crate::model::{CloudEvent, ErrorClass};
use crate::store::{CursorMove, DeadLetter, EventRow, Store, StoreError};

use super::{BrokerError, Message, Outlet, outlet};

/// Events read at once.
const BATCH: u32 = 500;
/// Nothing new: looked at again after so long.
const IDLE: Duration = Duration::from_millis(250);
/// After a failure, doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Failing for so long, it is on the work list.
const TOLD_AFTER_US: i64 = 30_000_000;

/// Under which connection a broker's position is kept among cursors: no connection's name has a slash.
pub fn cursor_of(name: &str) -> String {
    format!("broker/{name}")
}

/// How a broker stands, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The last event that is confirmed, with all before it.
    pub position: i64,
    /// Confirmed since the hub started.
    pub published: u64,
    /// When something was last confirmed, or there was nothing to send.
    pub caught_up_at: Option<i64>,
    /// Since when it fails, and why.
    pub failing_since: Option<i64>,
    pub error: Option<String>,
}

/// How all brokers stand; shared with whoever shows it.
#[derive(Debug, Clone, Default)]
pub struct Published(Arc<Mutex<std::collections::BTreeMap<String, Standing>>>);

impl Published {
    pub fn all(&self) -> Vec<(String, Standing)> {
        let standings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        standings.iter().map(|(name, standing)| (name.clone(), standing.clone())).collect()
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Standing)) {
        let mut standings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(standings.entry(name.to_owned()).or_default());
    }

    /// Only these are configured.
    pub fn keep(&self, names: &BTreeSet<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| names.contains(name));
    }
}

/// Publishes to one broker.
pub struct Publisher {
    name: String,
    /// Connection and stream; empty for all.
    events: HashSet<(String, String)>,
    outlet: Box<dyn Outlet>,
    store: Arc<dyn Store>,
    clock: Clock,
    standing: Published,
}

impl Publisher {
    pub fn new(broker: &Broker, store: Arc<dyn Store>, clock: Clock, standing: Published) -> Publisher {
        Publisher::to(outlet(broker), broker, store, clock, standing)
    }

    /// As `new`, with another outlet than the configured one.
    pub fn to(
        outlet: Box<dyn Outlet>,
        broker: &Broker,
        store: Arc<dyn Store>,
        clock: Clock,
        standing: Published,
    ) -> Publisher {
        let events = broker.events.iter().map(|of| (of.connection.clone(), of.stream.clone())).collect();
        Publisher { name: broker.name.value.clone(), events, outlet, store, clock, standing }
    }

    /// Publishes until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        loop {
            let wait = match self.round().await {
                Ok(Round::More) => {
                    pause = FIRST_PAUSE;
                    Duration::ZERO
                }
                Ok(Round::CaughtUp) => {
                    pause = FIRST_PAUSE;
                    IDLE
                }
                Ok(Round::Failed { moved }) => {
                    let now = if moved { FIRST_PAUSE } else { pause };
                    pause = (now * 2).min(LONGEST_PAUSE);
                    now
                }
                Err(error) => {
                    tracing::error!(broker = self.name, %error, "the event log could not be read on, trying again");
                    LONGEST_PAUSE
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One page of the log, as far as it is confirmed.
    async fn round(&mut self) -> Result<Round, StoreError> {
        let connection = cursor_of(&self.name);
        let kept = self.store.cursor(&connection, "").await?;
        let before: i64 = kept.as_deref().unwrap_or("0").parse().map_err(|_| StoreError::Corrupt {
            what: format!("the position of broker {}", self.name),
            cause: format!("{kept:?} is no number"),
        })?;
        let events = self.store.events_after(before, BATCH).await?;
        let (confirmed, failed) = self.send(&events).await?;
        let position = confirmed.map_or(before, |at| events[at].id);
        if position != before {
            let at = self.clock.now_us();
            let cursor = CursorMove { connection, stream: String::new(), value: position.to_string(), at };
            self.store.append_inbox(Vec::new(), Some(cursor)).await?;
        }
        match failed {
            Some(error) => {
                self.fail(position, &error).await?;
                Ok(Round::Failed { moved: position != before })
            }
            None => {
                self.succeed(position, events.len()).await?;
                Ok(if events.len() < BATCH as usize { Round::CaughtUp } else { Round::More })
            }
        }
    }

    /// Sends a page in waves; how far all of it is confirmed (an index), and why not further.
    async fn send(&mut self, events: &[EventRow]) -> Result<(Option<usize>, Option<BrokerError>), StoreError> {
        let mut done: Vec<bool> = events.iter().map(|event| !self.wants(event)).collect();
        let mut failed = None;
        while failed.is_none() {
            let wave = wave(events, &done);
            if wave.is_empty() {
                break;
            }
            let messages: Vec<Message> = wave.iter().map(|at| message(&events[*at])).collect::<Result<_, _>>()?;
            let told = self.outlet.send(&messages).await;
            for (at, told) in wave.into_iter().zip(told) {
                match told {
                    Ok(()) => done[at] = true,
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
        }
        let confirmed = done.iter().position(|done| !done).unwrap_or(done.len());
        Ok((confirmed.checked_sub(1), failed))
    }

    fn wants(&self, event: &EventRow) -> bool {
        let of = (event.record.connection.clone(), event.record.stream.clone());
        self.events.is_empty() || self.events.contains(&of)
    }

    fn fingerprint(&self) -> String {
        format!("broker/{}", self.name)
    }

    async fn fail(&mut self, position: i64, error: &BrokerError) -> Result<(), StoreError> {
        let now = self.clock.now_us();
        let mut since = now;
        self.standing.change(&self.name, |standing| {
            standing.position = position;
            since = *standing.failing_since.get_or_insert(now);
            standing.error = Some(error.to_string());
        });
        metrics::counter!("syncline_broker_failures_total", "broker" => self.name.clone()).increment(1);
        tracing::warn!(broker = self.name, position, %error, "events wait for their broker");
        if now.saturating_sub(since) < TOLD_AFTER_US || self.store.open_issue(&self.fingerprint()).await?.is_some() {
            return Ok(());
        }
        let issue = DeadLetter {
            scope: format!("broker {}", self.name),
            class: ErrorClass::Transient,
            fingerprint: self.fingerprint(),
            title: format!("broker {}: events wait: {}", self.name, error.cause),
            detail: error.to_string(),
            next_step: error.next.clone(),
        };
        self.store.raise_issue(issue, now).await.map(|_| ())
    }

    async fn succeed(&mut self, position: i64, events: usize) -> Result<(), StoreError> {
        let now = self.clock.now_us();
        let mut had_failed = false;
        self.standing.change(&self.name, |standing| {
            had_failed = standing.failing_since.take().is_some();
            standing.error = None;
            standing.position = position;
            standing.published += events as u64;
            standing.caught_up_at = Some(now);
        });
        metrics::counter!("syncline_broker_events_total", "broker" => self.name.clone()).increment(events as u64);
        if had_failed {
            tracing::info!(broker = self.name, position, "the broker takes events again");
            self.store.settle_issue(&self.fingerprint(), "the broker takes events again").await?;
        }
        Ok(())
    }
}

enum Round {
    More,
    CaughtUp,
    /// Whether at least something was confirmed.
    Failed {
        moved: bool,
    },
}

/// Of each record the first event that is not done, in the order of the log.
fn wave(events: &[EventRow], done: &[bool]) -> Vec<usize> {
    let mut seen = HashSet::new();
    let open = (0..events.len()).filter(|at| !done[*at]);
    open.filter(|at| seen.insert(&events[*at].record)).collect()
}

fn message(event: &EventRow) -> Result<Message, StoreError> {
    let corrupt = |cause: String| StoreError::Corrupt { what: format!("event {}", event.id), cause };
    let data: Value = serde_json::from_str(&event.doc).map_err(|error| corrupt(error.to_string()))?;
    let told = CloudEvent::new(event.happened(), Some(data));
    let written = |told: &CloudEvent| serde_json::to_vec(told).map_err(|error| corrupt(error.to_string()));
    let (body, envelope) = (written(&told)?, written(&CloudEvent::new(event.happened(), None))?);
    let names = [&event.record.connection, &event.record.stream, event.entity.as_str(), &event.kind];
    Ok(Message {
        id: format!("{}/{}", told.source, told.id),
        names: names.map(str::to_owned),
        key: format!("{}/{}", told.source, told.subject),
        body,
        envelope,
    })
}
