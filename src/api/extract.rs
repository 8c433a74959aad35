//! Readers of path, query and body whose refusals have the API's one shape; not here: what is read.

use axum::extract::rejection::{BytesRejection, FormRejection, JsonRejection};
use axum::extract::{Form, FromRequest, FromRequestParts, Json, Path, Query, Request};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::{ApiError, Code};

pub struct ApiPath<T>(pub T);
pub struct ApiQuery<T>(pub T);
pub struct ApiJson<T>(pub T);
pub struct ApiForm<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for ApiPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(value) = Path::from_request_parts(parts, state)
            .await
            .map_err(|cause| ApiError::not_found(cause.body_text(), "check the address"))?;
        Ok(ApiPath(value))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(value) = Query::from_request_parts(parts, state)
            .await
            .map_err(|cause| ApiError::bad_request(cause.body_text(), "check the part of the address after `?`"))?;
        Ok(ApiQuery(value))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::from_request(request, state).await {
            Ok(Json(value)) => Ok(ApiJson(value)),
            Err(JsonRejection::BytesRejection(cause)) => Err(body_error(&cause)),
            Err(cause) => Err(ApiError::bad_request(
                cause.body_text(),
                "send a JSON object with `Content-Type: application/json`",
            )),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ApiForm<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Form::from_request(request, state).await {
            Ok(Form(value)) => Ok(ApiForm(value)),
            Err(FormRejection::BytesRejection(cause)) => Err(body_error(&cause)),
            Err(cause) => Err(ApiError::bad_request(cause.body_text(), "go back and fill the form in again")),
        }
    }
}

fn body_error(cause: &BytesRejection) -> ApiError {
    if cause.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::new(Code::TooLarge, "the body is larger than 1 MiB", "send less at a time");
    }
    ApiError::bad_request(cause.body_text(), "send the body again, whole")
}
