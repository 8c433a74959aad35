//! Issues: failures grouped by cause, and what people do about them: retry, discard; not here: edits (see
//! `edits`), how issues come to be.

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::actor::{actor, reason};
use super::flows::Done;
use crate::api::error::{ApiError, Code};
use crate::api::extract::{ApiJson, ApiPath, ApiQuery};
use crate::api::state::AppState;
use crate::api::time::Time;
use crate::store::{DeadRef, DeadRow, FileRow, IssueFilter, IssueRow};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssueView {
    pub id: i64,
    /// Flow or connection.
    pub scope: String,
    pub class: String,
    pub title: String,
    pub next_step: String,
    pub sample: String,
    pub open: bool,
    pub resolution: String,
    /// Records that need a person.
    pub affected: i64,
    /// Files that need a person.
    #[serde(default)]
    pub files: i64,
    pub seen: i64,
    pub first_at: Time,
    pub last_at: Time,
}

impl From<IssueRow> for IssueView {
    fn from(row: IssueRow) -> IssueView {
        IssueView {
            id: row.id,
            scope: row.scope,
            class: row.class,
            title: row.title,
            next_step: row.next_step,
            sample: row.sample,
            open: row.state == "open",
            resolution: row.resolution,
            affected: row.open_count,
            files: row.files,
            seen: row.seen,
            first_at: Time(row.first_at),
            last_at: Time(row.last_at),
        }
    }
}

/// In which form a dead letter is shown, and edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// As its source sent it: it could not be read or mapped in.
    Payload,
    /// The canonical record, before it is mapped out: it could not be delivered.
    Record,
}

/// One record that needs a person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeadLetterView {
    pub dead: DeadRef,
    pub form: Form,
    /// Of a record: which kind it is.
    pub entity: Option<String>,
    /// Of a record: ours, counted from 1.
    pub revision: Option<i64>,
    pub connection: String,
    pub stream: String,
    pub key: String,
    pub flow: String,
    pub place: String,
    pub error: String,
    pub at: Time,
    /// What an edit replaces, in the form that `form` tells; all of it, nothing in it is masked.
    pub body: String,
    /// SHA-256 of it, in hex: `base` of an edit.
    pub body_sha256: String,
    /// False if it is no text: then U+FFFD stands where bytes could not be shown.
    pub exact: bool,
    pub request: String,
    pub response: String,
}

impl From<DeadRow> for DeadLetterView {
    fn from(row: DeadRow) -> DeadLetterView {
        DeadLetterView {
            dead: row.dead,
            form: match row.dead {
                DeadRef::Inbox(_) => Form::Payload,
                DeadRef::Job(_) => Form::Record,
            },
            entity: row.record.map(|(entity, _)| entity.as_str().to_owned()),
            revision: row.record.map(|(_, revision)| revision),
            connection: row.connection,
            stream: row.stream,
            key: row.key,
            flow: row.flow,
            place: row.place,
            error: row.error,
            at: Time(row.at),
            body: row.body,
            body_sha256: row.body_sha256,
            exact: row.exact,
            request: row.request,
            response: row.response,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssueDetailView {
    pub issue: IssueView,
    /// The first hundred.
    pub dead_letters: Vec<DeadLetterView>,
    /// The first hundred. Files are retried or discarded with their issue; they cannot be edited here.
    #[serde(default)]
    pub files: Vec<FileView>,
}

/// One file that needs a person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileView {
    pub connection: String,
    pub stream: String,
    pub name: String,
    /// Whether it waits in its folder; else it was refused and lies in `error/`.
    pub held: bool,
    pub error: String,
    pub at: Time,
}

impl From<FileRow> for FileView {
    fn from(row: FileRow) -> FileView {
        FileView {
            connection: row.connection,
            stream: row.stream,
            name: row.name,
            held: row.held,
            error: row.reason,
            at: Time(row.at),
        }
    }
}

impl FileView {
    /// What retrying its issue does with it.
    pub fn when_retried(&self) -> &'static str {
        if self.held { "accepted as it is" } else { "read again from error/" }
    }

    pub fn when_discarded(&self) -> &'static str {
        if self.held { "moved to error/" } else { "left in error/" }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ListQuery {
    #[serde(default)]
    all: bool,
}

pub(in crate::api) async fn list(
    State(state): State<AppState>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<Vec<IssueView>>, ApiError> {
    load(&state, query.all).await.map(Json)
}

pub async fn load(state: &AppState, all: bool) -> Result<Vec<IssueView>, ApiError> {
    let filter = if all { IssueFilter::All } else { IssueFilter::Open };
    Ok(state.store().issues(filter).await?.into_iter().map(IssueView::from).collect())
}

pub(in crate::api) async fn show(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<i64>,
) -> Result<Json<IssueDetailView>, ApiError> {
    load_one(&state, id).await.map(Json)
}

pub async fn load_one(state: &AppState, id: i64) -> Result<IssueDetailView, ApiError> {
    let detail = state.store().issue(id).await?.ok_or_else(|| ApiError::no_such_issue(id))?;
    Ok(IssueDetailView {
        issue: detail.issue.into(),
        dead_letters: detail.dead.into_iter().map(DeadLetterView::from).collect(),
        files: detail.files.into_iter().map(FileView::from).collect(),
    })
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ActBody {
    pub actor: Option<String>,
    /// Only this one; else all of the issue.
    pub only: Option<DeadRef>,
    /// Needed to discard.
    pub reason: Option<String>,
}

pub(in crate::api) async fn retry(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(id): ApiPath<i64>,
    ApiJson(body): ApiJson<ActBody>,
) -> Result<Json<Done>, ApiError> {
    let actor = actor(&headers, body.actor.as_deref())?;
    retry_issue(&state, id, body.only, &actor).await.map(Json)
}

pub async fn retry_issue(state: &AppState, id: i64, only: Option<DeadRef>, actor: &str) -> Result<Done, ApiError> {
    let files = files_of(&load_one(state, id).await?, only);
    let count = state.store().retry_issue(id, only, actor, state.now_us()).await?;
    state.hub().wake();
    Ok(Done { count: count.saturating_sub(files), files })
}

pub(in crate::api) async fn discard(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(id): ApiPath<i64>,
    ApiJson(body): ApiJson<ActBody>,
) -> Result<Json<Done>, ApiError> {
    let actor = actor(&headers, body.actor.as_deref())?;
    discard_issue(&state, id, body.only, body.reason.as_deref(), &actor).await.map(Json)
}

pub async fn discard_issue(
    state: &AppState,
    id: i64,
    only: Option<DeadRef>,
    why: Option<&str>,
    actor: &str,
) -> Result<Done, ApiError> {
    let why = reason(why)?;
    let files = files_of(&load_one(state, id).await?, only);
    let count = state.store().discard_issue(id, only, &why, actor, state.now_us()).await?;
    state.hub().wake();
    Ok(Done { count: count.saturating_sub(files), files })
}

/// Files that an act on the whole issue is about.
fn files_of(detail: &IssueDetailView, only: Option<DeadRef>) -> u64 {
    match only {
        Some(_) => 0,
        None => detail.issue.files.unsigned_abs(),
    }
}

/// A file has no record to edit: nothing of it was taken in.
pub(super) fn not_editable(id: i64, file: &FileView) -> ApiError {
    let next_step = if file.held {
        "retry the issue to accept the file as it is, discard it to have it moved to error/, or have a corrected file sent"
    } else {
        "correct the file in error/ and retry the issue, which reads it again; or have a corrected file sent and discard it"
    };
    let why =
        format!("issue {id} is about file {:?}, of which nothing was taken in: there is no record to edit", file.name);
    ApiError::new(Code::Conflict, why, next_step)
}
