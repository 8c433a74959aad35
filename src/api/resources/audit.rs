//! The audit trail, oldest first after a cursor; not here: writing it, verifying its chain.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::api::document::document;
use crate::api::error::ApiError;
use crate::api::extract::ApiQuery;
use crate::api::state::AppState;
use crate::api::time::Time;

const LIMIT_MAX: u32 = 1000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuditView {
    pub seq: i64,
    pub at: Time,
    pub actor: String,
    pub action: String,
    pub target: String,
    pub detail: serde_json::Value,
    pub hash: String,
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
) -> Result<Json<Vec<AuditView>>, ApiError> {
    let limit = query.limit.unwrap_or(100);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(ApiError::bad_request(format!("limit is {limit}"), format!("give 1 to {LIMIT_MAX}")));
    }
    let entries = state.store().audit(query.after.max(0), limit).await?;
    let views = entries.into_iter().map(|entry| AuditView {
        seq: entry.seq,
        at: Time(entry.at),
        actor: entry.actor,
        action: entry.action,
        target: entry.target,
        detail: document(&entry.detail),
        hash: entry.hash,
    });
    Ok(Json(views.collect()))
}
