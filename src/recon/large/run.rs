//! A large run: one pass over digests, then the engine over what is left.
//!
//! Memory is bounded by one partition per worker, by the positions of rows that differ, and by those rows themselves. Not here:
//! the decision about a key (`settle`), reading (`intern`).

use std::collections::HashSet;
use std::path::PathBuf;

use crate::recon::engine::{self, Failure};
use crate::recon::matching::Decision;
use crate::recon::outcome::{Bucket, Outcome};
use crate::recon::row::{Entry, Row, Side};
use crate::recon::rules::{How, OnMatch, RuleSet};
use crate::recon::settle::Circumstances;
use crate::recon::tie_out::Violation;
use crate::recon::unit::Totals;

use super::digest::key_hash;
use super::reading::{Reading, Shared};
use super::settle::{Agreement, Settled, Shape};
use super::spill::Partition;
use super::{LargeError, Statement};

/// What a run may use.
#[derive(Debug, Clone)]
pub struct Room {
    /// Where digests are set aside: 48 bytes a row.
    pub folder: PathBuf,
    pub partitions: usize,
    /// Rows that may be looked at in full, at most.
    pub most_open: usize,
}

impl Room {
    pub fn new(folder: impl Into<PathBuf>) -> Room {
        Room { folder: folder.into(), partitions: 256, most_open: 5_000_000 }
    }
}

/// Reconciles statements of any size. Without a first pass that digests can follow, all rows go through the engine at once.
pub fn reconcile_large(
    rules: &RuleSet,
    statements: [&dyn Statement; 2],
    decisions: &[Decision],
    around: &Circumstances<'_>,
    room: &Room,
) -> Result<Outcome, LargeError> {
    let shape = shape(rules);
    let [a, b] = statements;
    let (a, b) = std::thread::scope(|scope| {
        let other = scope.spawn(|| Reading::of(b, room, shape.is_some()));
        (Reading::of(a, room, shape.is_some()), other.join())
    });
    let b = b.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let mut readings = [a?, b?];
    let shared = Shared::of(&mut readings);
    let mut spills = readings.each_mut().map(|reading| reading.spill.take_all());
    let decided = decisions.iter().flat_map(|decision| &decision.keys).map(|key| key_hash(key.as_bytes())).collect();
    let settled = match shape {
        Some(shape) => {
            let agreement = Agreement { rules, shape, units: &shared.units, states: &shared.states, decided: &decided };
            settle_all(&agreement, &mut spills, &shared)?
        }
        None => Settled::default(),
    };
    let mut outcome = Outcome::default();
    let rows = look(&mut outcome, statements, readings, settled, room)?;
    let parents = settled_parents(rules, &rows, &mut spills)?;
    let known = |parent: &str| parents.contains(&key_hash(parent.as_bytes())) || (around.known_parents)(parent);
    let around = Circumstances { known_parents: &known, ..*around };
    Ok(engine::continue_with(rules, outcome, rows, decisions, &around)?)
}

/// What digests can follow of the first pass.
fn shape(rules: &RuleSet) -> Option<Shape> {
    let first = rules.passes.first().filter(|pass| pass.on_match == OnMatch::Confirm)?;
    let (shape, plain_key) = match &first.how {
        How::Keyed(keyed) => (Shape::Copies, (keyed.normalise.is_empty()).then_some(keyed.on.as_slice())),
        How::Grouped(_) => (Shape::Sums, None),
        How::Window(_) | How::Subset(_) => return None,
    };
    // Parents are looked up among keys: it must be the same key, as it stands.
    let parents = rules.parent.is_none_or(|parent| plain_key == Some(&[parent]));
    parents.then_some(shape)
}

/// All partitions, by as many workers as there are processors.
fn settle_all(
    agreement: &Agreement<'_>,
    spills: &mut [Vec<Partition>; 2],
    shared: &Shared,
) -> Result<Settled, LargeError> {
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let [a, b] = spills;
    let mut pairs: Vec<(&mut Partition, &mut Partition)> = a.iter_mut().zip(b.iter_mut()).collect();
    let share = pairs.len().div_ceil(workers).max(1);
    let parts: Vec<Result<Settled, LargeError>> = std::thread::scope(|scope| {
        let work = |pairs| move || settle_some(agreement, pairs, shared);
        let started: Vec<_> = pairs.chunks_mut(share).map(|pairs| scope.spawn(work(pairs))).collect();
        started
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut all = Settled::default();
    for part in parts {
        all.merge(part?)?;
    }
    Ok(all)
}

fn settle_some(
    agreement: &Agreement<'_>,
    pairs: &mut [(&mut Partition, &mut Partition)],
    shared: &Shared,
) -> Result<Settled, LargeError> {
    let mut all = Settled::default();
    let mut digests = [Vec::new(), Vec::new()];
    for (a, b) in pairs {
        a.read(&mut digests[0])?;
        b.read(&mut digests[1])?;
        for (side, digests) in digests.iter_mut().enumerate() {
            shared.translate(side, digests);
            digests.sort_unstable();
        }
        all.merge(agreement.settle(&digests[0], &digests[1])?)?;
    }
    Ok(all)
}

/// Reads in full what could not be settled, and proves that settled and read together are what was seen.
fn look(
    outcome: &mut Outcome,
    statements: [&dyn Statement; 2],
    readings: [Reading; 2],
    settled: Settled,
    room: &Room,
) -> Result<[Vec<Row>; 2], LargeError> {
    let open = readings.iter().map(|reading| reading.marked.len() + reading.keyless.len()).sum::<usize>()
        + settled.look.iter().map(Vec::len).sum::<usize>();
    if open > room.most_open {
        return Err(LargeError::TooManyDiffer { most: room.most_open });
    }
    let Settled { exact, groups, look } = settled;
    let mut rows = [Vec::new(), Vec::new()];
    for ((side, reading), differ) in Side::BOTH.into_iter().zip(readings).zip(look) {
        let index = side.index();
        let statement = statements[index];
        let plain = differ.into_iter().filter(|position| reading.marked.binary_search(position).is_err());
        let plain = reading.keyless.iter().copied().chain(plain).collect();
        let marked = fetch(outcome, statement, side, reading.marked, &mut rows[index])?;
        let open = fetch(outcome, statement, side, plain, &mut rows[index])?;
        let mut accounted = exact[index].clone();
        accounted.merge(&groups[index])?;
        outcome.read[index].merge(&accounted)?;
        accounted.merge(&open)?;
        if accounted != reading.totals || marked.rows != reading.marked_rows {
            let (read, placed) = (reading.totals.rows + reading.marked_rows, accounted.rows + marked.rows);
            return Err(Failure::Violated(vec![Violation::Rows { side: side.as_str(), read, placed }]).into());
        }
    }
    for (bucket, totals) in [(Bucket::MatchedExact, exact), (Bucket::MatchedGroup, groups)] {
        if totals.iter().any(|totals| !totals.is_empty()) {
            outcome.buckets.insert(bucket, totals);
        }
    }
    Ok(rows)
}

/// Reads these rows and counts them.
fn fetch(
    outcome: &mut Outcome,
    statement: &dyn Statement,
    side: Side,
    mut positions: Vec<u64>,
    rows: &mut Vec<Row>,
) -> Result<Totals, LargeError> {
    positions.sort_unstable();
    let before = std::mem::take(&mut outcome.read[side.index()]);
    statement.fetch(&positions, &mut |entry: Entry| {
        rows.extend(engine::admit_one(outcome, side, entry)?);
        Ok(())
    })?;
    let fetched = outcome.read[side.index()].clone();
    outcome.read[side.index()].merge(&before)?;
    Ok(fetched)
}

/// Parents that open rows name and that are among the settled ones.
fn settled_parents(
    rules: &RuleSet,
    rows: &[Vec<Row>; 2],
    spills: &mut [Vec<Partition>; 2],
) -> Result<HashSet<u128>, LargeError> {
    if rules.parent.is_none() {
        return Ok(HashSet::new());
    }
    let mut wanted: HashSet<u128> = rows
        .iter()
        .flatten()
        .filter_map(|row| row.parent.as_deref())
        .map(|parent| key_hash(parent.as_bytes()))
        .collect();
    let mut found = HashSet::new();
    let mut digests = Vec::new();
    for spill in spills.iter_mut().flatten() {
        if wanted.is_empty() {
            break;
        }
        spill.read(&mut digests)?;
        found.extend(digests.iter().filter_map(|digest| wanted.take(&digest.key)));
    }
    Ok(found)
}
