//! The brake of flows: a wave that would change more than a flow allows is held, as one issue that a person releases or
//! gives up; not here: what a wave is stored as (a batch of the inbox), what people do with issues.
//!
//! A wave is one file or one walk through a list. It is counted when its first row is met, against the records as they are
//! stored then, and held as a whole: its jobs for that flow are born dead, on an issue of the wave's own. Everything else
//! goes on, and so do later changes of the same records. The issue outlives a restart, and says then that the rest of its
//! wave is held too. What comes in one by one (webhooks, reads on purpose) is never a wave.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::driver::{Interpreted, Known, Processor};
use super::plan::{Plan, plan};
use crate::model::ErrorClass;
use crate::store::{DeadLetter, EntityRow, EntityWrite, InboxRow, PlannedOutcome, StoreError};

/// Pages in which a wave is counted.
const PAGE: u32 = 256;
/// Records that an issue names.
const SAMPLES: usize = 5;

/// What a flow allows one wave, in hundredths of a percent of the records that are known.
#[derive(Clone)]
pub struct FlowBrake {
    pub flow: String,
    /// Known records that change or go.
    pub changes_per_run: Option<u32>,
    /// Known records that tell the destination for the first time that nothing is left.
    pub zero_stock: Option<u32>,
    /// Whether a record, as canonical JSON, says so.
    pub nothing_left: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

/// Flows for which a wave is held, and why.
pub(super) type Holds = Arc<BTreeMap<String, Arc<DeadLetter>>>;

/// Waves that were counted in the present walk through everything pending.
#[derive(Default)]
pub(super) struct Waves(Mutex<HashMap<i64, Holds>>);

impl Waves {
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Holds>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a wave would do to one flow.
#[derive(Default)]
struct Count {
    changed: u64,
    emptied: u64,
    samples: Vec<String>,
}

/// Marks the jobs of a held wave.
pub(super) fn hold(outcome: &mut PlannedOutcome, holds: Option<&Holds>) {
    let (Some(holds), PlannedOutcome::Apply { jobs, .. }) = (holds, outcome) else { return };
    for job in jobs {
        job.held = holds.get(&job.flow).cloned();
    }
}

impl Processor {
    /// Counts the waves that begin among these rows.
    pub(super) async fn judge_waves(&self, rows: &[InboxRow]) -> Result<HashMap<i64, Holds>, StoreError> {
        let mut held = HashMap::new();
        for row in rows {
            let Some(wave) = row.batch.filter(|wave| !held.contains_key(wave)) else { continue };
            let known = self.waves.lock().get(&wave).cloned();
            let holds = match known {
                Some(holds) => holds,
                None => Arc::new(self.judge(row, wave).await?),
            };
            self.waves.lock().insert(wave, Arc::clone(&holds));
            held.insert(wave, holds);
        }
        Ok(held)
    }

    async fn judge(&self, first: &InboxRow, wave: i64) -> Result<BTreeMap<String, Arc<DeadLetter>>, StoreError> {
        let mut holds = BTreeMap::new();
        let brakes = self.catalogue.brakes(&first.connection, &first.stream);
        if brakes.is_empty() {
            return Ok(holds);
        }
        let counts = self.count(first, wave, &brakes).await?;
        let known = self.store.known_records(&first.connection, &first.stream).await?;
        for brake in &brakes {
            let fingerprint = format!("brake/{}/{wave}", brake.flow);
            let dead = match counts.get(&brake.flow).and_then(|count| tripped(brake, count, known, first)) {
                Some((title, detail)) => Some(dead_letter(brake, fingerprint, title, detail)),
                // The rest of a wave whose beginning was held before a restart.
                None => self.store.open_issue(&fingerprint).await?.map(|issue| DeadLetter {
                    next_step: issue.next_step,
                    ..dead_letter(brake, fingerprint, issue.title, issue.sample)
                }),
            };
            if let Some(dead) = dead {
                tracing::warn!(flow = brake.flow, issue = dead.title, "the brake holds a wave");
                metrics::counter!("syncline_waves_held_total", "flow" => brake.flow.clone()).increment(1);
                holds.insert(brake.flow.clone(), Arc::new(dead));
            }
        }
        Ok(holds)
    }

    /// Plans the wave's rows without committing anything, and without asking a vendor.
    async fn count(
        &self,
        first: &InboxRow,
        wave: i64,
        brakes: &[FlowBrake],
    ) -> Result<BTreeMap<String, Count>, StoreError> {
        let mut counts: BTreeMap<String, Count> = BTreeMap::new();
        let mut after = first.id - 1;
        loop {
            let page = self.store.pending_inbox(after, PAGE).await?;
            after = page.last().map_or(after, |row| row.id);
            let rows: Vec<&InboxRow> = page.iter().filter(|row| row.batch == Some(wave)).collect();
            // The rows of a wave become pending in one commit and stand together.
            if rows.is_empty() {
                return Ok(counts);
            }
            let interpreted: Vec<_> = rows.iter().map(|row| self.interpret(row)).collect();
            let mut known = self.known(&interpreted).await?;
            for item in &interpreted {
                let Ok(Interpreted::Record(candidate)) = item else { continue };
                let (current, echoes) = known.of(&candidate.id);
                let traits = self.catalogue.traits(&candidate.id.connection, &candidate.id.stream);
                let routes = self.catalogue.routes(&candidate.id.connection, &candidate.id.stream);
                let Ok(Plan::Commit { outcome, .. }) = plan(candidate, current, echoes, &routes, traits) else {
                    continue;
                };
                count_change(&outcome, &known, brakes, &mut counts);
                known.remember(&outcome);
            }
        }
    }
}

fn count_change(outcome: &PlannedOutcome, known: &Known, brakes: &[FlowBrake], counts: &mut BTreeMap<String, Count>) {
    let PlannedOutcome::Apply { state, jobs, .. } = outcome else { return };
    let (Some(before), _) = known.of(&state.id) else { return };
    for brake in brakes.iter().filter(|brake| jobs.iter().any(|job| job.flow == brake.flow)) {
        let count = counts.entry(brake.flow.clone()).or_default();
        count.changed += 1;
        let emptied = empties(brake, before, state);
        count.emptied += u64::from(emptied);
        if count.samples.len() < SAMPLES && (emptied || brake.zero_stock.is_none()) {
            count.samples.push(state.id.key.clone());
        }
    }
}

fn empties(brake: &FlowBrake, before: &EntityRow, state: &EntityWrite) -> bool {
    brake.zero_stock.is_some() && !(brake.nothing_left)(&before.doc) && (brake.nothing_left)(&state.doc)
}

/// Title and detail of the issue, if the wave does more than the flow allows. One record alone is not a wave.
fn tripped(brake: &FlowBrake, count: &Count, known: u64, first: &InboxRow) -> Option<(String, String)> {
    let limits = [
        ("zero_stock", "set", "to zero", brake.zero_stock, count.emptied),
        ("changes_per_run", "change", "", brake.changes_per_run, count.changed),
    ];
    let (name, verb, to, limit, n) = limits.into_iter().find_map(|(name, verb, to, limit, n)| {
        let limit = limit.filter(|limit| n > 1 && u128::from(n) * 10_000 > u128::from(*limit) * u128::from(known))?;
        Some((name, verb, to, limit, n))
    })?;
    let (flow, wave, limit) = (&brake.flow, describe(first), percent(limit));
    let to = if to.is_empty() { String::new() } else { format!(" {to}") };
    let title = format!("{flow}: the brake holds {wave}: it would {verb} {n} of {known} known records{to}");
    let samples = count.samples.join(", ");
    let more = if n > count.samples.len() as u64 { ", ..." } else { "" };
    let detail = format!(
        "{wave} of {}/{} changes {} and empties {} of {known} known records; the flow allows `{name}: {limit}`; such as {samples}{more}",
        first.connection, first.stream, count.changed, count.emptied
    );
    Some((title, detail))
}

fn dead_letter(brake: &FlowBrake, fingerprint: String, title: String, detail: String) -> DeadLetter {
    let next_step = "look at the source: if it is right, retry the issue and all of it is sent; if not, discard it and none \
                     of it is; later changes of these records go on meanwhile";
    DeadLetter {
        scope: brake.flow.clone(),
        class: ErrorClass::Data,
        fingerprint,
        title,
        detail,
        next_step: next_step.to_owned(),
    }
}

/// A file by its name, which stands before each row's number; a walk by its time.
fn describe(first: &InboxRow) -> String {
    match first.place.rsplit_once(" row ") {
        Some((file, _)) => format!("file {file}"),
        None => match jiff::Timestamp::from_microsecond(first.received_at) {
            Ok(at) => format!("the walk through {} at {at:.0}", first.stream),
            Err(_) => format!("a walk through {}", first.stream),
        },
    }
}

fn percent(basis_points: u32) -> String {
    match (basis_points / 100, basis_points % 100) {
        (whole, 0) => format!("{whole}%"),
        (whole, part) => format!("{}%", format!("{whole}.{part:02}").trim_end_matches('0')),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test's set-up")]
mod tests {
    use super::*;
    use crate::store::SourceKind;

    fn row(place: &str) -> InboxRow {
        InboxRow {
            id: 1,
            connection: "erp".into(),
            stream: "stock".into(),
            source: SourceKind::File,
            topic: String::new(),
            headers: String::new(),
            place: place.into(),
            payload: vec![],
            received_at: 1_780_000_000_000_000,
            batch: Some(1),
        }
    }

    fn brake(changes_per_run: Option<u32>, zero_stock: Option<u32>) -> FlowBrake {
        FlowBrake {
            flow: "stock-to-shop".into(),
            changes_per_run,
            zero_stock,
            nothing_left: Arc::new(|doc| doc == "0"),
        }
    }

    #[track_caller]
    fn check(limits: (Option<u32>, Option<u32>), (changed, emptied): (u64, u64), known: u64, held: bool) {
        let count = Count { changed, emptied, samples: vec!["A".into()] };
        let tripped = tripped(&brake(limits.0, limits.1), &count, known, &row("stock.csv row 2"));
        assert_eq!(tripped.is_some(), held, "{limits:?} {changed} {emptied} of {known}: {tripped:?}");
    }

    #[test]
    fn a_share_is_exceeded_only_beyond_it() {
        check((Some(2000), None), (20, 0), 100, false);
        check((Some(2000), None), (21, 0), 100, true);
        check((None, Some(500)), (100, 5), 100, false);
        check((None, Some(500)), (100, 6), 100, true);
        check((Some(2000), Some(500)), (10, 6), 100, true);
        check((None, None), (100, 100), 100, false);
        check((Some(0), None), (1, 0), 100, false);
        check((Some(0), None), (2, 0), 100, true);
        check((Some(5), None), (u64::MAX, 0), u64::MAX, true);
    }

    #[test]
    fn an_issue_names_flow_wave_counts_and_samples() {
        let count = Count { changed: 9, emptied: 6, samples: vec!["A".into(), "B".into()] };
        let (title, detail) = tripped(&brake(None, Some(250)), &count, 12, &row("stock.csv row 2")).unwrap();
        assert_eq!(title, "stock-to-shop: the brake holds file stock.csv: it would set 6 of 12 known records to zero");
        assert_eq!(
            detail,
            "file stock.csv of erp/stock changes 9 and empties 6 of 12 known records; the flow allows `zero_stock: 2.5%`; \
             such as A, B, ..."
        );
        assert_eq!(describe(&row("")), "the walk through stock at 2026-05-28T20:26:40Z");
    }
}
