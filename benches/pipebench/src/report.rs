//! What people and programs read: a table, or JSON with every run in it.

use std::fmt::Write as _;

use serde::Serialize;

use crate::compare::{Finding, Gate, METRICS, Round, Verdict};
use crate::run::{Sample, Scenario};
use crate::system::System;

#[derive(Debug, Serialize)]
pub struct Report {
    pub subject: System,
    pub cores: usize,
    pub durability: &'static str,
    pub findings: Vec<Finding>,
    /// Runs whose result was wrong, and why.
    pub void: Vec<String>,
    pub rounds: Vec<Round>,
}

impl Report {
    pub fn new(subject: System, rounds: Vec<Round>) -> Report {
        Report {
            subject,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            durability: "both answer a webhook after COMMIT in SQLite WAL under synchronous=FULL",
            findings: METRICS.iter().filter_map(|metric| metric.find(&rounds)).collect(),
            void: rounds.iter().flat_map(void).collect(),
            rounds,
        }
    }

    /// Every gate holds and every run was right.
    pub fn passes(&self) -> bool {
        let held = |finding: &Finding| matches!(finding.verdict, Verdict::Pass | Verdict::NotJudged);
        self.void.is_empty() && self.findings.iter().all(held)
    }

    pub fn table(&self) -> String {
        let mut text = format!("{} cores; {}\n\n", self.cores, self.durability);
        let subject = self.subject.name();
        let head = format!(
            "{:<9}{:<28}{:>10}{:>10}{:>8}{:>7}  {:<10}{}\n",
            "", "", "floor", subject, "ratio", "kept", "gate", "verdict"
        );
        text.push_str(&head);
        for finding in &self.findings {
            text.push_str(&line(finding));
        }
        for reason in &self.void {
            // Writing to a String does not fail.
            let _ = writeln!(text, "void: {reason}");
        }
        text
    }
}

fn line(finding: &Finding) -> String {
    let scenario = match finding.scenario {
        Scenario::Closed => "closed",
        Scenario::Open => "open",
        Scenario::Idle => "idle",
        Scenario::Backlog => "backlog",
    };
    let gate = match finding.gate {
        Gate::RatioAtLeast(bound) => format!(">= {bound} x"),
        Gate::RatioAtMost(bound) => format!("<= {bound} x"),
        Gate::AtMost(bound) => format!("<= {bound}"),
        Gate::None => String::new(),
    };
    let verdict = match finding.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "FAIL",
        Verdict::Unknown => "no steady round",
        Verdict::NotJudged => "",
    };
    let name = format!("{}, {}", finding.name, finding.unit);
    let (floor, subject) = (figure(finding.floor), figure(finding.subject));
    let ratio = finding.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
    let kept = format!("{}/{}", finding.kept, finding.rounds);
    format!("{scenario:<9}{name:<28}{floor:>10}{subject:>10}{ratio:>8}{kept:>7}  {gate:<10}{verdict}\n")
}

fn figure(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value >= 1000.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

fn void(round: &Round) -> Vec<String> {
    let samples = round.floor.iter().chain([&round.subject]);
    let told = |sample: &Sample| {
        sample
            .void
            .as_ref()
            .map(|why| format!("round {} {:?} {}: {why}", round.no, round.scenario, sample.system.name()))
    };
    samples.filter_map(told).collect()
}

/// One run in one line, while the benchmark goes on.
pub fn progress(sample: &Sample) -> String {
    let mut text =
        format!("{:<9} start {:.0} ms, peak {:.1} MB", sample.system.name(), sample.start_ms, sample.peak_rss_mb);
    if let Some(load) = &sample.load {
        let _ = write!(
            text,
            ", {:.0}/s, {:.0} us CPU, ack {:.2} / {:.2} ms, end to end {:.2} / {:.2} ms",
            load.per_s,
            load.cpu_us_per_order,
            load.ack_p50_ms,
            load.ack_p99_ms,
            load.end_to_end_p50_ms,
            load.end_to_end_p99_ms
        );
    }
    if let Some(idle) = &sample.idle {
        let _ = write!(text, ", idle {:.1} MB, {:.1} ms CPU/s", idle.rss_mb, idle.cpu_ms_per_s);
    }
    if let Some(backlog) = &sample.backlog {
        let _ = write!(
            text,
            ", {} waiting: +{:.1} MB, then {:.0}/s",
            backlog.waiting, backlog.rss_growth_mb, backlog.drain_per_s
        );
    }
    if let Some(void) = &sample.void {
        let _ = write!(text, ", VOID: {void}");
    }
    text
}
