//! Flows: how fresh, how far behind, how fast; and what people do to them: pause, resume, replay; not here: their
//! configuration.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::{Duration, Instant};

use super::Reading;
use super::actor::actor;
use crate::api::error::ApiError;
use crate::api::extract::{ApiJson, ApiPath};
use crate::api::state::{AppState, Deliver, FlowInfo, FlowMode, StreamRef};
use crate::api::time::Time;
use crate::model::Entity;
use crate::store::{JobState, Replay};
use crate::telemetry::freshness::{Cause, Word, webhook_loss_per_mille};
use crate::telemetry::moment;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreshnessView {
    pub word: Word,
    pub cause: Cause,
    pub lag_ms: i64,
    pub objective_ms: i64,
}

/// Jobs by state; `unknown` are among the open ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    pub open: i64,
    pub ready: i64,
    pub running: i64,
    pub blocked: i64,
    pub waiting: i64,
    pub unknown: i64,
    pub dead: i64,
    pub oldest_at: Option<Time>,
}

/// What polling found that webhooks should have brought, over the last seven days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookLoss {
    pub by_webhook: i64,
    pub by_poll: i64,
    pub late: i64,
    pub per_mille: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub value: String,
    pub moved_at: Time,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FlowView {
    pub name: String,
    pub from: StreamRef,
    pub to: StreamRef,
    pub entity: String,
    pub deliver: Deliver,
    pub mode: FlowMode,
    pub needs: Vec<String>,
    pub freshness: FreshnessView,
    pub queue: Queue,
    /// Of the last 24 hours.
    pub done_24h: i64,
    pub last_done_at: Option<Time>,
    pub latency_p50_ms: Option<i64>,
    pub latency_p90_ms: Option<i64>,
    pub webhook_loss: Option<WebhookLoss>,
    pub checkpoint: Option<Checkpoint>,
    pub open_issues: i64,
}

pub(in crate::api) fn view(reading: &Reading, flow: &FlowInfo) -> FlowView {
    let fresh = reading.freshness(flow);
    let stat = reading.flow_stats.iter().find(|stat| stat.flow == flow.name);
    let seen =
        reading.sightings.iter().find(|row| row.connection == flow.from.connection && row.stream == flow.from.stream);
    let cursor =
        reading.cursors.iter().find(|row| row.connection == flow.from.connection && row.stream == flow.from.stream);
    FlowView {
        name: flow.name.clone(),
        from: flow.from.clone(),
        to: flow.to.clone(),
        entity: flow.entity.map_or("record", Entity::as_str).to_owned(),
        deliver: flow.deliver,
        mode: flow.mode,
        needs: flow.needs.clone(),
        freshness: FreshnessView {
            word: fresh.word,
            cause: fresh.cause,
            lag_ms: fresh.lag_us / 1000,
            objective_ms: flow.freshness_objective_us / 1000,
        },
        queue: queue(reading, &flow.name),
        done_24h: stat.map_or(0, |stat| stat.done),
        last_done_at: stat.and_then(|stat| stat.last_done_at).map(Time),
        latency_p50_ms: stat.and_then(|stat| stat.latency_p50_us).map(|us| us / 1000),
        latency_p90_ms: stat.and_then(|stat| stat.latency_p90_us).map(|us| us / 1000),
        webhook_loss: seen.and_then(|row| {
            let per_mille = webhook_loss_per_mille(row.by_webhook, row.by_poll, row.late)?;
            Some(WebhookLoss { by_webhook: row.by_webhook, by_poll: row.by_poll, late: row.late, per_mille })
        }),
        checkpoint: cursor.map(|row| Checkpoint { value: row.value.clone(), moved_at: Time(row.moved_at) }),
        open_issues: reading.issues.iter().filter(|issue| issue.scope == flow.name).count() as i64,
    }
}

fn queue(reading: &Reading, flow: &str) -> Queue {
    let in_state = |state: JobState| reading.queued(flow, |stat| stat.state == state);
    let open = |stat: &crate::store::QueueStat| stat.state.is_open();
    let oldest = reading.queue.iter().filter(|stat| stat.flow == flow && open(stat)).filter_map(|stat| stat.oldest_at);
    Queue {
        open: reading.queued(flow, open),
        ready: in_state(JobState::Ready),
        running: in_state(JobState::Running),
        blocked: in_state(JobState::Blocked),
        waiting: in_state(JobState::Waiting),
        unknown: reading.queued(flow, |stat| open(stat) && stat.unknown),
        dead: in_state(JobState::Dead),
        oldest_at: oldest.min().map(Time),
    }
}

pub async fn load(state: &AppState) -> Result<Vec<FlowView>, ApiError> {
    let reading = Reading::take(state).await?;
    Ok(reading.flows.iter().map(|flow| view(&reading, flow)).collect())
}

pub async fn load_one(state: &AppState, name: &str) -> Result<FlowView, ApiError> {
    let flow = find(state, name)?;
    Ok(view(&Reading::take(state).await?, &flow))
}

pub(in crate::api) async fn list(State(state): State<AppState>) -> Result<Json<Vec<FlowView>>, ApiError> {
    load(&state).await.map(Json)
}

pub(in crate::api) async fn show(
    State(state): State<AppState>,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<FlowView>, ApiError> {
    load_one(&state, &name).await.map(Json)
}

fn find(state: &AppState, name: &str) -> Result<FlowInfo, ApiError> {
    state.hub().flows().into_iter().find(|flow| flow.name == name).ok_or_else(|| ApiError::no_such_flow(name))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct ActBody {
    actor: Option<String>,
}

pub(in crate::api) async fn pause(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(name): ApiPath<String>,
    ApiJson(body): ApiJson<ActBody>,
) -> Result<Json<FlowView>, ApiError> {
    set_paused(&state, &name, true, &actor(&headers, body.actor.as_deref())?).await.map(Json)
}

pub(in crate::api) async fn resume(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(name): ApiPath<String>,
    ApiJson(body): ApiJson<ActBody>,
) -> Result<Json<FlowView>, ApiError> {
    set_paused(&state, &name, false, &actor(&headers, body.actor.as_deref())?).await.map(Json)
}

/// What cannot be recorded is not done: the audit entry goes first.
pub async fn set_paused(state: &AppState, name: &str, paused: bool, actor: &str) -> Result<FlowView, ApiError> {
    find(state, name)?;
    let action = if paused { "flow.pause" } else { "flow.resume" };
    state.store().append_audit(state.now_us(), actor, action, &format!("flow {name}"), "{}").await?;
    if paused {
        state.hub().pause_flow(name, actor).await?;
    } else {
        state.hub().resume_flow(name, actor).await?;
        state.hub().wake();
    }
    load_one(state, name).await
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplayBody {
    pub actor: Option<String>,
    /// Only this record.
    pub key: Option<String>,
    /// Only records changed since.
    pub since: Option<Time>,
    /// Send even what the destination seems to have.
    pub force: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Done {
    /// How many jobs or dead letters it was done to.
    pub count: u64,
    /// How many files; left out where there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub files: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

pub(in crate::api) async fn replay(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(name): ApiPath<String>,
    ApiJson(body): ApiJson<ReplayBody>,
) -> Result<Json<Done>, ApiError> {
    let actor = actor(&headers, body.actor.as_deref())?;
    replay_flow(&state, &name, &body, &actor).await.map(Json)
}

pub async fn replay_flow(state: &AppState, name: &str, body: &ReplayBody, actor: &str) -> Result<Done, ApiError> {
    let flow = find(state, name)?;
    let at = state.now_us();
    let detail = serde_json::json!({ "key": body.key, "since": body.since, "force": body.force }).to_string();
    state.store().append_audit(at, actor, "flow.replay", &format!("flow {name}"), &detail).await?;
    let count = state
        .store()
        .replay(Replay {
            flow: flow.name,
            source_connection: flow.from.connection,
            source_stream: flow.from.stream,
            dest_connection: flow.to.connection,
            dest_stream: flow.to.stream,
            latest: flow.deliver == Deliver::Latest,
            key: body.key.clone(),
            since: body.since.map(|since| since.0),
            force: body.force,
            at,
        })
        .await?;
    state.hub().wake();
    Ok(Done { count, files: 0 })
}

/// Deliveries of the last 24 hours in half-hour slices, oldest first.
pub async fn throughput(state: &AppState, flow: &str) -> Result<Vec<i64>, ApiError> {
    let mut cache = state.throughput().0.lock().await;
    if let Some((at, slices)) = cache.get(flow)
        && at.elapsed() < ThroughputCache::FRESH
    {
        return Ok(slices.clone());
    }
    let slices = read_throughput(state, flow).await?;
    cache.insert(flow.to_owned(), (Instant::now(), slices.clone()));
    Ok(slices)
}

async fn read_throughput(state: &AppState, flow: &str) -> Result<Vec<i64>, ApiError> {
    let last = state.now_us().div_euclid(SLICE_US);
    let first = last - (SLICES as i64 - 1);
    let mut slices = vec![0; SLICES];
    for row in state.store().throughput(flow, first * SLICE_US, SLICE_US).await? {
        let slot = usize::try_from(row.at.div_euclid(SLICE_US) - first).ok().and_then(|index| slices.get_mut(index));
        if let Some(slot) = slot {
            *slot += row.done;
        }
    }
    Ok(slices)
}

pub const SLICES: usize = 48;
const SLICE_US: i64 = moment::DAY_US / SLICES as i64;

/// Counting a busy day costs too much to do it for every page. One entry per configured flow.
#[derive(Default)]
pub(in crate::api) struct ThroughputCache(Mutex<HashMap<String, (Instant, Vec<i64>)>>);

impl ThroughputCache {
    const FRESH: Duration = Duration::from_secs(30);
}
