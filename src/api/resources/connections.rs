//! Connections: is each system reachable, are its credentials good, what came from it today; not here: their settings
//! and secrets.

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Reading;
use super::actor::actor;
use super::ledger::Counts;
use crate::api::error::ApiError;
use crate::api::extract::{ApiJson, ApiPath};
use crate::api::state::{AppState, ConnectionInfo};
use crate::api::time::Time;
use crate::store::ConnectionHealth;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Ok,
    /// By a person.
    Paused,
    /// The breaker is open: it failed too often and is left alone for a while.
    Open,
    /// Its credentials were refused.
    Auth,
}

impl Health {
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Ok => "ok",
            Health::Paused => "paused",
            Health::Open => "failing",
            Health::Auth => "refused",
        }
    }
}

impl From<ConnectionHealth> for Health {
    fn from(health: ConnectionHealth) -> Health {
        match health {
            ConnectionHealth::Ok => Health::Ok,
            ConnectionHealth::Paused => Health::Paused,
            ConnectionHealth::Open => Health::Open,
            ConnectionHealth::Auth => Health::Auth,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StreamView {
    pub name: String,
    pub entity: String,
    pub reads: bool,
    pub writes: bool,
    pub webhook: bool,
    pub poll_every_ms: Option<i64>,
    pub last_read_at: Option<Time>,
    pub checkpoint: Option<String>,
    pub checkpoint_moved_at: Option<Time>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConnectionView {
    pub id: String,
    pub connector: String,
    pub title: String,
    pub health: Health,
    pub reason: String,
    /// When it is tried again.
    pub until: Option<Time>,
    pub since: Option<Time>,
    pub webhook_url: Option<String>,
    pub streams: Vec<StreamView>,
    pub today: Counts,
}

pub(in crate::api) fn view(reading: &Reading, info: &ConnectionInfo) -> ConnectionView {
    let health = reading.health.iter().find(|row| row.connection == info.id);
    let streams = info.streams.iter().map(|stream| {
        let cursor = reading.cursors.iter().find(|row| row.connection == info.id && row.stream == stream.name);
        StreamView {
            name: stream.name.clone(),
            entity: stream.entity.as_str().to_owned(),
            reads: stream.reads,
            writes: stream.writes,
            webhook: stream.webhook,
            poll_every_ms: stream.poll_every_us.map(|us| us / 1000),
            last_read_at: stream.last_read_at.map(Time),
            checkpoint: cursor.map(|row| row.value.clone()),
            checkpoint_moved_at: cursor.map(|row| Time(row.moved_at)),
        }
    });
    ConnectionView {
        id: info.id.clone(),
        connector: info.connector.clone(),
        title: info.title.clone(),
        health: health.map_or(Health::Ok, |row| row.state.into()),
        reason: health.map(|row| row.reason.clone()).unwrap_or_default(),
        until: health.and_then(|row| row.until).map(Time),
        since: health.map(|row| Time(row.changed_at)),
        webhook_url: info.webhook_url.clone(),
        streams: streams.collect(),
        today: Counts::of(reading.tally.iter().filter(|row| row.connection == info.id)),
    }
}

pub async fn load(state: &AppState) -> Result<Vec<ConnectionView>, ApiError> {
    let reading = Reading::take(state).await?;
    Ok(reading.connections.iter().map(|info| view(&reading, info)).collect())
}

/// What to look at; both may be left out.
#[derive(Clone, Debug, Default, Deserialize)]
pub(in crate::api) struct Wanted {
    actor: Option<String>,
    stream: Option<String>,
    sample: Option<usize>,
}

/// Records that are looked at unless more are asked for.
const SAMPLE: usize = 50;

pub(in crate::api) async fn discover(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(name): ApiPath<String>,
    ApiJson(wanted): ApiJson<Wanted>,
) -> Result<Json<Value>, ApiError> {
    // Somebody else's system is asked: who wanted it stands in the log.
    let actor = actor(&headers, wanted.actor.as_deref())?;
    tracing::info!(connection = name, actor, "a connection is looked at");
    let found = state.hub().discover(&name, wanted.stream.as_deref(), wanted.sample.unwrap_or(SAMPLE)).await?;
    let absent = || {
        let stream = wanted.stream.as_ref().map(|stream| format!(" with a stream {stream:?}")).unwrap_or_default();
        ApiError::not_found(
            format!("there is no connection {name:?}{stream}"),
            "list the connections to see which there are",
        )
    };
    found.map(Json).ok_or_else(absent)
}

pub(in crate::api) async fn list(State(state): State<AppState>) -> Result<Json<Vec<ConnectionView>>, ApiError> {
    load(&state).await.map(Json)
}
