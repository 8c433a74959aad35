//! From the bytes of an answer to a value.
//!
//! Not here: what the value means.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use thiserror::Error;

use super::{json, xml};

/// A body, of an answer or of a delivery, that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BodyError {
    #[error("the body is a web page, not data")]
    Html,
    #[error("the body is cut off: {0}")]
    Truncated(String),
    #[error("the body cannot be read: {0}")]
    Unreadable(String),
}

/// Reads JSON, or XML where the answer says or shows that it is XML. No content at all is null.
pub fn parse(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, BodyError> {
    let text = bytes.trim_ascii_start();
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let declared = declared.to_ascii_lowercase();
    let opening = text.get(..14).unwrap_or(text).to_ascii_lowercase();
    let looks_like_page = opening.starts_with(b"<!doctype html") || opening.starts_with(b"<html");
    if declared.contains("html") || looks_like_page {
        return Err(BodyError::Html);
    }
    // A wrong label is common, a wrong first character is not.
    let is_xml = text.starts_with(b"<") || declared.contains("xml");
    if is_xml {
        xml::parse(bytes).map_err(|error| sort(error.truncated, error.to_string()))
    } else {
        json::parse(bytes).map_err(|error| sort(error.truncated, error.to_string()))
    }
}

fn sort(truncated: bool, reason: String) -> BodyError {
    if truncated { BodyError::Truncated(reason) } else { BodyError::Unreadable(reason) }
}

/// Headers as templates see them: names in lower case, repeated values joined.
pub fn headers_json(headers: &HeaderMap) -> Value {
    let mut object = serde_json::Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        object.insert(name.as_str().to_owned(), Value::String(values.collect::<Vec<_>>().join(", ")));
    }
    Value::Object(object)
}
