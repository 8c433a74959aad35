//! From one stage to its report: do the counts tie, was the rate carried, and what gave way. Not here: the stage itself.

use std::time::Duration;

use crate::api::FlowMode;
use crate::config::{Config, Flow, Mode};
use crate::connector::manifest::Fetch;

use super::book::Answers;
use super::cast::{Source, Way};
use super::figures::{FlowFigures, Ledger, NotDriven, Report, SourceFigures, VendorLimit};
use super::limits::{Calls, judge};
use super::prepare::{Rehearsal, RehearseError};
use super::stage::{Outcome, Pace, count, stage};
use super::verdict::{faults, gave_way};

/// How far a rehearsal is, for whoever watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub step: Step,
    pub done: u64,
    pub total: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Records that destinations have already are read.
    Mirror,
    /// Milliseconds of load.
    Load {
        milli_per_s: u64,
    },
    /// Open payloads and deliveries that have been done since.
    Drain,
    Verify,
}

/// Holds one rehearsal.
pub async fn run(
    rehearsal: &Rehearsal,
    pace: Pace,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Report, RehearseError> {
    let outcome = stage(rehearsal, pace, progress).await?;
    Ok(report(&outcome, pace))
}

fn report(outcome: &Outcome, pace: Pace) -> Report {
    let book = &outcome.load.book;
    let by_source: Vec<Answers> = (0..outcome.load.senders.len()).map(|at| book.answers(at)).collect();
    let sum = |of: fn(&Answers) -> u64| by_source.iter().map(of).sum::<u64>();
    let pushes =
        |at: usize| outcome.load.senders.get(at).is_some_and(|sender| matches!(sender.source.way, Way::Webhook(_)));
    let counts = &outcome.verified.counts;
    let cpu = outcome.before.zip(outcome.after).map(|(before, after)| after.cpu_us.saturating_sub(before.cpu_us));
    let accepted = sum(|answers| answers.accepted);
    let mut report = Report {
        carries: true,
        gave_way: Vec::new(),
        ties: true,
        faults: Vec::new(),
        config_version: outcome.copy.version.short().to_owned(),
        rate_milli_per_s: pace.milli_per_s,
        planned_ms: millis(pace.run_for),
        sending_ms: millis(outcome.sending),
        offered: sum(|answers| answers.offered),
        accepted,
        refused_503: sum(|answers| answers.unavailable),
        refused_429: sum(|answers| answers.too_many),
        failed: sum(|answers| answers.failed),
        first_failure: book.first_problem(),
        delivered: book.arrivals(),
        ack: book.ack_latencies(&pushes),
        end_to_end: book.arrival_latencies(None),
        cpu_us_per_record: cpu.and_then(|cpu| cpu.checked_div(accepted)),
        peak_rss_bytes: outcome.after.map(|usage| usage.peak_rss_bytes),
        started_in_ms: millis(outcome.started_in),
        backlog_at_end: outcome.behind.open(&outcome.held)
            + (accepted + outcome.mirrored).saturating_sub(count(outcome.behind.ledger.total.received)),
        drained_in_ms: outcome.drained_in.map(millis),
        left_over: outcome.last.open(&outcome.held),
        ledger: Ledger {
            received: counts.received,
            applied: counts.applied,
            superseded: counts.superseded,
            ignored: counts.ignored,
            dead: counts.dead,
            pending: counts.pending,
            unknown: outcome.verified.unknown,
        },
        sources: sources(outcome, &by_source),
        flows: flows(outcome),
        vendor_limits: vendor_limits(outcome, &by_source),
        not_driven: outcome
            .not_driven
            .iter()
            .map(|(what, reason)| NotDriven { what: what.clone(), reason: reason.clone() })
            .collect(),
        notes: Vec::new(),
    };
    report.notes = notes(outcome, &report);
    report.faults = faults(outcome, &report);
    report.ties = report.faults.is_empty();
    report.gave_way = gave_way(outcome, &report);
    report.carries = report.gave_way.is_empty();
    report
}

fn sources(outcome: &Outcome, answers: &[Answers]) -> Vec<SourceFigures> {
    let figures = |(sender, answers): (&super::load::Sender, &Answers)| SourceFigures {
        stream: name(&sender.source),
        entity: sender.source.entity.to_string(),
        way: sender.source.way.word(),
        offered: answers.offered,
        accepted: answers.accepted,
    };
    outcome.load.senders.iter().zip(answers).map(figures).collect()
}

fn name(source: &Source) -> String {
    format!("{}.{}", source.connection, source.stream)
}

fn flows(outcome: &Outcome) -> Vec<FlowFigures> {
    let driven = |flow: &&Flow| outcome.load.senders.iter().any(|sender| name(&sender.source) == flow.from.to_string());
    let figures = |flow: &Flow| {
        let view = outcome.last.flows.iter().find(|view| view.name == *flow.name)?;
        let lane = outcome.load.book.lanes.iter().position(|lane| lane.flow == *flow.name);
        let end_to_end = lane.and_then(|lane| outcome.load.book.arrival_latencies(Some(lane)));
        let objective_ms = count(view.freshness.objective_ms);
        let late = end_to_end.is_some_and(|latencies| latencies.p99_us / 1_000 > objective_ms);
        Some(FlowFigures {
            flow: flow.name.value.clone(),
            from: flow.from.to_string(),
            to: flow.to.to_string(),
            mode: flow.mode.as_str().to_owned(),
            done: count(view.done_24h),
            arrived: lane.map_or(0, |lane| outcome.load.book.seen(lane).0),
            open: count(view.queue.open),
            dead: count(view.queue.dead),
            end_to_end,
            objective_ms,
            missed: flow.mode != Mode::Paused
                && !outcome.held.contains(&flow.name)
                && (late || outcome.stale.contains(&flow.name)),
        })
    };
    outcome.copy.flows.iter().filter(driven).filter_map(figures).collect()
}

/// Limits of every connection that this load makes calls to.
fn vendor_limits(outcome: &Outcome, answers: &[Answers]) -> Vec<VendorLimit> {
    let limited = outcome.copy.connections.iter().filter_map(|connection| {
        let limit = &connection.manifest.http.as_ref()?.rate_limit;
        let id = connection.name.as_str();
        let to_it =
            || outcome.last.flows.iter().filter(move |flow| flow.to.connection == id && flow.mode != FlowMode::Paused);
        let done: u64 = to_it().map(|flow| count(flow.done_24h)).sum();
        let open: u64 = to_it().map(|flow| count(flow.queue.open)).sum();
        let senders = outcome.load.senders.iter().zip(answers);
        let read_again: u64 = senders
            .filter(|(sender, _)| sender.source.connection == id && reads_again(&outcome.copy, &sender.source))
            .map(|(_, answers)| answers.accepted)
            .sum();
        let pending = if read_again == 0 { 0 } else { outcome.last.unprocessed().min(read_again) };
        let calls = Calls {
            made: outcome.stand_in.calls(id),
            records: done + read_again - pending,
            caused: done + open + read_again,
            load_ms: millis(outcome.sending),
        };
        judge(id, limit, calls)
    });
    limited.collect()
}

/// Each push is followed by a call to its vendor.
fn reads_again(copy: &Config, source: &Source) -> bool {
    let Way::Webhook(envelope) = &source.way else { return false };
    let stream = copy.connection(&source.connection).and_then(|connection| connection.manifest.stream(&source.stream));
    let Some(webhook) = stream.and_then(|stream| stream.webhook.as_ref()) else { return false };
    match webhook.topic(&envelope.topic).and_then(|topic| topic.fetch).unwrap_or(webhook.fetch) {
        Fetch::Always => true,
        Fetch::OnTie | Fetch::Never => false,
    }
}

/// Thousandths as people write them: `1800` is `1.8`.
pub fn per_s(milli: u64) -> String {
    let (whole, rest) = (milli / 1_000, milli % 1_000);
    let rest = format!("{rest:03}");
    match rest.trim_end_matches('0') {
        "" => whole.to_string(),
        rest => format!("{whole}.{rest}"),
    }
}

fn notes(outcome: &Outcome, report: &Report) -> Vec<String> {
    let mut notes = vec![
        "every record is a new one with a key of its own; the load and the stand-ins ran on this machine too"
            .to_owned(),
    ];
    if outcome.mirrored > 0 {
        notes.push(format!(
            "{} records were read from destinations before the load, because the load refers to them",
            outcome.mirrored
        ));
    }
    if !outcome.same_disk {
        notes.push("the rehearsal's store lay on another disk than the configured one (or in memory), so writing may cost more in earnest; choose a folder on its disk with --scratch".to_owned());
    }
    let (unknown, first) = outcome.stand_in.unknown();
    if let (1.., Some(first)) = (unknown, first) {
        notes.push(format!(
            "{unknown} calls are described by no manifest and were answered with 404; the first: {first}"
        ));
    }
    let nameless = outcome.load.book.nameless();
    if nameless > 0 {
        notes.push(format!("{nameless} deliveries name no record of the rehearsal, so they are counted but not timed"));
    }
    if report.cpu_us_per_record.is_none() {
        notes.push("this system does not tell a process's CPU time and memory under /proc".to_owned());
    }
    notes.extend(outcome.complaints.iter().cloned());
    notes
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousandths_read_well() {
        assert_eq!([1_800, 2_000, 50, 33_333].map(per_s), ["1.8", "2", "0.05", "33.333"]);
    }
}
