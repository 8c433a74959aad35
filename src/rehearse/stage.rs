//! One installation of a rehearsal: copied, cast, started, loaded, drained, counted. Not here: what the counts mean (`run`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::api::resources::flows::FlowView;
use crate::api::resources::issues::IssueView;
use crate::api::resources::ledger::Ledger as HubLedger;
use crate::api::resources::verify::VerifyOutcome;
use crate::api::{FlowMode, Work, WorkState};
use crate::config::Config;
use crate::telemetry::freshness::Word;

use super::book::Book;
use super::cast::cast;
use super::child::{Hub, Usage};
use super::copy::Scratch;
use super::files::watch;
use super::load::{Load, Sender};
use super::prepare::{Rehearsal, RehearseError, load_copy};
use super::run::{Progress, Step};
use super::standin::StandIn;
use super::token::Tokens;
use super::wiring::{free_address, lanes, outboxes, patience, sender};

const LOOK_EVERY: Duration = Duration::from_millis(200);
const LOOK_AT_FLOWS: Duration = Duration::from_secs(2);
/// After the load, what is under way may arrive before the backlog is judged.
const GRACE: Duration = Duration::from_secs(2);

/// The first reading begins with the hub.
const MIRRORED: Duration = Duration::from_secs(120);

/// Causes of dead letters that are told; the others wait for a look at the real thing.
const ISSUES: usize = 5;

/// What is asked of one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Records over all sources, in thousandths a second.
    pub milli_per_s: u64,
    pub run_for: Duration,
    /// How long the rest may take afterwards, besides what files and polls wait by themselves.
    pub drain: Duration,
}

impl Pace {
    pub fn records(&self) -> u64 {
        let millis = u64::try_from(self.run_for.as_millis()).unwrap_or(u64::MAX);
        (self.milli_per_s.saturating_mul(millis) / 1_000_000).max(1)
    }

    fn gap(&self) -> Duration {
        Duration::from_nanos(1_000_000_000_000 / self.milli_per_s.max(1))
    }
}

/// Everything that a stage leaves behind.
pub(super) struct Outcome {
    pub(super) copy: Config,
    pub(super) load: Arc<Load>,
    pub(super) stand_in: Arc<StandIn>,
    pub(super) not_driven: Vec<(String, String)>,
    /// Flows whose deliveries wait for what a rehearsal lacks.
    pub(super) held: Vec<String>,
    pub(super) same_disk: bool,
    pub(super) sending: Duration,
    pub(super) started_in: Duration,
    pub(super) before: Option<Usage>,
    pub(super) after: Option<Usage>,
    /// A little after the load had ended.
    pub(super) behind: State,
    pub(super) drained_in: Option<Duration>,
    /// What files and polls may wait by themselves, of that.
    pub(super) waits: Duration,
    pub(super) last: State,
    /// Flows that were stale at some look.
    pub(super) stale: Vec<String>,
    /// Records that were read before the load.
    pub(super) mirrored: u64,
    pub(super) verified: VerifyOutcome,
    pub(super) complaints: Vec<String>,
}

/// The hub's own word at one moment.
pub(super) struct State {
    pub(super) ledger: HubLedger,
    pub(super) flows: Vec<FlowView>,
}

impl State {
    async fn of(hub: &Hub) -> Result<State, RehearseError> {
        Ok(State { ledger: hub.get("/api/v1/ledger?days=2").await?, flows: hub.get("/api/v1/flows").await? })
    }

    /// Payloads not processed and deliveries not made, of flows that are not paused and not `held` by what a rehearsal lacks.
    pub(super) fn open(&self, held: &[String]) -> u64 {
        let flows = self.flows.iter().filter(|flow| flow.mode != FlowMode::Paused && !held.contains(&flow.name));
        self.unprocessed() + flows.map(|flow| count(flow.queue.open)).sum::<u64>()
    }

    /// A payload is pending until its last delivery is made, so what is pending beyond all deliveries has not been processed.
    pub(super) fn unprocessed(&self) -> u64 {
        let deliveries: u64 = self.flows.iter().map(|flow| count(flow.queue.open)).sum();
        count(self.ledger.total.pending).saturating_sub(deliveries)
    }
}

pub(super) fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// Runs one stage in an installation of its own.
pub(super) async fn stage(
    rehearsal: &Rehearsal,
    pace: Pace,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Outcome, RehearseError> {
    let scratch = Scratch::new(&rehearsal.config, rehearsal.options.scratch.as_deref())
        .map_err(RehearseError::io("no folder for the rehearsal"))?;
    let stand_in = StandIn::listen().await.map_err(RehearseError::io("the stand-in cannot listen"))?;
    let listen = free_address()?;
    let base = format!("http://{}", stand_in.address);
    let off = rehearsal
        .original
        .write_copy(&rehearsal.config, &scratch.path, &listen.to_string(), &base)
        .map_err(RehearseError::io("the configuration cannot be copied"))?;
    let copy = load_copy(rehearsal, &scratch.path, &base)?;
    let tokens = Tokens::new(rehearsal.options.seed);
    let cast = cast(rehearsal, &copy, &off, tokens);
    if cast.sources.is_empty() {
        let reasons: Vec<String> = cast.not_driven.iter().map(|(what, reason)| format!("{what}: {reason}")).collect();
        return Err(RehearseError::NothingDriven(reasons.join("; ")));
    }
    let lanes = lanes(&copy, &cast.sources, &cast.held);
    let book = Arc::new(Book::new(tokens, lanes));
    let senders = cast.sources.into_iter().map(|source| sender(rehearsal, &copy, source, listen));
    let senders = senders.collect::<Result<Vec<Sender>, RehearseError>>()?;
    let load = Arc::new(Load {
        senders,
        mirrors: cast.mirrors,
        book: Arc::clone(&book),
        records: pace.records(),
        gap: pace.gap(),
    });
    stand_in.represent(&copy, &load);
    let variables = rehearsal.original.substitutes.variables.clone().into_iter();
    let unset = variables.filter(|(name, _)| std::env::var(name).map_or(true, |value| value.is_empty()));
    let hub = Hub::start(&rehearsal.options.program, &scratch.path, listen, unset).await?;
    let stop_watching = CancellationToken::new();
    let watching = tokio::spawn(watch(outboxes(&copy), Arc::clone(&book), stop_watching.clone()));

    let mirrored = mirrored(&hub, &load, progress).await?;
    stand_in.forget_calls();
    let mut stale = Vec::new();
    let before = hub.usage();
    let sending = send(&hub, &load, pace, &mut stale, progress).await?;
    tokio::time::sleep(GRACE).await;
    let behind = State::of(&hub).await?;
    let (expected, waits) = (expected(&load) + mirrored, patience(&copy, &load.senders));
    let drained_in = drain(&hub, expected, &cast.held, pace.drain + waits, &mut stale, progress).await?;
    let after = hub.usage();
    progress(Progress { step: Step::Verify, done: 0, total: 0 });
    let verified = verify(&hub).await?;
    let last = State::of(&hub).await?;
    let issues = hub.get::<Vec<IssueView>>("/api/v1/issues").await?;
    let mut complaints: Vec<String> =
        issues.into_iter().take(ISSUES).map(|issue| format!("issue: {}", issue.title)).collect();
    if complaints.is_empty() {
        complaints = hub.complaints().into_iter().map(|line| format!("the hub's log: {line}")).collect();
    }
    let started_in = hub.started_in;
    hub.stop().await;
    stop_watching.cancel();
    if let Err(error) = watching.await {
        tracing::warn!(%error, "watching the files ended badly");
    }
    stand_in.shutdown().await;
    Ok(Outcome {
        copy,
        load,
        stand_in,
        not_driven: cast.not_driven,
        held: cast.held,
        same_disk: scratch.same_disk,
        sending,
        started_in,
        before,
        after,
        behind,
        drained_in,
        waits,
        last,
        stale,
        mirrored,
        verified,
        complaints,
    })
}

async fn send(
    hub: &Hub,
    load: &Arc<Load>,
    pace: Pace,
    stale: &mut Vec<String>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Duration, RehearseError> {
    let mut sending = tokio::spawn(Arc::clone(load).run());
    let (began, mut looked) = (Instant::now(), Instant::now());
    loop {
        tokio::select! {
            sent = &mut sending => {
                let sent = sent.map_err(|error| hub.failed(&format!("could not be loaded: {error}")))?;
                return sent.map_err(|error| hub.failed(&format!("could not be loaded: {error}")));
            }
            () = tokio::time::sleep(LOOK_EVERY) => {
                let done = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                let total = u64::try_from(pace.run_for.as_millis()).unwrap_or(u64::MAX);
                progress(Progress { step: Step::Load { milli_per_s: pace.milli_per_s }, done: done.min(total), total });
                // Freshness moves slowly; asking more often would be a load of its own.
                if looked.elapsed() >= LOOK_AT_FLOWS {
                    looked = Instant::now();
                    note_stale(&hub.get::<Vec<FlowView>>("/api/v1/flows").await?, stale);
                }
            }
        }
    }
}

fn note_stale(flows: &[FlowView], stale: &mut Vec<String>) {
    for flow in flows.iter().filter(|flow| flow.freshness.word == Word::Stale) {
        // A source that nobody reads in a rehearsal says nothing about what the hub carries.
        if flow.queue.open > 0 && !stale.contains(&flow.name) {
            stale.push(flow.name.clone());
        }
    }
}

fn expected(load: &Load) -> u64 {
    (0..load.senders.len()).map(|at| load.book.answers(at).accepted).sum()
}

/// Before the load: the hub has read what the destinations have already. How much that was.
async fn mirrored(hub: &Hub, load: &Load, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<u64, RehearseError> {
    let all: u64 = load.mirrors.iter().map(|mirror| load.mirrored(mirror).len() as u64).sum();
    let began = Instant::now();
    while all > 0 && began.elapsed() < MIRRORED {
        let state = State::of(hub).await?;
        let received = count(state.ledger.total.received);
        if received >= all && state.ledger.total.pending == 0 {
            break;
        }
        progress(Progress { step: Step::Mirror, done: received.min(all), total: all });
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(all)
}

/// Until nothing is open, or until patience ends; how long it took.
async fn drain(
    hub: &Hub,
    expected: u64,
    held: &[String],
    patience: Duration,
    stale: &mut Vec<String>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Option<Duration>, RehearseError> {
    let began = Instant::now();
    let mut most = 0;
    while began.elapsed() < patience {
        let state = State::of(hub).await?;
        note_stale(&state.flows, stale);
        let missing = expected.saturating_sub(count(state.ledger.total.received));
        let open = state.open(held) + missing;
        if open == 0 {
            return Ok(Some(began.elapsed()));
        }
        most = open.max(most);
        progress(Progress { step: Step::Drain, done: most - open, total: most });
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(None)
}

async fn verify(hub: &Hub) -> Result<VerifyOutcome, RehearseError> {
    let mut work: Work = hub.post("/api/v1/verify").await?;
    while work.state == WorkState::Running {
        tokio::time::sleep(LOOK_EVERY).await;
        work = hub.get(&format!("/api/v1/work/{}", work.id)).await?;
    }
    work.report.ok_or_else(|| hub.failed("could not prove its ledger"))
}
