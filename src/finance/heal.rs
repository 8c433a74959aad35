//! What the hub may do about breaks: send a record's newest state again, through the queue like everything else.
//!
//! Nothing is written past the queue: order, fence and idempotency hold as for any delivery, and the next run finds out whether
//! it helped. Money is never touched without a person. Not here: finding breaks, delivering.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::yaml::Percent;
use crate::recon::code::Code;
use crate::recon::report::{OpenItem, Report, RunStatus};
use crate::recon::row::Side;
use crate::recon::rules::Measure;
use crate::store::{EntityKey, Replay, StreamId};

use super::definition::{Definition, From};
use super::desk::{Desk, DeskError, blocking};
use super::extract::{Origin, origins};
use super::inflight::micros;
use super::kept::unpack;
use super::taken::stream_of;
use super::workflow::{Ask, Book, ItemRecord, Refusal, State, is_sent_after, is_sent_again, sent_again};

/// Who heals without being asked.
pub const HEALER: &str = "syncline";
/// Fewer breaks than this are no mass of them, whatever their share.
const NO_MASS: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Healing {
    Automatic,
    Propose,
    Never,
}

/// What is allowed; by default nothing.
#[derive(Debug, Clone)]
pub struct HealPolicy {
    pub codes: BTreeMap<Code, Healing>,
    pub most_per_run: u32,
    /// More breaks than this share of all rows are a mistake somewhere, not losses.
    pub stop_above: Percent,
    /// Healed so often within that time, a break has another cause.
    pub flapping_times: u32,
    pub flapping_within: Duration,
}

impl Default for HealPolicy {
    fn default() -> HealPolicy {
        HealPolicy {
            codes: BTreeMap::new(),
            most_per_run: 20,
            stop_above: Percent { basis_points: 500 },
            flapping_times: 3,
            flapping_within: Duration::from_secs(7 * 86_400),
        }
    }
}

impl HealPolicy {
    /// Whether a code may be healed without a person: never where money is meant, or where it is open who is right.
    pub fn may_be_automatic(code: Code, is_money: bool, measure: Measure) -> bool {
        match code {
            Code::MissingInA | Code::MissingInB | Code::StatusMismatch | Code::FieldMismatch => !is_money,
            Code::QuantityMismatch => measure == Measure::Quantity,
            Code::MappingMissing
            | Code::DuplicateA
            | Code::DuplicateB
            | Code::PayoutNotReceived
            | Code::UnidentifiedDeposit
            | Code::Orphan
            | Code::CurrencyMismatch
            | Code::DirectionMismatch
            | Code::AmountOver
            | Code::AmountUnder
            | Code::GroupSumMismatch
            | Code::UnexpectedFee
            | Code::Ambiguous
            | Code::StuckInFlight
            | Code::SyncFailed
            | Code::PeriodReopened => false,
        }
    }
}

/// What was done about a break, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealStep {
    #[serde(rename = "break")]
    pub item: String,
    pub key: Option<String>,
    pub code: String,
    pub done: HealDone,
    pub told: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealDone {
    Sent,
    WouldBeSent,
    Proposed,
    /// It comes back again and again: a person is asked.
    Flapping,
    Left,
}

/// All of a run's breaks that a policy speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealReport {
    pub run: i64,
    pub dry_run: bool,
    pub steps: Vec<HealStep>,
}

/// How it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealAsked {
    pub dry_run: bool,
    /// A person asks: what is only proposed otherwise is done.
    pub by_person: bool,
}

/// What to send, and by which flow.
struct Remedy {
    record: EntityKey,
    to: StreamId,
    flow: String,
    latest: bool,
}

impl Desk {
    /// Heals what the newest run found, as far as the definition allows it.
    pub async fn heal(&self, name: &str, actor: &str, asked: HealAsked) -> Result<HealReport, DeskError> {
        let definition = self.definition(name)?.definition;
        let policy = &definition.heal;
        let refuse = |what: &str, next: &str| {
            DeskError::Refused(Refusal { what: format!("`{name}` {what}"), next: next.to_owned() })
        };
        if policy.codes.is_empty() {
            return Err(refuse("heals nothing", "say so per code: `heal: { MISSING_IN_B: propose }`"));
        }
        let Some(row) = self.store.runs(Some(name), 1).await?.pop() else {
            return Err(refuse("was never run", "`syncline recon run` runs it"));
        };
        let report = self.report(row.id).await?;
        if report.cover.status != RunStatus::Complete || row.rules != *definition.rules.version {
            return Err(refuse("has no complete run by its present rules", "run it again, then heal"));
        }
        if let Some(share) = mass(&report, policy.stop_above) {
            let what = format!("has {share}: that many are no losses but a mistake in the definition or a mapping");
            return Err(refuse(&what, "find what they have in common; `stop_above` is the limit"));
        }
        let found = self.origins_of(&definition, &report).await?;
        let mut healed = HealReport { run: row.id, dry_run: asked.dry_run, steps: Vec::new() };
        let mut sent = 0;
        for item in &report.breaks {
            let code = item.code.as_deref().and_then(Code::parse);
            let Some(healing) = code.and_then(|code| policy.codes.get(&code)).filter(|word| **word != Healing::Never)
            else {
                continue;
            };
            let book = self.book(name).await?;
            let (done, told) = match self.remedy(&definition, item, &found, &book, row.id).await? {
                Err((done, told)) => (done, told),
                Ok(remedy) if *healing == Healing::Propose && !asked.by_person && !asked.dry_run => {
                    (HealDone::Proposed, format!("send {} again through flow {}", named(&remedy), remedy.flow))
                }
                Ok(_) if sent >= policy.most_per_run => {
                    (HealDone::Left, format!("{sent} were sent already: the most per run"))
                }
                Ok(remedy) if asked.dry_run => {
                    sent += 1;
                    let would =
                        if asked.by_person || *healing == Healing::Automatic { "" } else { "if a person asks, " };
                    (HealDone::WouldBeSent, format!("{would}{} through flow {}", named(&remedy), remedy.flow))
                }
                Ok(remedy) => {
                    sent += 1;
                    self.send_again(&remedy, row.id).await?
                }
            };
            if !asked.dry_run {
                self.note(name, item, actor, done, &told).await?;
            }
            let (key, code) = (item.key.clone(), item.code.clone().unwrap_or_default());
            healed.steps.push(HealStep { item: item.id.clone(), key, code, done, told });
        }
        Ok(healed)
    }

    /// What would heal a break, or why nothing does.
    async fn remedy(
        &self,
        definition: &Definition,
        item: &OpenItem,
        found: &[BTreeMap<u64, Origin>; 2],
        book: &Book,
        run: i64,
    ) -> Result<Result<Remedy, (HealDone, String)>, DeskError> {
        let left = |told: &str| Ok(Err((HealDone::Left, told.to_owned())));
        let Some(known) = book.items.get(&item.id).filter(|known| known.state.is_open()) else {
            return left("it is decided already");
        };
        if known.remarks.iter().any(|remark| is_sent_after(remark, run)) {
            return left("it was sent again after this run; run it again to see whether that helped");
        }
        let since = (self.now)().saturating_sub(micros(definition.heal.flapping_within));
        let before = known.remarks.iter().filter(|remark| remark.at >= since && is_sent_again(remark)).count();
        if before + 1 >= definition.heal.flapping_times as usize {
            let told = format!("FLAPPING: sent again {before} times and different again; the cause is elsewhere");
            return Ok(Err((HealDone::Flapping, told)));
        }
        let Some(systems) = self.systems.as_deref() else { return left("no hub runs that could send it") };
        for side in Side::BOTH {
            let streams = [side, side.other()].map(|side| stream_of(&definition.sides[side.index()]));
            let [Some(from), Some(to)] = streams else { continue };
            // Several rows may be one record's.
            let ids = item.rows[side.index()].iter().filter_map(|place| place.rsplit_once(':')?.1.parse().ok());
            let ids: BTreeSet<u64> = ids.collect();
            let origins: Vec<&Origin> = ids.iter().filter_map(|id| found[side.index()].get(id)).collect();
            let ([origin], Some(flow)) = (origins.as_slice(), systems.flow(from, to)) else { continue };
            let record = EntityKey {
                connection: from.connection.clone(),
                stream: from.stream.clone(),
                key: origin.record.clone(),
            };
            let passage = self.store.passage(&record, to).await?;
            if passage.jobs.iter().any(|job| job.state.is_open()) {
                return left("a delivery of it is under way");
            }
            return Ok(Ok(Remedy { record, to: to.clone(), flow: flow.name, latest: flow.latest }));
        }
        left("no flow carries it from one side to the other")
    }

    /// The newest known state, as a job like any other.
    async fn send_again(&self, remedy: &Remedy, run: i64) -> Result<(HealDone, String), DeskError> {
        let replay = Replay {
            flow: remedy.flow.clone(),
            source_connection: remedy.record.connection.clone(),
            source_stream: remedy.record.stream.clone(),
            dest_connection: remedy.to.connection.clone(),
            dest_stream: remedy.to.stream.clone(),
            latest: remedy.latest,
            key: Some(remedy.record.key.clone()),
            since: None,
            force: true,
            at: (self.now)(),
        };
        if self.store.replay(replay).await? == 0 {
            return Ok((HealDone::Left, format!("{} has nothing to send", named(remedy))));
        }
        let jobs = self.store.passage(&remedy.record, &remedy.to).await?.jobs;
        let job = jobs.first().map(|job| format!(" as job {} (event {})", job.id, job.event_id)).unwrap_or_default();
        Ok((HealDone::Sent, sent_again(&format!("{} through flow {}{job}", named(remedy), remedy.flow), run)))
    }

    /// What was done belongs to the break's history, and so to the audit trail.
    async fn note(
        &self,
        name: &str,
        item: &OpenItem,
        actor: &str,
        done: HealDone,
        told: &str,
    ) -> Result<(), DeskError> {
        let book = self.book(name).await?;
        let known: Option<&ItemRecord> = book.items.get(&item.id);
        let is_said = known.is_some_and(|known| known.remarks.last().is_some_and(|last| last.text == told));
        let ask = match done {
            HealDone::Sent => Ask::Comment { text: told.to_owned() },
            HealDone::Flapping if !is_said => Ask::Comment { text: told.to_owned() },
            HealDone::Proposed if known.is_some_and(|known| known.state != State::Proposed) => {
                Ask::Propose { note: told.to_owned() }
            }
            HealDone::Flapping | HealDone::Proposed | HealDone::WouldBeSent | HealDone::Left => return Ok(()),
        };
        self.act(name, &item.id, actor, ask).await.map(|_| ())
    }

    /// The records behind the rows of breaks, from the extracts that the run kept.
    async fn origins_of(
        &self,
        definition: &Definition,
        report: &Report,
    ) -> Result<[BTreeMap<u64, Origin>; 2], DeskError> {
        let mut found: [BTreeMap<u64, Origin>; 2] = Default::default();
        for side in Side::BOTH {
            let From::Mirror(_) = &definition.sides[side.index()].from else { continue };
            let wanted: BTreeSet<u64> = report
                .breaks
                .iter()
                .flat_map(|item| &item.rows[side.index()])
                .filter_map(|place| place.rsplit_once(':')?.1.parse().ok())
                .collect();
            let input = report.cover.inputs.iter().find(|input| input.side == side.as_str());
            let Some(sha256) = input.map(|input| input.sha256.clone()) else { continue };
            let room = self.room.clone();
            let path = room.join(format!("{}-{}-heal.jsonl", definition.name, side.as_str().to_lowercase()));
            let read = blocking(move || {
                let is_kept = unpack(&room, &sha256, &path)?;
                let found = if is_kept { origins(&path, &wanted) } else { Ok(Default::default()) };
                found.map_err(|error| DeskError::Damaged(error.to_string()))
            });
            found[side.index()] = read.await??.into_iter().collect();
        }
        Ok(found)
    }
}

fn named(remedy: &Remedy) -> String {
    format!("{}.{}/{}", remedy.record.connection, remedy.record.stream, remedy.record.key)
}

/// So many breaks that they are not losses, in words.
fn mass(report: &Report, stop_above: Percent) -> Option<String> {
    let count = report.breaks.len();
    let is_mass = count > NO_MASS && report.figures.breaks_ppm > u64::from(stop_above.basis_points) * 100;
    is_mass.then(|| format!("{count} breaks, {} of a million rows", report.figures.breaks_ppm))
}
