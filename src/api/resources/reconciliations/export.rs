//! A run as a file to download; not here: the formats (`finance::export`).

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};
use serde::Deserialize;

use crate::api::error::{ApiError, Code};
use crate::api::extract::{ApiPath, ApiQuery};
use crate::api::state::AppState;
use crate::finance::export::{Dialect, FORMATS, Format, Separator};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct ExportQuery {
    format: Option<String>,
    /// Of one CSV file; without, the breaks.
    section: Option<String>,
    /// A byte order mark in front of CSV.
    bom: bool,
    /// `;` between cells and decimal commas.
    semicolon: bool,
}

/// The whole file or an error: nothing is sent before all of it is there.
pub(in crate::api) async fn export(
    State(state): State<AppState>,
    ApiPath(run): ApiPath<i64>,
    ApiQuery(query): ApiQuery<ExportQuery>,
) -> Result<Response, ApiError> {
    let separator = if query.semicolon { Separator::Semicolon } else { Separator::Comma };
    let dialect = Dialect { bom: query.bom, separator };
    let word = query.format.as_deref().ok_or_else(|| {
        ApiError::bad_request("an export has a format", format!("?format= one of {}", FORMATS.join(", ")))
    })?;
    let format = Format::parse(word, query.section.as_deref(), dialect)
        .map_err(|error| ApiError::bad_request(error.to_string(), "docs/reconciliation-exports.md tells them"))?;
    let file = state.desk()?.export(run, format).await?;
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", file.name))
        .map_err(|error| ApiError::new(Code::Internal, error.to_string(), "run `syncline verify`"))?;
    let kind = HeaderValue::from_static(file.content_type);
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)], file.bytes).into_response())
}
