//! Is everything all right? The numbers of the whole hub at one glance; not here: any one of them in detail.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::Reading;
use super::connections::{self, ConnectionView, Health};
use super::flows::{self, FlowView};
use super::ledger::Counts;
use crate::api::error::ApiError;
use crate::api::state::{AppState, Owner};
use crate::api::time::Time;
use crate::api::work::WorkKind;
use crate::broker::Standing;
use crate::telemetry::freshness::Word;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Overview {
    pub at: Time,
    pub version: String,
    pub config_version: String,
    pub owner: Owner,
    pub started_at: Time,
    /// Where it listens; none for a command.
    pub listen: Option<String>,
    pub warnings: Vec<String>,
    /// True when no flow is stale, no connection is in trouble and no issue is open.
    pub well: bool,
    pub today: Counts,
    /// Owed to destinations.
    pub backlog: i64,
    /// Of the backlog: sent without an answer, to be looked up.
    pub unknown: i64,
    pub open_issues: i64,
    /// Name of the flow that is furthest behind its objective, if any is behind at all.
    pub stalest: Option<String>,
    pub flows: Vec<FlowView>,
    pub connections: Vec<ConnectionView>,
    pub brokers: Vec<BrokerView>,
    pub last_verify: Option<LastVerify>,
}

/// A broker that the event log is published to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BrokerView {
    pub name: String,
    /// The last event that it has confirmed, with all before it.
    pub position: i64,
    /// Numbers of the log between that and its newest event.
    pub behind: i64,
    /// Confirmed since the hub started.
    pub published: u64,
    /// Since when it fails, and why.
    pub failing_since: Option<Time>,
    pub error: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LastVerify {
    pub at: Time,
    pub faults: usize,
}

pub(in crate::api) async fn get(State(state): State<AppState>) -> Result<Json<Overview>, ApiError> {
    load(&state).await.map(Json)
}

pub async fn load(state: &AppState) -> Result<Overview, ApiError> {
    let reading = Reading::take(state).await?;
    let about = state.hub().about();
    let flows: Vec<FlowView> = reading.flows.iter().map(|flow| flows::view(&reading, flow)).collect();
    let connections: Vec<ConnectionView> =
        reading.connections.iter().map(|info| connections::view(&reading, info)).collect();
    let brokers = brokers(state).await?;
    let open = |stat: &&crate::store::QueueStat| stat.state.is_open();
    let last_verify = state
        .work()
        .latest(WorkKind::Verify)
        .and_then(|work| Some(LastVerify { at: work.finished_at?, faults: work.report?.faults.len() }));
    Ok(Overview {
        at: Time(reading.now),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        config_version: about.config_version,
        owner: about.owner,
        started_at: Time(about.started_at),
        listen: about.listen.map(|address| address.to_string()),
        warnings: about.warnings,
        well: reading.issues.is_empty()
            && flows.iter().all(|flow| flow.freshness.word != Word::Stale)
            && connections.iter().all(|connection| connection.health == Health::Ok)
            && brokers.iter().all(|broker| broker.failing_since.is_none())
            && last_verify.as_ref().is_none_or(|verify| verify.faults == 0),
        today: Counts::of(&reading.tally),
        backlog: reading.queue.iter().filter(open).map(|stat| stat.n).sum(),
        unknown: reading.queue.iter().filter(open).filter(|stat| stat.unknown).map(|stat| stat.n).sum(),
        open_issues: reading.issues.len() as i64,
        stalest: stalest(&flows).map(|flow| flow.name.clone()),
        flows,
        connections,
        brokers,
        last_verify,
    })
}

async fn brokers(state: &AppState) -> Result<Vec<BrokerView>, ApiError> {
    let standings = state.hub().brokers();
    if standings.is_empty() {
        return Ok(Vec::new());
    }
    let newest = state.store().recent_events(0, 1).await?.last().map_or(0, |event| event.id);
    let view = |(name, standing): (String, Standing)| BrokerView {
        name,
        position: standing.position,
        behind: (newest - standing.position).max(0),
        published: standing.published,
        failing_since: standing.failing_since.map(Time),
        error: standing.error,
    };
    Ok(standings.into_iter().map(view).collect())
}

/// By the share of its objective that a flow has used up. Paused ones are late on purpose.
pub fn stalest(flows: &[FlowView]) -> Option<&FlowView> {
    let behind = flows.iter().filter(|flow| flow.freshness.lag_ms > 0 && flow.freshness.word != Word::Paused);
    behind.max_by_key(|flow| flow.freshness.lag_ms.saturating_mul(1000) / flow.freshness.objective_ms.max(1))
}
