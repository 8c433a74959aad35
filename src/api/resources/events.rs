//! Business events for other programs: after a cursor, oldest first, in CloudEvents form; not here: how they come to be.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::api::document::document;
use crate::api::error::ApiError;
use crate::api::extract::ApiQuery;
use crate::api::state::AppState;
use crate::model::CloudEvent;
use crate::store::EventRow;

const LIMIT_MAX: u32 = 1000;

/// Ask again with `next_after`; an empty page means that there is nothing newer yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EventPage {
    pub events: Vec<CloudEvent>,
    pub next_after: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Query {
    #[serde(default)]
    after: i64,
    limit: Option<u32>,
}

pub(in crate::api) async fn list(
    State(state): State<AppState>,
    ApiQuery(query): ApiQuery<Query>,
) -> Result<Json<EventPage>, ApiError> {
    let limit = query.limit.unwrap_or(100);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(ApiError::bad_request(format!("limit is {limit}"), format!("give 1 to {LIMIT_MAX}")));
    }
    let rows = state.store().events_after(query.after.max(0), limit).await?;
    let next_after = rows.last().map_or(query.after.max(0), |row| row.id);
    Ok(Json(EventPage { events: rows.into_iter().map(cloud_event).collect(), next_after }))
}

fn cloud_event(row: EventRow) -> CloudEvent {
    CloudEvent::new(row.happened(), Some(document(&row.doc)))
}
