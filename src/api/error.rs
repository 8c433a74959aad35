//! What the API says when it does not do what was asked: one JSON shape, `{error: {code, message, next_step}}`; not
//! here: pages for people (see `web`).

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::state::ActionError;
use crate::finance::desk::DeskError;
use crate::store::StoreError;

/// The kinds of refusal; a program decides by this word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    BadRequest,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    /// The browser was on another site's page.
    CrossSite,
    /// The `Host` is none of this hub's names.
    WrongHost,
    /// Understood, and not possible as things stand.
    Conflict,
    /// Come again in a moment.
    Unavailable,
    Internal,
}

impl Code {
    pub fn status(self) -> StatusCode {
        match self {
            Code::BadRequest => StatusCode::BAD_REQUEST,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::CrossSite => StatusCode::FORBIDDEN,
            Code::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Code::Conflict => StatusCode::CONFLICT,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Code::BadRequest => "bad_request",
            Code::NotFound => "not_found",
            Code::MethodNotAllowed => "method_not_allowed",
            Code::TooLarge => "too_large",
            Code::CrossSite => "cross_site",
            Code::WrongHost => "wrong_host",
            Code::Conflict => "conflict",
            Code::Unavailable => "unavailable",
            Code::Internal => "internal",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}; {next_step}")]
pub struct ApiError {
    pub code: Code,
    pub message: String,
    pub next_step: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ErrorBody {
    pub error: ApiError,
}

impl ApiError {
    pub fn new(code: Code, message: impl Into<String>, next_step: impl Into<String>) -> ApiError {
        ApiError { code, message: message.into(), next_step: next_step.into() }
    }

    pub fn bad_request(message: impl Into<String>, next_step: impl Into<String>) -> ApiError {
        ApiError::new(Code::BadRequest, message, next_step)
    }

    pub fn not_found(message: impl Into<String>, next_step: impl Into<String>) -> ApiError {
        ApiError::new(Code::NotFound, message, next_step)
    }

    pub fn no_such_issue(id: i64) -> ApiError {
        ApiError::not_found(format!("issue {id} does not exist"), "list the issues to see which do")
    }

    pub fn no_such_flow(name: &str) -> ApiError {
        ApiError::not_found(format!("flow {name:?} does not exist"), "list the flows to see which do")
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        let message = error.to_string();
        match error {
            StoreError::Refused(_) => {
                ApiError::new(Code::Conflict, message, "look again: it may have changed meanwhile")
            }
            StoreError::Full(_) => {
                ApiError::new(Code::Unavailable, message, "free disk space; the hub goes on by itself")
            }
            StoreError::Unreachable { .. } => {
                ApiError::new(Code::Unavailable, message, "look at the database server; the hub goes on by itself")
            }
            StoreError::InDoubt { .. } => {
                ApiError::new(Code::Unavailable, message, "look again: it may have been done")
            }
            StoreError::Closed => {
                ApiError::new(Code::Unavailable, message, "the hub is stopping; try again when it runs")
            }
            StoreError::Open { .. } | StoreError::Migrate(_) | StoreError::Database(_) | StoreError::Corrupt { .. } => {
                tracing::error!(error = %message, "a request failed in the store");
                ApiError::new(Code::Internal, message, "try again; if it stays, run `syncline verify`")
            }
        }
    }
}

impl From<DeskError> for ApiError {
    fn from(error: DeskError) -> ApiError {
        match error {
            DeskError::Refused(refusal) => ApiError::new(Code::Conflict, refusal.what, refusal.next),
            DeskError::Unknown(refusal) => ApiError::not_found(refusal.what, refusal.next),
            DeskError::Store(error) => error.into(),
            DeskError::Run(error) => ApiError::new(
                Code::Conflict,
                error.to_string(),
                "correct the statements or the definition, run it again",
            ),
            DeskError::Take(error) => ApiError::new(Code::Conflict, error.to_string(), "correct it, run it again"),
            DeskError::Book(error) => {
                ApiError::new(Code::Internal, error.to_string(), "run `syncline verify`, and use the newest version")
            }
            DeskError::Export(error) => {
                ApiError::new(Code::Conflict, error.to_string(), "see the run by `syncline recon show`")
            }
            DeskError::Damaged(what) => ApiError::new(Code::Internal, what, "run `syncline verify`"),
        }
    }
}

impl From<ActionError> for ApiError {
    fn from(error: ActionError) -> ApiError {
        match error {
            ActionError::Refused(why) => ApiError::new(Code::Conflict, why, "see the flow's page for its state"),
            ActionError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.code.status(), Json(ErrorBody { error: self.clone() })).into_response();
        if self.code == Code::Unavailable {
            response.headers_mut().insert(http::header::RETRY_AFTER, http::HeaderValue::from_static("5"));
        }
        // So that the log line of the request, and a page made from it, can name the cause.
        response.extensions_mut().insert(self);
        response
    }
}
