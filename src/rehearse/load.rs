//! The load: records at planned instants, whatever the answers do; not here: what they are made of (`recipe`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;

use crate::connector::manifest::Stream;
use crate::model::Entity;

use super::book::{Answer, Book};
use super::cast::{Mirror, Source, Way, unexploded};
use crate::connector::webhook::sign::Signer;

/// Open at a time; more than a rate ever needs unless the hub stalls.
const OPEN: usize = 256;
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a partner leaves a file.
const FILE_EVERY: Duration = Duration::from_secs(1);

/// Where and how one source sends.
pub(super) struct Sender {
    pub(super) source: Source,
    pub(super) url: String,
    /// Only those that push need one.
    pub(super) signer: Option<Signer>,
}

/// The whole load of one stage.
pub(super) struct Load {
    pub(super) senders: Vec<Sender>,
    pub(super) mirrors: Vec<Mirror>,
    pub(super) book: Arc<Book>,
    /// Records, over all sources in turn.
    pub(super) records: u64,
    /// Between two records.
    pub(super) gap: Duration,
}

pub(super) fn client() -> Result<reqwest::Client, String> {
    // A process that installed one before has it already; either way there is one.
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .pool_max_idle_per_host(OPEN)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| error.to_string())
}

impl Load {
    /// Whose turn record `index` is.
    pub(super) fn source_of(&self, index: u64) -> usize {
        usize::try_from(index % self.senders.len().max(1) as u64).unwrap_or(0)
    }

    /// The latest record of a kind before `index` (or, at the very beginning, the first).
    fn reference(&self, index: u64, entity: Entity) -> Option<u64> {
        let turns = self.senders.len() as u64;
        let of = self.senders.iter().position(|sender| sender.source.entity == entity)? as u64;
        let round = index / turns;
        let same_round = round * turns + of;
        Some(if same_round < index { same_round } else { same_round.saturating_sub(turns).max(of) })
    }

    /// The record that `index` refers to, if its kind of record refers to any that is sent here.
    pub(super) fn refers_to(&self, index: u64) -> Option<u64> {
        let source = &self.senders.get(self.source_of(index))?.source;
        source
            .recipe
            .refers_to()
            .filter(|entity| *entity != source.entity)
            .find_map(|entity| self.reference(index, entity))
    }

    /// Record `index` as the vendor has it.
    pub(super) fn record(&self, index: u64) -> Option<Value> {
        let source = &self.senders.get(self.source_of(index))?.source;
        let named = |entity: Entity| {
            let other = self.reference(index, entity).filter(|_| entity != source.entity)?;
            Some(self.senders.get(self.source_of(other))?.source.recipe.natural_key(other))
        };
        Some(source.recipe.record(index, Timestamp::now(), &named))
    }

    /// Everything that a mirror lists: what the records of its source will refer to.
    pub(super) fn mirrored(&self, mirror: &Mirror) -> Vec<Value> {
        let (connection, stream) = &mirror.source;
        let of = |sender: &Sender| sender.source.connection == *connection && sender.source.stream == *stream;
        let Some(at) = self.senders.iter().position(of) else { return Vec::new() };
        let own = (at as u64..self.records).step_by(self.senders.len());
        own.filter_map(|index| mirror.listed(index, &self.senders[at].source)).collect()
    }

    /// Whether record `index` comes from this connection.
    pub(super) fn belongs_to(&self, index: u64, connection: &str) -> bool {
        self.senders.get(self.source_of(index)).is_some_and(|sender| sender.source.connection == connection)
    }

    /// Record `index` as a list of its vendor shows it.
    pub(super) fn listed(&self, index: u64, stream: &Stream) -> Option<Value> {
        Some(unexploded(stream, self.record(index)?))
    }

    /// Sends everything at its planned instant and returns when all of it has been answered. A sleeping thread plans: an
    /// async timer is up to a millisecond late.
    pub(super) async fn run(self: Arc<Self>) -> Result<Duration, String> {
        let http = client()?;
        let (plan, mut due) = mpsc::unbounded_channel::<u64>();
        let began = Instant::now();
        let planner = {
            let load = Arc::clone(&self);
            let start_us = self.book.now_us();
            let spawned = std::thread::Builder::new().name("planner".to_owned()).spawn(move || {
                let start = Instant::now();
                for index in 0..load.records {
                    let after = load.gap.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX));
                    std::thread::sleep((start + after).saturating_duration_since(Instant::now()));
                    let planned_us = start_us + u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
                    load.book.plan(load.source_of(index), planned_us, load.refers_to(index));
                    if plan.send(index).is_err() {
                        return;
                    }
                }
            });
            spawned.map_err(|error| format!("no thread for planning: {error}"))?
        };
        let tasks = TaskTracker::new();
        let slots = Arc::new(Semaphore::new(OPEN));
        let mut droppers: Vec<Dropper> = (0..self.senders.len()).map(|at| Dropper::new(&self, at)).collect();
        while let Some(index) = due.recv().await {
            let at = self.source_of(index);
            match &self.senders[at].source.way {
                Way::Webhook(_) => {
                    let slot = Arc::clone(&slots).acquire_owned().await.map_err(|error| error.to_string())?;
                    let (load, http) = (Arc::clone(&self), http.clone());
                    tasks.spawn(async move {
                        load.push(&http, index).await;
                        drop(slot);
                    });
                }
                // The hub takes it when it asks; the vendor has it from now on.
                Way::Poll => self.book.answered(index, Answer::Accepted, None),
                Way::File(_) => droppers[at].add(&self, index),
            }
        }
        droppers.iter_mut().for_each(|dropper| dropper.finish(&self));
        tasks.close();
        tasks.wait().await;
        let sending = began.elapsed();
        planner.join().map_err(|_| "the planning thread ended in a panic".to_owned())?;
        Ok(sending)
    }

    async fn push(&self, http: &reqwest::Client, index: u64) {
        let (answer, problem) = match self.pushed(http, index).await {
            Ok(status) if (200..300).contains(&status) => (Answer::Accepted, None),
            Ok(503) => (Answer::Unavailable, None),
            Ok(429) => (Answer::TooMany, None),
            Ok(status) => (Answer::Failed, Some(format!("a webhook was answered with {status}"))),
            Err(reason) => (Answer::Failed, Some(reason)),
        };
        self.book.answered(index, answer, problem);
    }

    async fn pushed(&self, http: &reqwest::Client, index: u64) -> Result<u16, String> {
        let sender = &self.senders[self.source_of(index)];
        let (Way::Webhook(envelope), Some(signer)) = (&sender.source.way, &sender.signer) else {
            return Err("the source sends no webhooks".to_owned());
        };
        let record = self.record(index).ok_or("no such record")?;
        let now = Timestamp::now();
        let push = envelope.push(&record, &format!("rehearsal_{}", self.book.tokens().of(index)), now, index + 1);
        let body = push.body.to_string().into_bytes();
        let proof = signer.sign(&sender.url, &push.id, now, &push.headers, &body)?;
        let mut request = http.post(&sender.url);
        for (name, value) in push.headers.iter().chain(&proof) {
            request = request.header(name, value);
        }
        let response =
            request.body(body).send().await.map_err(|error| format!("a webhook was not answered: {error}"))?;
        let status = response.status().as_u16();
        // Read to its end, so that the connection can be used again.
        response.bytes().await.map_err(|error| format!("an answer broke off: {error}"))?;
        Ok(status)
    }
}

/// Records of one source on their way into files of about equal size, as a complete file may not be much smaller than the
/// one before; the last takes the rest.
struct Dropper {
    at: usize,
    per_file: u64,
    left: u64,
    number: u64,
    waiting: Vec<u64>,
}

impl Dropper {
    fn new(load: &Load, at: usize) -> Dropper {
        let turns = load.senders.len().max(1) as u64;
        let left = load.records.saturating_sub(at as u64).div_ceil(turns);
        let gap_us = load.gap.as_micros().max(1) * u128::from(turns);
        let per_file = u64::try_from(FILE_EVERY.as_micros() / gap_us).unwrap_or(u64::MAX).max(1);
        Dropper { at, per_file, left, number: 0, waiting: Vec::new() }
    }

    fn add(&mut self, load: &Load, index: u64) {
        self.waiting.push(index);
        self.left = self.left.saturating_sub(1);
        // What is left for another whole file stays for it.
        if self.waiting.len() as u64 >= self.per_file && self.left >= self.per_file {
            self.finish(load);
        }
    }

    fn finish(&mut self, load: &Load) {
        let Way::File(way) = &load.senders[self.at].source.way else { return };
        if self.waiting.is_empty() {
            return;
        }
        self.number += 1;
        let rows: Vec<Value> = self.waiting.iter().filter_map(|index| load.record(*index)).collect();
        let dropped = way.drop_file(self.number, &rows);
        for index in self.waiting.drain(..) {
            match &dropped {
                Ok(()) => load.book.answered(index, Answer::Accepted, None),
                Err(error) => {
                    load.book.answered(index, Answer::Failed, Some(format!("a file cannot be dropped: {error}")))
                }
            }
        }
    }
}
