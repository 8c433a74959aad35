//! What the hub can say of itself: connections, counts, throughput, verification; not here: rendering.

use serde::Serialize;

use super::inbox::Disposition;
use super::job::JobState;
use super::words::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionHealth {
    Ok,
    /// By a person.
    Paused,
    /// The breaker is open: nothing is sent before `until`, then one job tries.
    Open,
    /// Credentials were refused; a person must act.
    Auth,
}
words!(ConnectionHealth { Ok => "ok", Paused => "paused", Open => "open", Auth => "auth" });

#[derive(Clone, Debug, Serialize)]
pub struct ConnectionStateRow {
    pub connection: String,
    pub state: ConnectionHealth,
    pub reason: String,
    pub until: Option<i64>,
    pub failures: i64,
    pub changed_at: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TallyRow {
    pub connection: String,
    pub day: i64,
    pub disposition: Disposition,
    pub reason: String,
    pub n: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct SightingRow {
    pub connection: String,
    pub stream: String,
    pub by_webhook: i64,
    pub by_poll: i64,
    pub late: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct QueueStat {
    pub flow: String,
    pub lane: String,
    pub state: JobState,
    pub unknown: bool,
    pub n: i64,
    pub oldest_at: Option<i64>,
}

/// What a flow did since a moment.
#[derive(Clone, Debug, Serialize)]
pub struct FlowStat {
    pub flow: String,
    pub done: i64,
    pub last_done_at: Option<i64>,
    /// From receipt to the destination's confirmation, of the slowest tenth and the middle; microseconds.
    pub latency_p50_us: Option<i64>,
    pub latency_p90_us: Option<i64>,
}

/// Deliveries finished within one slice of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThroughputRow {
    /// Where the slice begins.
    pub at: i64,
    pub done: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    pub received: i64,
    pub applied: i64,
    pub superseded: i64,
    pub ignored: i64,
    pub dead: i64,
    pub pending: i64,
    pub unknown: i64,
    pub audit_rows: i64,
    /// Events about reconciliations.
    pub recon_rows: i64,
    /// Each a sentence naming what does not hold and where; empty means that all is well.
    pub faults: Vec<String>,
}
