//! The rate at which a configuration breaks: stages that rise until one is not carried, then halving between. Not here: a stage.

use std::time::Duration;

use serde::Serialize;

use super::figures::Report;
use super::prepare::{Rehearsal, RehearseError};
use super::run::{Progress, run};
use super::stage::Pace;

const FIRST_MILLI_PER_S: u64 = 50_000;
/// Higher than what one machine's generator can offer; reached without breaking, that is told.
const HIGHEST_MILLI_PER_S: u64 = 20_000_000;
/// Below one record in ten seconds a short stage says nothing.
const LOWEST_MILLI_PER_S: u64 = 100;
/// Fewer say nothing, and would leave sources without a turn: a slow stage lasts longer for them.
const FEWEST_RECORDS: u64 = 20;
/// Between the last good rate and the first bad one.
const HALVINGS: u32 = 4;

/// What the search found.
#[derive(Debug, Clone, Serialize)]
pub struct FoundLimit {
    /// The highest rate that was carried; none if not even the lowest was.
    pub carries_milli_per_s: Option<u64>,
    /// The lowest rate that was not; none if every rate was carried.
    pub breaks_milli_per_s: Option<u64>,
    /// What gave way there, the first cause first.
    pub gave_way: Vec<String>,
    /// Every stage, in the order in which they were held.
    pub stages: Vec<Stage>,
    /// The report of the highest rate that was carried.
    pub best: Option<Report>,
    /// The report of the lowest rate that was not.
    pub first_broken: Option<Report>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    pub rate_milli_per_s: u64,
    pub carries: bool,
    pub ties: bool,
    pub gave_way: Vec<String>,
}

impl FoundLimit {
    /// Every stage's counts tied, whether it was carried or not.
    pub fn ties(&self) -> bool {
        self.stages.iter().all(|stage| stage.ties)
    }
}

/// Doubles the rate from 50 a second until it breaks (or lowers it until it holds), then narrows the gap.
/// Each stage has an installation of its own, so none inherits a backlog.
pub async fn find_limit(
    rehearsal: &Rehearsal,
    pace: Pace,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<FoundLimit, RehearseError> {
    let mut found = FoundLimit {
        carries_milli_per_s: None,
        breaks_milli_per_s: None,
        gave_way: Vec::new(),
        stages: Vec::new(),
        best: None,
        first_broken: None,
    };
    let mut halvings = 0;
    while let Some(rate) = next(found.carries_milli_per_s, found.breaks_milli_per_s, &mut halvings) {
        let run_for = pace.run_for.max(Duration::from_millis(FEWEST_RECORDS * 1_000_000 / rate));
        let report = run(rehearsal, Pace { milli_per_s: rate, run_for, ..pace }, progress).await?;
        found.note(rate, report);
    }
    Ok(found)
}

impl FoundLimit {
    fn note(&mut self, rate: u64, report: Report) {
        self.stages.push(Stage {
            rate_milli_per_s: rate,
            carries: report.carries,
            ties: report.ties,
            gave_way: report.gave_way.clone(),
        });
        if report.carries {
            self.carries_milli_per_s = Some(rate);
            self.best = Some(report);
        } else {
            self.breaks_milli_per_s = Some(rate);
            self.gave_way.clone_from(&report.gave_way);
            self.first_broken = Some(report);
        }
    }
}

/// The next rate to try, given the highest that holds and the lowest that does not.
fn next(holds: Option<u64>, breaks: Option<u64>, halvings: &mut u32) -> Option<u64> {
    match (holds, breaks) {
        (None, None) => Some(FIRST_MILLI_PER_S),
        (Some(holds), None) => Some(round(holds * 2)).filter(|rate| *rate <= HIGHEST_MILLI_PER_S),
        (None, Some(breaks)) => Some(breaks / 4).filter(|rate| *rate >= LOWEST_MILLI_PER_S),
        (Some(holds), Some(breaks)) => {
            *halvings += 1;
            let middle = round(holds.midpoint(breaks));
            (*halvings <= HALVINGS && breaks > holds + holds / 20).then_some(middle)
        }
    }
}

/// To whole records a second where there are many.
fn round(milli_per_s: u64) -> u64 {
    if milli_per_s < 20_000 { milli_per_s } else { milli_per_s / 1_000 * 1_000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches for a limit that lies at `limit`.
    fn search(limit: u64) -> (Option<u64>, Option<u64>, usize) {
        let (mut holds, mut breaks, mut halvings, mut stages) = (None, None, 0, 0);
        while let Some(rate) = next(holds, breaks, &mut halvings) {
            stages += 1;
            if rate <= limit { holds = Some(rate) } else { breaks = Some(rate) }
        }
        (holds, breaks, stages)
    }

    #[test]
    fn the_limit_is_closed_in_upon_from_both_sides() {
        for limit in [300, 900, 49_999, 50_000, 77_777, 1_234_567] {
            let (holds, breaks, stages) = search(limit);
            let (Some(holds), Some(breaks)) = (holds, breaks) else { panic!("{limit}: {holds:?} {breaks:?}") };
            assert!(holds <= limit && limit < breaks && stages < 20, "{limit}: {holds} {breaks} in {stages}");
        }
        assert_eq!(search(u64::MAX).1, None, "nothing breaks");
        assert_eq!(search(0).0, None, "nothing holds");
    }
}
