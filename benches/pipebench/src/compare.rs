//! Rounds and what they prove: floor, subject, floor, each fresh; ratios inside a round; the median over rounds.
//!
//! Not here: how a run goes (see `run`), how a figure is shown (see `report`).

use serde::Serialize;

use crate::run::{Sample, Scenario};

/// A round says nothing about a metric in which the floor's own two runs differ by more than this.
const FLOOR_SPREAD: f64 = 1.5;

/// One scenario of one round.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    pub no: u32,
    pub scenario: Scenario,
    pub floor: [Sample; 2],
    pub subject: Sample,
}

impl Round {
    fn is_void(&self) -> bool {
        self.floor.iter().chain([&self.subject]).any(|sample| sample.void.is_some())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Subject over floor.
    RatioAtLeast(f64),
    RatioAtMost(f64),
    /// The subject's own figure: where the floor's is next to nothing.
    AtMost(f64),
    /// Shown, not judged.
    None,
}

/// One figure of one scenario, and the target for it.
pub struct Metric {
    pub scenario: Scenario,
    pub name: &'static str,
    pub unit: &'static str,
    pub gate: Gate,
    pub of: fn(&Sample) -> Option<f64>,
}

macro_rules! metric {
    ($scenario:ident, $name:literal, $unit:literal, $gate:expr, $of:expr) => {
        Metric { scenario: Scenario::$scenario, name: $name, unit: $unit, gate: $gate, of: $of }
    };
}

pub const METRICS: &[Metric] = &[
    metric!(Closed, "throughput", "/s", Gate::RatioAtLeast(0.5), |s| Some(s.load.as_ref()?.per_s)),
    metric!(Closed, "CPU per order", "us", Gate::RatioAtMost(2.0), |s| Some(s.load.as_ref()?.cpu_us_per_order)),
    metric!(Closed, "peak RSS", "MB", Gate::AtMost(40.0), |s| Some(s.peak_rss_mb)),
    metric!(Closed, "ack p50", "ms", Gate::None, |s| Some(s.load.as_ref()?.ack_p50_ms)),
    metric!(Closed, "ack p99", "ms", Gate::None, |s| Some(s.load.as_ref()?.ack_p99_ms)),
    metric!(Closed, "end to end p50", "ms", Gate::None, |s| Some(s.load.as_ref()?.end_to_end_p50_ms)),
    metric!(Closed, "end to end p99", "ms", Gate::None, |s| Some(s.load.as_ref()?.end_to_end_p99_ms)),
    metric!(Open, "ack p50", "ms", Gate::RatioAtMost(1.5), |s| Some(s.load.as_ref()?.ack_p50_ms)),
    metric!(Open, "ack p99", "ms", Gate::RatioAtMost(1.5), |s| Some(s.load.as_ref()?.ack_p99_ms)),
    metric!(Open, "end to end p50", "ms", Gate::RatioAtMost(2.0), |s| Some(s.load.as_ref()?.end_to_end_p50_ms)),
    metric!(Open, "end to end p99", "ms", Gate::RatioAtMost(2.0), |s| Some(s.load.as_ref()?.end_to_end_p99_ms)),
    metric!(Open, "CPU per order", "us", Gate::None, |s| Some(s.load.as_ref()?.cpu_us_per_order)),
    metric!(Idle, "start to first webhook", "ms", Gate::AtMost(100.0), |s| Some(s.start_ms)),
    metric!(Idle, "idle RSS", "MB", Gate::AtMost(20.0), |s| Some(s.idle.as_ref()?.rss_mb)),
    metric!(Idle, "idle CPU", "ms/s", Gate::AtMost(1.0), |s| Some(s.idle.as_ref()?.cpu_ms_per_s)),
    metric!(Backlog, "RSS growth", "MB", Gate::AtMost(16.0), |s| Some(s.backlog.as_ref()?.rss_growth_mb)),
    metric!(Backlog, "ack p99", "ms", Gate::None, |s| Some(s.backlog.as_ref()?.ack_p99_ms)),
    metric!(Backlog, "drain", "/s", Gate::RatioAtLeast(0.5), |s| Some(s.backlog.as_ref()?.drain_per_s)),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Fail,
    /// No round is left to judge by.
    Unknown,
    NotJudged,
}

/// What all rounds say about one metric.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    pub scenario: Scenario,
    pub name: &'static str,
    pub unit: &'static str,
    pub floor: Option<f64>,
    pub subject: Option<f64>,
    pub ratio: Option<f64>,
    /// Rounds that the ratio rests on, of `rounds`.
    pub kept: usize,
    pub rounds: usize,
    pub gate: Gate,
    pub verdict: Verdict,
}

impl Metric {
    /// Medians over the rounds of this metric's scenario; nothing if there was none.
    pub fn find(&self, rounds: &[Round]) -> Option<Finding> {
        let all: Vec<&Round> = rounds.iter().filter(|round| round.scenario == self.scenario).collect();
        let valid: Vec<([f64; 2], f64)> = all.iter().filter_map(|round| self.values(round)).collect();
        let ratios: Vec<f64> = valid.iter().filter_map(|(floor, subject)| ratio(*floor, *subject)).collect();
        let subject = median(valid.iter().map(|(_, subject)| *subject));
        let ratio = median(ratios.iter().copied());
        let (verdict, kept) = match self.gate {
            Gate::RatioAtLeast(bound) => (judge(ratio.map(|ratio| ratio >= bound)), ratios.len()),
            Gate::RatioAtMost(bound) => (judge(ratio.map(|ratio| ratio <= bound)), ratios.len()),
            Gate::AtMost(bound) => (judge(subject.map(|subject| subject <= bound)), valid.len()),
            Gate::None => (Verdict::NotJudged, ratios.len()),
        };
        (!all.is_empty()).then(|| Finding {
            scenario: self.scenario,
            name: self.name,
            unit: self.unit,
            floor: median(valid.iter().flat_map(|(floor, _)| *floor)),
            subject,
            ratio,
            kept,
            rounds: all.len(),
            gate: self.gate,
            verdict,
        })
    }

    /// The floor's two figures and the subject's; nothing from a void round.
    fn values(&self, round: &Round) -> Option<([f64; 2], f64)> {
        let [before, after] = &round.floor;
        let values = ([(self.of)(before)?, (self.of)(after)?], (self.of)(&round.subject)?);
        (!round.is_void()).then_some(values)
    }
}

fn judge(holds: Option<bool>) -> Verdict {
    match holds {
        Some(true) => Verdict::Pass,
        Some(false) => Verdict::Fail,
        None => Verdict::Unknown,
    }
}

/// Nothing where the floor is zero or not at one with itself.
fn ratio([before, after]: [f64; 2], subject: f64) -> Option<f64> {
    let steady = before > 0.0 && after > 0.0 && before.max(after) / before.min(after) <= FLOOR_SPREAD;
    steady.then(|| subject / ((before + after) / 2.0))
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some((lower + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Counts;
    use crate::system::System;

    const COUNTS: Counts = Counts { accepted: 1, delivered: 1, duplicates: 0, foreign: 0, refused: 0 };
    const METRIC: Metric = metric!(Idle, "start", "ms", Gate::RatioAtMost(2.0), |s| Some(s.start_ms));

    fn sample(start_ms: f64, void: bool) -> Sample {
        let void = void.then(|| "wrong".to_owned());
        Sample {
            system: System::Refpipe,
            counts: COUNTS,
            void,
            start_ms,
            peak_rss_mb: 1.0,
            load: None,
            idle: None,
            backlog: None,
        }
    }

    fn round(before: f64, subject: f64, after: f64, void: bool) -> Round {
        let floor = [sample(before, false), sample(after, false)];
        Round { no: 1, scenario: Scenario::Idle, floor, subject: sample(subject, void) }
    }

    #[track_caller]
    fn check(rounds: &[Round], ratio: Option<f64>, kept: usize, verdict: Verdict) {
        let found = METRIC.find(rounds);
        let found = found.map(|finding| (finding.ratio, finding.kept, finding.verdict));
        assert_eq!(found, Some((ratio, kept, verdict)));
    }

    #[test]
    fn only_steady_and_right_rounds_count() {
        check(&[round(10.0, 15.0, 10.0, false)], Some(1.5), 1, Verdict::Pass);
        check(&[round(10.0, 30.0, 10.0, false)], Some(3.0), 1, Verdict::Fail);
        check(&[round(10.0, 15.0, 16.0, false)], None, 0, Verdict::Unknown);
        check(&[round(10.0, 15.0, 10.0, true)], None, 0, Verdict::Unknown);
        let rounds = [round(10.0, 30.0, 10.0, false), round(1.0, 9.0, 9.0, false), round(8.0, 10.0, 12.0, false)];
        check(&rounds, Some(2.0), 2, Verdict::Pass);
    }
}
