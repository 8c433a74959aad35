//! `/metrics`: what the process has counted, and gauges read from the store at this moment; not here: counting.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, HeaderValue};
use metrics::{describe_gauge, gauge};

use super::error::ApiError;
use super::resources::Reading;
use super::state::{AppState, Readiness};
use crate::store::{ConnectionHealth, Disposition, JobState};
use crate::telemetry::freshness::{Word, webhook_loss_per_mille};
use crate::telemetry::metrics::Metrics;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

pub(super) async fn get(State(state): State<AppState>) -> Result<Response, ApiError> {
    let reading = Reading::take(&state).await?;
    let ready = state.hub().readiness() == Readiness::Ready;
    let gauges = Metrics::render_once(|| {
        describe();
        gauge!("syncline_up").set(if ready { 1.0 } else { 0.0 });
        gauge!("syncline_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        flows(&reading);
        connections(&reading);
        gauge!("syncline_open_issues").set(reading.issues.len() as f64);
        let unprocessed = reading.oldest_unprocessed.as_ref().map_or(0, |(_, at)| (reading.now - at).max(0));
        gauge!("syncline_inbox_oldest_unprocessed_seconds").set(seconds(unprocessed));
    });
    Ok(([(CONTENT_TYPE, TEXT)], format!("{}{gauges}", state.metrics().render())).into_response())
}

fn describe() {
    describe_gauge!("syncline_up", "1 when the parts that move records are at work");
    describe_gauge!("syncline_queue_jobs", "jobs by flow and state");
    describe_gauge!("syncline_queue_unknown_jobs", "open jobs whose last attempt got no answer");
    describe_gauge!("syncline_flow_lag_seconds", "how far the flow is behind its source");
    describe_gauge!("syncline_flow_objective_seconds", "how far it may be");
    describe_gauge!("syncline_flow_state", "1 for the word that holds: fresh, idle, paused, slipping, stale");
    describe_gauge!("syncline_flow_delivered_24h", "deliveries confirmed in the last 24 hours");
    describe_gauge!("syncline_flow_latency_seconds", "receipt to confirmation over the last 24 hours, by quantile");
    describe_gauge!(
        "syncline_webhook_loss_ratio",
        "share of changes that webhooks should have brought and did not, 7 days"
    );
    describe_gauge!("syncline_ledger_today", "payloads received today (UTC) by disposition");
    describe_gauge!("syncline_inbox_oldest_unprocessed_seconds", "age of the oldest payload not looked at");
    describe_gauge!("syncline_connection_state", "1 for the word that holds: ok, paused, open (breaker), auth");
    describe_gauge!("syncline_open_issues", "issues that need a person");
}

fn flows(reading: &Reading) {
    for flow in &reading.flows {
        let name = flow.name.clone();
        for state in JobState::ALL.iter().filter(|state| state.is_open() || **state == JobState::Dead) {
            let n = reading.queued(&flow.name, |stat| stat.state == *state);
            gauge!("syncline_queue_jobs", "flow" => name.clone(), "state" => state.as_str()).set(n as f64);
        }
        let unknown = reading.queued(&flow.name, |stat| stat.state.is_open() && stat.unknown);
        gauge!("syncline_queue_unknown_jobs", "flow" => name.clone()).set(unknown as f64);
        let fresh = reading.freshness(flow);
        gauge!("syncline_flow_lag_seconds", "flow" => name.clone()).set(seconds(fresh.lag_us));
        gauge!("syncline_flow_objective_seconds", "flow" => name.clone()).set(seconds(flow.freshness_objective_us));
        for word in [Word::Fresh, Word::Idle, Word::Paused, Word::Slipping, Word::Stale] {
            let holds = if word == fresh.word { 1.0 } else { 0.0 };
            gauge!("syncline_flow_state", "flow" => name.clone(), "state" => word.as_str()).set(holds);
        }
        if let Some(stat) = reading.flow_stats.iter().find(|stat| stat.flow == flow.name) {
            gauge!("syncline_flow_delivered_24h", "flow" => name.clone()).set(stat.done as f64);
            for (quantile, latency) in [("0.5", stat.latency_p50_us), ("0.9", stat.latency_p90_us)] {
                if let Some(us) = latency {
                    gauge!("syncline_flow_latency_seconds", "flow" => name.clone(), "quantile" => quantile)
                        .set(seconds(us));
                }
            }
        }
    }
}

fn connections(reading: &Reading) {
    for connection in &reading.connections {
        let id = connection.id.clone();
        let health =
            reading.health.iter().find(|row| row.connection == id).map_or(ConnectionHealth::Ok, |row| row.state);
        for state in ConnectionHealth::ALL {
            let holds = if *state == health { 1.0 } else { 0.0 };
            gauge!("syncline_connection_state", "connection" => id.clone(), "state" => state.as_str()).set(holds);
        }
        for disposition in Disposition::ALL.iter().filter(|disposition| **disposition != Disposition::Split) {
            let rows = reading.tally.iter().filter(|row| row.connection == id && row.disposition == *disposition);
            let n: i64 = rows.map(|row| row.n).sum();
            gauge!("syncline_ledger_today", "connection" => id.clone(), "disposition" => disposition.as_str())
                .set(n as f64);
        }
    }
    for row in &reading.sightings {
        if let Some(per_mille) = webhook_loss_per_mille(row.by_webhook, row.by_poll, row.late) {
            gauge!("syncline_webhook_loss_ratio", "connection" => row.connection.clone(), "stream" => row.stream.clone())
                .set(std::time::Duration::from_millis(per_mille.unsigned_abs()).as_secs_f64());
        }
    }
}

fn seconds(us: i64) -> f64 {
    std::time::Duration::from_micros(us.max(0).unsigned_abs()).as_secs_f64()
}
