//! Link-header pages: an opaque `page_info` freezes the filter and names the place to go on from.
//!
//! Not here: what is listed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::sandbox::call::{Answer, Call};

const DEFAULT_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 250;

/// Where a walk stands; the filter `F` of its first call travels along.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Walk<F> {
    pub filter: F,
    /// Sort key of the last record seen.
    pub after: (i64, i64),
}

/// A page to be cut: which walk, how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageCall<F> {
    pub walk: Walk<F>,
    pub limit: usize,
}

/// Reads `limit` and `page_info`; without the latter `first` makes the filter. As at Shopify, nothing but `limit` and
/// `fields` may accompany `page_info`.
pub fn page_call<F: for<'de> Deserialize<'de>>(
    call: &Call,
    first: impl FnOnce(&Call) -> Result<F, Answer>,
) -> Result<PageCall<F>, Answer> {
    let limit = match call.param("limit").map(str::parse::<usize>) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit)) if (1..=LARGEST_LIMIT).contains(&limit) => limit,
        Some(_) => return Err(bad_request("limit", "must be a number from 1 to 250")),
    };
    let Some(page_info) = call.param("page_info") else {
        return Ok(PageCall { walk: Walk { filter: first(call)?, after: (i64::MIN, i64::MIN) }, limit });
    };
    if call.query.iter().any(|(name, _)| !matches!(name.as_str(), "limit" | "page_info" | "fields")) {
        return Err(bad_request("page_info", "cannot be combined with other filters"));
    }
    let decoded = URL_SAFE_NO_PAD.decode(page_info).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match decoded {
        Some(walk) => Ok(PageCall { walk, limit }),
        None => Err(bad_request("page_info", "Invalid value.")),
    }
}

/// Adds the `rel="next"` link.
pub fn with_next<F: Serialize>(answer: Answer, call: &Call, walk: &Walk<F>, limit: usize) -> Answer {
    let token = URL_SAFE_NO_PAD.encode(json!(walk).to_string());
    let link = format!("<{}{}?limit={limit}&page_info={token}>; rel=\"next\"", call.origin(), call.path);
    answer.header("link", link)
}

pub fn bad_request(field: &str, message: &str) -> Answer {
    Answer::json(400, &json!({ "errors": { field: message } }))
}
