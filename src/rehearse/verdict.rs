//! Whether a rehearsal's counts tie, whether its rate was carried, and what gave way if not. Not here: counting (`run`).

use crate::api::FlowMode;
use crate::api::resources::flows::FlowView;
use crate::connector::manifest::Write;

use super::cast::Way;
use super::figures::{Report, VendorLimit};
use super::run::per_s;
use super::stage::{Outcome, count};

/// A slower acknowledgement makes vendors time out and repeat.
const ACK_P99_US: u64 = 1_000_000;
/// As much may be under way at the end of a load that is carried.
const UNDER_WAY_PERCENT: u64 = 5;
const UNDER_WAY: u64 = 20;
/// Of the load's time, how much longer the rest may take than files and polls wait by themselves.
const AFTERWARDS_PERCENT: u128 = 10;

/// What does not tie, each a sentence.
pub(super) fn faults(outcome: &Outcome, report: &Report) -> Vec<String> {
    let mut faults: Vec<String> = outcome.verified.faults.clone();
    let ledger = report.ledger;
    let accounted = ledger.applied + ledger.superseded + ledger.ignored + ledger.dead + ledger.pending;
    if ledger.received != accounted {
        faults.push(format!("the ledger has {} received, but accounts for {accounted}", ledger.received));
    }
    let polled = outcome.load.senders.iter().any(|sender| matches!(sender.source.way, Way::Poll));
    // What the vendor has and the hub has not asked for yet is not the hub's.
    if count(ledger.received) < report.accepted + outcome.mirrored && (report.drained_in_ms.is_some() || !polled) {
        let expected = report.accepted + outcome.mirrored;
        faults.push(format!("{expected} records were accepted or read, the ledger has received {}", ledger.received));
    }
    if ledger.dead > 0 {
        faults.push(format!("{} payloads became dead letters", ledger.dead));
    }
    for flow in report.flows.iter().filter(|flow| flow.dead > 0) {
        faults.push(format!("flow {}: {} deliveries became dead letters", flow.flow, flow.dead));
    }
    let lanes = &outcome.load.book.lanes;
    let mut ends: Vec<(&str, &str)> =
        lanes.iter().map(|lane| (lane.connection.as_str(), lane.stream.as_str())).collect();
    ends.sort_unstable();
    ends.dedup();
    for (connection, stream) in ends {
        let to = format!("{connection}.{stream}");
        let done: u64 = report.flows.iter().filter(|flow| flow.to == to).map(|flow| flow.done).sum();
        let arrived = outcome.load.book.arrived_at(connection, stream);
        if done > arrived {
            faults.push(format!("{to}: the hub has made {done} deliveries, {arrived} arrived"));
        }
    }
    faults
}

/// Why the rate was not carried, the cause before its consequences.
pub(super) fn gave_way(outcome: &Outcome, report: &Report) -> Vec<String> {
    let mut causes: Vec<String> = report.vendor_limits.iter().filter(|limit| limit.exceeded).map(sentence).collect();
    let refused = report.refused_503 + report.refused_429;
    if refused > 0 {
        causes.push(format!(
            "{refused} of {} webhooks were refused ({} with 503, {} with 429)",
            report.offered, report.refused_503, report.refused_429
        ));
    }
    if report.failed > 0 {
        let first = report.first_failure.as_deref().unwrap_or("no reason is known");
        causes.push(format!("{} records were not accepted; the first: {first}", report.failed));
    }
    if let Some(ack) = report.ack.filter(|ack| ack.p99_us > ACK_P99_US) {
        causes.push(format!(
            "one acknowledgement in a hundred took longer than {} ms; vendors give up and repeat",
            ack.p99_us / 1_000
        ));
    }
    let behind = behind(outcome);
    if behind > UNDER_WAY && behind * 100 > report.accepted * UNDER_WAY_PERCENT {
        causes.push(format!(
            "the backlog grows: {behind} payloads and deliveries were open two seconds after the load had ended"
        ));
    }
    for flow in report.flows.iter().filter(|flow| flow.missed) {
        causes.push(format!("flow {} missed its freshness objective of {} ms", flow.flow, flow.objective_ms));
    }
    if let Some(drained_in) = outcome.drained_in.filter(|it| it.as_millis() > allowed_afterwards(outcome)) {
        causes.push(format!(
            "the backlog grows: the rest was done only {} s after the load had ended; files and polls by themselves wait {} s",
            drained_in.as_secs(),
            outcome.waits.as_secs()
        ));
    }
    if report.drained_in_ms.is_none() {
        causes.push(format!("{} payloads and deliveries were still open when patience ended", report.left_over));
    }
    causes
}

/// Rows of files are behind only if they come later than their batches explain; in milliseconds.
fn allowed_afterwards(outcome: &Outcome) -> u128 {
    outcome.waits.as_millis() + outcome.sending.as_millis() * AFTERWARDS_PERCENT / 100
}

/// Open two seconds after the load, without what files and polls hold back by design.
fn behind(outcome: &Outcome) -> u64 {
    let immediate = |view: &&FlowView| {
        let pushed = outcome.load.senders.iter().any(|sender| {
            sender.source.connection == view.from.connection
                && sender.source.stream == view.from.stream
                && matches!(sender.source.way, Way::Webhook(_))
        });
        let to = outcome.copy.connection(&view.to.connection);
        let write = to.and_then(|to| to.manifest.stream(&view.to.stream)).and_then(|stream| stream.write.as_ref());
        pushed
            && matches!(write, Some(Write::Http(_)))
            && view.mode != FlowMode::Paused
            && !outcome.held.contains(&view.name)
    };
    let open: u64 = outcome.behind.flows.iter().filter(immediate).map(|view| count(view.queue.open)).sum();
    open + outcome.behind.unprocessed()
}

fn sentence(limit: &VendorLimit) -> String {
    format!(
        "{} allows {} calls a second in the long run; at {} calls per record that is {} records a second, {} a day, and this load needs {} calls a second",
        limit.connection,
        per_s(limit.allowed_milli_calls_per_s),
        per_s(limit.milli_calls_per_record),
        per_s(limit.possible_milli_records_per_s),
        limit.possible_records_per_day,
        per_s(limit.needed_milli_calls_per_s),
    )
}
