//! Backups: a consistent image of the store, taken while work goes on; not here: restoring one (a command, with the
//! hub stopped).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::actor::actor;
use crate::api::backup_name::backup_name;
use crate::api::error::{ApiError, Code};
use crate::api::extract::ApiJson;
use crate::api::state::AppState;
use crate::api::work::{Outcome, Work, WorkKind};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct Body {
    actor: Option<String>,
    /// A plain file name; by default one with the time in it.
    name: Option<String>,
}

pub(in crate::api) async fn start(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiJson(body): ApiJson<Body>,
) -> Result<Response, ApiError> {
    let actor = actor(&headers, body.actor.as_deref())?;
    let work = begin(&state, body.name.as_deref(), &actor).await?;
    Ok((StatusCode::ACCEPTED, Json(work)).into_response())
}

pub async fn begin(state: &AppState, name: Option<&str>, actor: &str) -> Result<Work, ApiError> {
    let path = state.data_dir().join("backups").join(backup_name(name, state.now_us())?);
    let work = state.work().begin(WorkKind::Backup, actor, state.now_us()).map_err(|running| {
        ApiError::new(Code::Conflict, format!("backup {} is being taken", running.id), "wait until it is done")
    })?;
    let id = work.id;
    let target = path.display().to_string();
    let recorded =
        state.store().append_audit(state.now_us(), actor, "backup", &target, "{}").await.map_err(ApiError::from);
    if let Err(error) = recorded {
        state.work().finish(id, Err(error.clone()), state.now_us());
        return Err(error);
    }
    let state = state.clone();
    tokio::spawn(async move {
        state.work().progress(id, "copying the database", 0, 0);
        let outcome = copy(&state, &path).await.map(|()| Outcome::BackedUp(target));
        state.work().finish(id, outcome, state.now_us());
    });
    Ok(work)
}

async fn copy(state: &AppState, path: &std::path::Path) -> Result<(), ApiError> {
    if let Some(directory) = path.parent() {
        tokio::fs::create_dir_all(directory).await.map_err(|cause| {
            ApiError::new(
                Code::Internal,
                format!("cannot create {}: {cause}", directory.display()),
                "check that the hub's user may write to the data directory",
            )
        })?;
    }
    Ok(state.store().backup(path, state.hub().own_files()).await?)
}
