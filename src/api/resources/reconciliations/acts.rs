//! What may be done to reconciliations: running them, deciding about breaks, signing; not here: what is allowed
//! (`finance::workflow`).

use std::path::PathBuf;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use crate::api::error::{ApiError, Code};
use crate::api::extract::{ApiJson, ApiPath};
use crate::api::resources::actor::actor;
use crate::api::state::AppState;
use crate::api::work::{Outcome, Work, WorkKind};
use crate::finance::desk::{DeskError, RunAsked};
use crate::finance::heal::{HealAsked, HealReport};
use crate::finance::period::Period;
use crate::finance::workflow::{Ask, Role};
use crate::model::Date;

/// Longest text that is kept with a decision.
const LONGEST: usize = 2_000;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunBody {
    pub actor: Option<String>,
    /// `2026-10`, `2026-10-05`, `2026-W41`, `2026-10-01..2026-10-15`; without, everything that the statements hold.
    pub period: Option<String>,
    /// The day as of which things are due; without, today.
    pub as_of: Option<String>,
    /// A folder on the hub's machine where files are looked for instead of the installation.
    pub input_dir: Option<PathBuf>,
}

/// 202 with the work; while one of this reconciliation runs, a conflict.
pub(in crate::api) async fn start(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(name): ApiPath<String>,
    ApiJson(body): ApiJson<RunBody>,
) -> Result<Response, ApiError> {
    let actor = actor(&headers, body.actor.as_deref())?;
    let (work, _) = begin_run(&state, &name, body, &actor)?;
    Ok((StatusCode::ACCEPTED, Json(work)).into_response())
}

/// Puts a run on the board; whoever wants to may wait for its end.
pub fn begin_run(state: &AppState, name: &str, body: RunBody, actor: &str) -> Result<(Work, JoinHandle<()>), ApiError> {
    let bad = |error: String| ApiError::bad_request(error, "correct it and ask again");
    let asked = RunAsked {
        period: body.period.as_deref().map(Period::parse).transpose().map_err(|error| bad(error.to_string()))?,
        as_of: body.as_of.as_deref().map(Date::parse).transpose().map_err(|error| bad(error.to_string()))?,
        input_dir: body.input_dir,
        actor: actor.to_owned(),
    };
    let (desk, name) = (state.desk()?, name.to_owned());
    desk.definition(&name)?;
    let work = state.work().begin_on(WorkKind::Reconcile, &name, actor, state.now_us()).map_err(|running| {
        ApiError::new(Code::Conflict, format!("`{name}` is being run by {}", running.actor), "wait until it is done")
    })?;
    let ended = watched(state, work.id, async move { desk.run(&name, asked).await.map(Outcome::Reconciled) });
    Ok((work, ended))
}

/// 202 with the work; a second call while it runs gets the one that runs.
pub(in crate::api) async fn rederive(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(run): ApiPath<i64>,
    ApiJson(body): ApiJson<ReasonBody>,
) -> Result<Response, ApiError> {
    let actor = actor(&headers, body.actor.as_deref())?;
    let (work, _) = begin_rederive(&state, run, &actor).await?;
    Ok((StatusCode::ACCEPTED, Json(work)).into_response())
}

/// Without an end to wait for, if another one has begun it.
pub async fn begin_rederive(
    state: &AppState,
    run: i64,
    actor: &str,
) -> Result<(Work, Option<JoinHandle<()>>), ApiError> {
    let desk = state.desk()?;
    desk.run_row(run).await?;
    let work = match state.work().begin_on(WorkKind::Rederive, &run.to_string(), actor, state.now_us()) {
        Ok(work) => work,
        Err(running) => return Ok((*running, None)),
    };
    let ended = watched(state, work.id, async move { desk.rederive(run).await.map(Outcome::Rederived) });
    Ok((work, Some(ended)))
}

/// Ends the work on the board however it ends, a panic included.
pub(super) fn watched(
    state: &AppState,
    id: u64,
    work: impl Future<Output = Result<Outcome, DeskError>> + Send + 'static,
) -> JoinHandle<()> {
    let state = state.clone();
    tokio::spawn(async move {
        let outcome = match tokio::spawn(work).await {
            Ok(outcome) => outcome.map_err(ApiError::from),
            Err(error) => Err(ApiError::new(Code::Internal, error.to_string(), "try again; if it stays, report it")),
        };
        state.work().finish(id, outcome, state.now_us());
    })
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HealBody {
    pub actor: Option<String>,
    /// Only tell what would be done.
    pub dry_run: bool,
}

/// Sends again what the definition allows: a person asks, so what is only proposed otherwise is done.
pub(in crate::api) async fn heal(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(name): ApiPath<String>,
    ApiJson(body): ApiJson<HealBody>,
) -> Result<Json<HealReport>, ApiError> {
    let actor = actor(&headers, body.actor.as_deref())?;
    let asked = HealAsked { dry_run: body.dry_run, by_person: true };
    let healed = state.desk()?.heal(&name, &actor, asked).await?;
    state.hub().wake();
    Ok(Json(healed))
}

/// What a decision left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Decided {
    /// The number of its event.
    pub event: i64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ActBody {
    pub actor: Option<String>,
    /// To whom it is assigned.
    pub owner: Option<String>,
    /// What is said: a comment, a reason, a proposal.
    pub text: Option<String>,
    /// The reason code of a write-off.
    pub code: Option<String>,
    /// Of an attached document.
    pub name: Option<String>,
    pub sha256: Option<String>,
}

pub(in crate::api) async fn act(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath((name, item, act)): ApiPath<(String, String, String)>,
    ApiJson(body): ApiJson<ActBody>,
) -> Result<Json<Decided>, ApiError> {
    let actor = actor(&headers, body.actor.as_deref())?;
    let event = act_on(&state, &name, &item, &act, body, &actor).await?;
    Ok(Json(Decided { event }))
}

/// Returns the event's number.
pub async fn act_on(
    state: &AppState,
    name: &str,
    item: &str,
    act: &str,
    body: ActBody,
    actor: &str,
) -> Result<i64, ApiError> {
    let text = limited(body.text)?;
    let ask = match act {
        "assign" => Ask::Assign { owner: limited(body.owner)? },
        "investigate" => Ask::Investigate { note: text },
        "propose" => Ask::Propose { note: text },
        "comment" => Ask::Comment { text },
        "attach" => Ask::Attach { name: limited(body.name)?, sha256: limited(body.sha256)? },
        "resolve" => Ask::Resolve { reason: text },
        "write-off" => Ask::WriteOff { code: limited(body.code)?, reason: text },
        "accept-timing" => Ask::AcceptTiming { reason: text },
        "reopen" => Ask::Reopen { reason: text },
        other => {
            return Err(ApiError::not_found(
                format!("`{other}` cannot be done to a break"),
                "assign, investigate, propose, comment, attach, resolve, write-off, accept-timing or reopen",
            ));
        }
    };
    Ok(state.desk()?.act(name, item, actor, ask).await?)
}

fn limited(text: Option<String>) -> Result<String, ApiError> {
    let text = text.unwrap_or_default();
    if text.chars().count() > LONGEST {
        return Err(ApiError::bad_request(format!("the text is longer than {LONGEST} characters"), "say it shorter"));
    }
    Ok(text)
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchBody {
    #[serde(default)]
    pub actor: Option<String>,
    pub breaks: Vec<String>,
    /// Although they do not tie.
    #[serde(default)]
    pub force: bool,
    pub reason: String,
}

pub(in crate::api) async fn decide(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(name): ApiPath<String>,
    ApiJson(body): ApiJson<MatchBody>,
) -> Result<Json<Decided>, ApiError> {
    let actor = actor(&headers, body.actor.as_deref())?;
    let event = match_breaks(&state, &name, body, &actor).await?;
    Ok(Json(Decided { event }))
}

/// Returns the event's number.
pub async fn match_breaks(state: &AppState, name: &str, body: MatchBody, actor: &str) -> Result<i64, ApiError> {
    let reason = limited(Some(body.reason))?;
    Ok(state.desk()?.decide(name, &body.breaks, body.force, &reason, actor).await?)
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReasonBody {
    pub actor: Option<String>,
    pub reason: Option<String>,
}

pub(in crate::api) async fn undo(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath((name, event)): ApiPath<(String, i64)>,
    ApiJson(body): ApiJson<ReasonBody>,
) -> Result<Json<Decided>, ApiError> {
    let actor = actor(&headers, body.actor.as_deref())?;
    let event = undo_match(&state, &name, event, body.reason, &actor).await?;
    Ok(Json(Decided { event }))
}

/// Returns the event's number.
pub async fn undo_match(
    state: &AppState,
    name: &str,
    event: i64,
    reason: Option<String>,
    actor: &str,
) -> Result<i64, ApiError> {
    Ok(state.desk()?.undo(name, event, &limited(reason)?, actor).await?)
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignBody {
    #[serde(default)]
    pub actor: Option<String>,
    /// `preparer` or `approver`.
    #[serde(rename = "as")]
    pub role: String,
    /// What was checked.
    pub note: String,
}

pub(in crate::api) async fn sign(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(run): ApiPath<i64>,
    ApiJson(body): ApiJson<SignBody>,
) -> Result<Json<Decided>, ApiError> {
    let actor = actor(&headers, body.actor.as_deref())?;
    let event = sign_run(&state, run, &body, &actor).await?;
    Ok(Json(Decided { event }))
}

/// Returns the event's number.
pub async fn sign_run(state: &AppState, run: i64, body: &SignBody, actor: &str) -> Result<i64, ApiError> {
    let role = Role::parse(&body.role).ok_or_else(|| {
        ApiError::bad_request(format!("nobody signs as `{}`", body.role), "as `preparer` or as `approver`")
    })?;
    Ok(state.desk()?.sign(run, role, actor, &limited(Some(body.note.clone()))?).await?)
}

pub(in crate::api) async fn reopen(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(run): ApiPath<i64>,
    ApiJson(body): ApiJson<ReasonBody>,
) -> Result<Json<Decided>, ApiError> {
    let actor = actor(&headers, body.actor.as_deref())?;
    let event = reopen_run(&state, run, body.reason, &actor).await?;
    Ok(Json(Decided { event }))
}

/// Returns the event's number.
pub async fn reopen_run(state: &AppState, run: i64, reason: Option<String>, actor: &str) -> Result<i64, ApiError> {
    Ok(state.desk()?.reopen(run, &limited(reason)?, actor).await?)
}
