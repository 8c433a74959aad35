//! The outcome of a rehearsal as plain values: what `--json` prints. Units stand in the names; rates are in thousandths of a
//! second, because a vendor may allow less than one call a second. Not here: how they are found (`run`, `limits`).

use serde::Serialize;

use super::book::Latencies;

#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The rate was carried: nothing refused, nothing late, nothing growing.
    pub carries: bool,
    /// What gave way, the first cause first; empty if the rate was carried.
    pub gave_way: Vec<String>,
    /// All that was accepted is accounted for, and all that was delivered arrived.
    pub ties: bool,
    /// What does not tie.
    pub faults: Vec<String>,
    pub config_version: String,
    pub rate_milli_per_s: u64,
    pub planned_ms: u64,
    /// From the first record to the last answer.
    pub sending_ms: u64,
    pub offered: u64,
    pub accepted: u64,
    pub refused_503: u64,
    pub refused_429: u64,
    /// Answered otherwise, or not at all.
    pub failed: u64,
    /// What the first failure said.
    pub first_failure: Option<String>,
    /// Deliveries that arrived at the stand-ins, repetitions included.
    pub delivered: u64,
    /// From the planned instant to the hub's answer; webhooks only.
    pub ack: Option<Latencies>,
    /// From the planned instant to the arrival at a stand-in for the destination.
    pub end_to_end: Option<Latencies>,
    /// User and system time of the hub's process from the first record until all was delivered.
    pub cpu_us_per_record: Option<u64>,
    pub peak_rss_bytes: Option<u64>,
    /// From its start until it took work.
    pub started_in_ms: u64,
    /// Payloads and deliveries that were not done when the load ended.
    pub backlog_at_end: u64,
    /// How long they took; none if they were not done in time.
    pub drained_in_ms: Option<u64>,
    /// What was left then.
    pub left_over: u64,
    pub ledger: Ledger,
    pub sources: Vec<SourceFigures>,
    pub flows: Vec<FlowFigures>,
    pub vendor_limits: Vec<VendorLimit>,
    pub not_driven: Vec<NotDriven>,
    /// What a reader of the figures has to know.
    pub notes: Vec<String>,
}

/// The hub's own account, counted anew from its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Ledger {
    pub received: i64,
    pub applied: i64,
    pub superseded: i64,
    pub ignored: i64,
    pub dead: i64,
    pub pending: i64,
    /// Deliveries sent without an answer.
    pub unknown: i64,
}

#[derive(Debug, Clone, Serialize)]
pub struct SourceFigures {
    /// `connection.stream`
    pub stream: String,
    pub entity: String,
    /// `webhook orders/create`, `poll` or `files`.
    pub way: String,
    pub offered: u64,
    pub accepted: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct FlowFigures {
    pub flow: String,
    pub from: String,
    pub to: String,
    pub mode: String,
    /// Deliveries that the hub counts as done.
    pub done: u64,
    /// Different records that arrived.
    pub arrived: u64,
    /// Open when everything had ended.
    pub open: u64,
    pub dead: u64,
    pub end_to_end: Option<Latencies>,
    pub objective_ms: u64,
    /// The objective was missed: the flow was stale at some time, or its slowest hundredth was later than that.
    pub missed: bool,
}

/// A limit that the configuration sets for calls to a vendor, against what this load needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VendorLimit {
    pub connection: String,
    /// For automatic work, in the long run.
    pub allowed_milli_calls_per_s: u64,
    /// Calls per delivery or record that is read again, in thousandths.
    pub milli_calls_per_record: u64,
    pub needed_milli_calls_per_s: u64,
    /// How many records a second the limit lets through in the long run.
    pub possible_milli_records_per_s: u64,
    pub possible_records_per_day: u64,
    pub exceeded: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotDriven {
    /// A stream, a flow or a connection.
    pub what: String,
    pub reason: String,
}
