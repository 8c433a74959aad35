//! Reading the configuration anew, as SIGHUP does; not here: how it is put in force.

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::actor::actor;
use crate::api::error::{ApiError, Code};
use crate::api::extract::ApiJson;
use crate::api::state::{AppState, ReloadRefusal};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct Body {
    actor: Option<String>,
}

/// The configuration that is in force now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    pub version: String,
    /// What differs from the former one, a sentence each.
    pub changes: Vec<String>,
    /// Keys that were changed and are in force at the next start only.
    pub at_restart: Vec<String>,
}

/// What cannot be recorded is not done: the audit entry goes first.
pub(in crate::api) async fn reload(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiJson(body): ApiJson<Body>,
) -> Result<Json<Reloaded>, ApiError> {
    let actor = actor(&headers, body.actor.as_deref())?;
    state.store().append_audit(state.now_us(), &actor, "config.reload", "configuration", "{}").await?;
    match state.hub().reload().await {
        Ok(reloaded) => Ok(Json(reloaded)),
        Err(ReloadRefusal { what, problems }) => {
            let next_step = "correct what is named; the configuration in force goes on";
            let message = if problems.is_empty() { what } else { format!("{what}\n{problems}") };
            Err(ApiError::new(Code::Conflict, message, next_step))
        }
    }
}
