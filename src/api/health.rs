//! Is the process alive, and can it do its work? Not here: how well the flows do (see the overview).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::error::{ApiError, Code};
use super::state::{AppState, Readiness};
use crate::store::CursorMove;

#[derive(Serialize)]
struct Alive {
    status: &'static str,
    version: &'static str,
}

/// Answers as long as the process can answer at all.
pub(super) async fn healthz() -> Response {
    Json(Alive { status: "alive", version: env!("CARGO_PKG_VERSION") }).into_response()
}

/// 200 only when the store takes writes and the parts that move records are at work.
pub(super) async fn readyz(State(state): State<AppState>) -> Result<Response, ApiError> {
    if let Readiness::NotReady(why) = state.hub().readiness() {
        return Err(ApiError::new(Code::Unavailable, why, "wait a moment, or see the log"));
    }
    // A real write that goes the whole way to the disk, as a payload would: only that proves that one could.
    let proof = CursorMove {
        connection: "syncline".to_owned(),
        stream: "readiness".to_owned(),
        value: "written".to_owned(),
        at: state.now_us(),
    };
    state.store().append_inbox(Vec::new(), Some(proof)).await.map_err(|error| {
        ApiError::new(
            Code::Unavailable,
            format!("the store takes no writes: {error}"),
            "see the log; nothing is acknowledged meanwhile",
        )
    })?;
    Ok(Json(Alive { status: "ready", version: env!("CARGO_PKG_VERSION") }).into_response())
}
