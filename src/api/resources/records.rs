//! Records: found by any of their names, and told as a story; not here: the telling (see `story`).

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::api::document::document;
use crate::api::error::ApiError;
use crate::api::extract::{ApiPath, ApiQuery};
use crate::api::state::AppState;
use crate::api::story::{Story, Told, tell};
use crate::api::time::Time;
use crate::store::{DeadRecord, EntityKey, EntityRow, Timeline};

const FOUND_MAX: u32 = 50;
/// Copies of a record in other systems whose own histories join the story.
const RELATED_MAX: usize = 6;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordView {
    pub connection: String,
    pub stream: String,
    pub key: String,
    pub entity: String,
    pub natural_key: String,
    /// 0 where nothing of it was understood yet: then there is no record either.
    pub revision: i64,
    pub deleted: bool,
    pub changed_at: Time,
    pub record: serde_json::Value,
}

impl From<EntityRow> for RecordView {
    fn from(row: EntityRow) -> RecordView {
        RecordView {
            connection: row.id.connection,
            stream: row.id.stream,
            key: row.id.key,
            entity: row.entity.as_str().to_owned(),
            natural_key: row.natural_key,
            revision: row.revision,
            deleted: row.deleted,
            changed_at: Time(row.changed_at),
            record: document(&row.doc),
        }
    }
}

impl From<DeadRecord> for RecordView {
    fn from(row: DeadRecord) -> RecordView {
        RecordView {
            connection: row.id.connection,
            stream: row.id.stream,
            key: row.id.key,
            entity: row.entity,
            natural_key: String::new(),
            revision: 0,
            deleted: false,
            changed_at: Time(row.received_at),
            record: serde_json::Value::Null,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct SearchQuery {
    q: String,
}

pub(in crate::api) async fn search(
    State(state): State<AppState>,
    ApiQuery(query): ApiQuery<SearchQuery>,
) -> Result<Json<Vec<RecordView>>, ApiError> {
    find(&state, &query.q).await.map(Json)
}

/// Records by key, natural key (`1001` finds `#1001`) or the id that another system gave them.
pub async fn find(state: &AppState, text: &str) -> Result<Vec<RecordView>, ApiError> {
    let text = text.trim();
    if text.is_empty() || text.len() > 500 {
        return Err(ApiError::bad_request(
            "there is nothing to search for",
            "give a number, key or id of at most 500 characters",
        ));
    }
    let mut found: Vec<RecordView> =
        state.store().find_records(text, FOUND_MAX).await?.into_iter().map(RecordView::from).collect();
    for dead in state.store().find_dead(text, FOUND_MAX).await? {
        let known = |view: &RecordView| {
            (&view.connection, &view.stream, &view.key) == (&dead.id.connection, &dead.id.stream, &dead.id.key)
        };
        if !found.iter().any(known) {
            found.push(RecordView::from(dead));
        }
    }
    Ok(found)
}

pub(in crate::api) async fn show(
    State(state): State<AppState>,
    ApiPath((connection, stream, key)): ApiPath<(String, String, String)>,
) -> Result<Json<Story>, ApiError> {
    load(&state, &EntityKey { connection, stream, key }).await.map(Json)
}

pub async fn load(state: &AppState, key: &EntityKey) -> Result<Story, ApiError> {
    let timeline = state.store().timeline(key).await?;
    if timeline.current.is_none() && timeline.received.is_empty() {
        return Err(ApiError::not_found(
            format!("nothing is known of {}/{}/{}", key.connection, key.stream, key.key),
            "search for its number; it may have another key, or not have arrived yet",
        ));
    }
    let mut timelines = vec![(key.clone(), timeline)];
    for other in related(state, key, &timelines[0].1).await? {
        let timeline = state.store().timeline(&other).await?;
        timelines.push((other, timeline));
    }
    Ok(tell(&Told { timelines: &timelines, flows: &state.hub().flows(), now: state.now_us() }))
}

/// Where it was sent, what it was copied from, and what other systems call by the same name.
async fn related(state: &AppState, key: &EntityKey, timeline: &Timeline) -> Result<Vec<EntityKey>, ApiError> {
    let mut keys: Vec<EntityKey> = Vec::new();
    let mut add = |candidate: EntityKey| {
        if candidate != *key && !keys.contains(&candidate) && keys.len() < RELATED_MAX {
            keys.push(candidate);
        }
    };
    for binding in &timeline.bindings {
        add(binding.source.clone());
        if !binding.remote_id.is_empty() {
            add(EntityKey {
                connection: binding.dest_connection.clone(),
                stream: binding.dest_stream.clone(),
                key: binding.remote_id.clone(),
            });
        }
    }
    if let Some(current) = timeline.current.as_ref().filter(|row| !row.natural_key.is_empty()) {
        for row in state.store().find_records(&current.natural_key, FOUND_MAX).await? {
            if row.natural_key == current.natural_key && row.entity == current.entity {
                add(row.id);
            }
        }
    }
    let known = state.store().entities(&keys).await?;
    keys.retain(|key| known.iter().any(|row| row.id == *key));
    Ok(keys)
}
