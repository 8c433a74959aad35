//! Flows: all of them in a table, one of them with everything that is known; pause, resume, replay.

use askama::Template;
use axum::extract::State;
use http::HeaderMap;
use serde::Deserialize;

use crate::api::resources::actor::actor;
use crate::api::resources::flows::{FlowView, ReplayBody, load, load_one, replay_flow, set_paused, throughput};
use crate::api::{ApiError, ApiForm, ApiPath, ApiQuery, AppState, Deliver, FlowMode, Time};
use crate::store::EventRow;
use crate::telemetry::moment;
use crate::web::href;
use crate::web::layout::{Did, Layout, Page, Section, csv, did, html, wants_csv};
use crate::web::mark::{self, Mark};
use crate::web::spark::{Spark, spark};
use crate::web::table::{Cell, Column, Rows, Table, TableQuery, number, text};

/// Events looked through for those of the flow's source.
const LOOKED_THROUGH: u32 = 500;
const RECENT: usize = 15;

const COLUMNS: &[Column] = &[
    text("flow", "Flow"),
    text("freshness", "Freshness"),
    number("lag", "Behind"),
    number("objective", "Objective"),
    text("mode", "Mode"),
    number("backlog", "Backlog"),
    number("unknown", "Unknown"),
    number("dead", "Dead"),
    number("done", "Done 24 h"),
    number("p50", "Half within"),
    number("p90", "9 of 10 within"),
    number("loss", "Webhook loss"),
    number("last", "Last done"),
];

#[derive(Template)]
#[template(path = "flows.html")]
struct FlowsPage {
    layout: Layout,
    table: Table,
}

pub(in crate::web) async fn list(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiQuery(query): ApiQuery<TableQuery>,
) -> Page {
    let flows = load(&state).await?;
    let us = |ms: Option<i64>| Cell::Duration(ms.map(|ms| ms.saturating_mul(1000)));
    let row = |flow: &FlowView| {
        vec![
            Cell::link(&flow.name, href::flow(&flow.name)),
            Cell::Mark(mark::freshness(flow.freshness.word)),
            us(Some(flow.freshness.lag_ms).filter(|ms| *ms > 0)),
            us(Some(flow.freshness.objective_ms)),
            Cell::Mark(mark::mode(flow.mode)),
            Cell::Number(flow.queue.open),
            Cell::Number(flow.queue.unknown),
            Cell::Number(flow.queue.dead),
            Cell::Number(flow.done_24h),
            us(flow.latency_p50_ms),
            us(flow.latency_p90_ms),
            Cell::PerMille(flow.webhook_loss.as_ref().map(|loss| loss.per_mille)),
            Cell::Time(flow.last_done_at.map(|at| at.0)),
        ]
    };
    let rows = Rows {
        caption: "Flows",
        columns: COLUMNS,
        rows: flows.iter().map(row).collect(),
        empty: "No flow is configured yet. Add one under `flows:` in syncline.yaml, then run `syncline check`.",
        path: "/flows".to_owned(),
        kept: Vec::new(),
        now: state.now_us(),
    };
    if wants_csv(&query) {
        return csv("flows", rows, &query);
    }
    html(&FlowsPage { layout: Layout::new(&state, &headers, Section::Flows, "Flows").await, table: rows.table(&query) })
}

#[derive(Template)]
#[template(path = "flow.html")]
struct FlowPage {
    layout: Layout,
    flow: FlowView,
    freshness: Mark,
    mode: Mark,
    cause: &'static str,
    lag: String,
    objective: String,
    p50: String,
    p90: String,
    loss: String,
    spark: Spark,
    recent: Vec<Recent>,
    href: String,
    paused: bool,
    latest: bool,
}

struct Recent {
    key: String,
    kind: String,
    revision: i64,
    at: Time,
    href: String,
}

pub(in crate::web) async fn page(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(name): ApiPath<String>,
    ApiQuery(done): ApiQuery<Did>,
) -> Page {
    let flow = load_one(&state, &name).await?;
    let events = state.store().recent_events(0, LOOKED_THROUGH).await?;
    let shown = |ms: Option<i64>| Cell::Duration(ms.map(|ms| ms.saturating_mul(1000))).shown();
    html(&FlowPage {
        layout: Layout::new(&state, &headers, Section::Flows, flow.name.clone()).await.notice(&done),
        freshness: mark::freshness(flow.freshness.word),
        mode: mark::mode(flow.mode),
        cause: cause(&flow),
        lag: shown(Some(flow.freshness.lag_ms)),
        objective: shown(Some(flow.freshness.objective_ms)),
        p50: shown(flow.latency_p50_ms),
        p90: shown(flow.latency_p90_ms),
        loss: Cell::PerMille(flow.webhook_loss.as_ref().map(|loss| loss.per_mille)).shown(),
        spark: spark(&throughput(&state, &name).await?),
        recent: recent(&flow, &events),
        href: href::flow(&flow.name),
        paused: flow.mode == FlowMode::Paused,
        latest: flow.deliver == Deliver::Latest,
        flow,
    })
}

fn cause(flow: &FlowView) -> &'static str {
    use crate::telemetry::freshness::Cause;
    match flow.freshness.cause {
        Cause::Nothing => "nothing is owed to the destination",
        Cause::Delivery => "the oldest change waits for its delivery",
        Cause::Reading => "the source has not been read when it should have been",
    }
}

fn recent(flow: &FlowView, events: &[EventRow]) -> Vec<Recent> {
    let own = events
        .iter()
        .rev()
        .filter(|event| event.record.connection == flow.from.connection && event.record.stream == flow.from.stream);
    own.take(RECENT)
        .map(|event| Recent {
            key: event.record.key.clone(),
            kind: event.kind.clone(),
            revision: event.revision,
            at: Time(event.recorded_at),
            href: href::record(&event.record.connection, &event.record.stream, &event.record.key),
        })
        .collect()
}

#[derive(Deserialize)]
pub(in crate::web) struct ActForm {
    actor: Option<String>,
    key: Option<String>,
    force: Option<String>,
}

pub(in crate::web) async fn act(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath((name, act)): ApiPath<(String, String)>,
    ApiForm(form): ApiForm<ActForm>,
) -> Page {
    let actor = actor(&headers, form.actor.as_deref())?;
    let back = href::flow(&name);
    match act.as_str() {
        "pause" | "resume" => {
            set_paused(&state, &name, act == "pause", &actor).await?;
            Ok(did(&back, &act, 1, &actor))
        }
        "replay" => {
            let key = form.key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
            let body = ReplayBody { actor: None, key, since: None, force: form.force.is_some() };
            let done = replay_flow(&state, &name, &body, &actor).await?;
            Ok(did(&back, "replay", done.count, &actor))
        }
        other => {
            Err(ApiError::not_found(format!("a flow cannot be told to {other:?}"), "go back to the flow's page").into())
        }
    }
}

/// For the template.
impl FlowPage {
    fn grouped(&self, n: &i64) -> String {
        moment::grouped(*n)
    }
}
