//! Proving the ledger from its rows: started by a person, watched while it runs; not here: the checks (store).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use super::actor::actor;
use super::ledger::Counts;
use crate::api::error::ApiError;
use crate::api::extract::{ApiJson, ApiPath};
use crate::api::state::AppState;
use crate::api::work::{Outcome, Work, WorkKind};
use crate::store::VerifyReport;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyOutcome {
    pub counts: Counts,
    pub unknown: i64,
    pub audit_rows: i64,
    /// Events about reconciliations.
    #[serde(default)]
    pub recon_rows: i64,
    /// Each a sentence; empty means that all is well.
    pub faults: Vec<String>,
}

impl From<VerifyReport> for VerifyOutcome {
    fn from(report: VerifyReport) -> VerifyOutcome {
        let counts = Counts {
            received: report.received,
            applied: report.applied,
            superseded: report.superseded,
            ignored: report.ignored,
            dead: report.dead,
            pending: report.pending,
        };
        let VerifyReport { unknown, audit_rows, recon_rows, faults, .. } = report;
        VerifyOutcome { counts, unknown, audit_rows, recon_rows, faults }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct Body {
    actor: Option<String>,
}

/// 202 with the work; a second call while it runs gets the one that runs.
pub(in crate::api) async fn start(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiJson(body): ApiJson<Body>,
) -> Result<Response, ApiError> {
    let work = begin(&state, &actor(&headers, body.actor.as_deref())?);
    Ok((StatusCode::ACCEPTED, Json(work)).into_response())
}

pub fn begin(state: &AppState, actor: &str) -> Work {
    let work = match state.work().begin(WorkKind::Verify, actor, state.now_us()) {
        Ok(work) => work,
        Err(running) => return *running,
    };
    let (state, id) = (state.clone(), work.id);
    tokio::spawn(async move {
        let board = state.work().clone();
        let progress = move |step: &str, done: u64, total: u64| board.progress(id, step, done, total);
        let verified = state.store().verify(&progress).await;
        let outcome = verified.map(|report| Outcome::Verified(report.into())).map_err(ApiError::from);
        state.work().finish(id, outcome, state.now_us());
    });
    work
}

pub(in crate::api) async fn show(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<u64>,
) -> Result<Json<Work>, ApiError> {
    state.work().get(id).map(Json).ok_or_else(|| ApiError::no_such_work(id))
}
