//! The protocols inside HTTP that answer failures with a status of their own choice: how an answer is read, and what it
//! says about success.
//!
//! Not here: writing their requests (`render`), the manifest's own rules, which come first (`classify`).

use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;
use serde_json::Value;

use super::body::{self, BodyError};
use super::classify::{Purpose, by_graphql, by_status};
use super::render::{Content, Outgoing};
use super::{soap, xml_rpc};
use crate::connector::manifest::Body;
use crate::model::ErrorClass;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Plain,
    GraphQl,
    Soap,
    JsonRpc,
    XmlRpc,
}

impl Protocol {
    pub(crate) fn of(body: &Body) -> Self {
        match body {
            Body::None | Body::Json(_) | Body::JsonLines(_) | Body::Form(_) | Body::Xml(_) | Body::Multipart(_) => {
                Self::Plain
            }
            Body::GraphQl { .. } => Self::GraphQl,
            Body::Soap { .. } => Self::Soap,
            Body::JsonRpc { .. } => Self::JsonRpc,
            Body::XmlRpc { .. } => Self::XmlRpc,
        }
    }

    /// The body as rules and templates see it.
    pub(crate) fn read(self, headers: &HeaderMap, bytes: &[u8]) -> Result<Value, BodyError> {
        match self {
            Self::Plain | Self::GraphQl | Self::Soap | Self::JsonRpc => body::parse(headers, bytes),
            // An error page of something in between is not the protocol's.
            Self::XmlRpc => match xml_rpc::read(bytes) {
                Ok(body) => Ok(body),
                Err(error) => match body::parse(headers, bytes) {
                    Err(BodyError::Html) => Err(BodyError::Html),
                    Ok(_) | Err(_) => Err(error),
                },
            },
        }
    }

    /// The failure that an answer of whatever status states in the protocol's own form.
    pub(super) fn stated(self, body: &Value, purpose: Purpose) -> Option<(ErrorClass, String)> {
        match self {
            Self::Plain => None,
            Self::GraphQl => by_graphql(body, purpose),
            Self::Soap => soap::failed(body, purpose),
            Self::JsonRpc => by_json_rpc(body, purpose),
            Self::XmlRpc => {
                let fault = body.get("fault")?;
                Some((ErrorClass::Data, text(fault.get("faultString")).unwrap_or_else(|| fault.to_string())))
            }
        }
    }

    /// What an accepted answer lacks to be one to this request.
    pub(super) fn misses(self, outgoing: &Outgoing, body: &Value) -> Option<String> {
        if self != Self::JsonRpc || body.is_string() {
            return None;
        }
        let Content::Json(asked) = &outgoing.body else { return None };
        if body.get("id") != asked.get("id") {
            return Some("the answer belongs to another call: its id is not the one that was sent".to_owned());
        }
        body.get("result").is_none().then(|| "the answer holds neither a result nor an error".to_owned())
    }
}

/// An id that no other call of this process has.
pub(super) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The codes that the specification fixes; those of servers are theirs to describe in rules. A failure inside the server may
/// have come after the effect.
fn by_json_rpc(body: &Value, purpose: Purpose) -> Option<(ErrorClass, String)> {
    let error = body.get("error").filter(|error| !error.is_null())?;
    let class = match error.get("code").and_then(Value::as_i64) {
        Some(-32603) | Some(-32099..=-32000) => by_status(500, purpose),
        Some(_) | None => ErrorClass::Data,
    };
    let said = error.pointer("/data/message").or(error.get("message"));
    Some((class, text(said).unwrap_or_else(|| error.to_string())))
}

/// Text, also that of an element with attributes.
pub(super) fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Object(fields) => text(fields.get("#text")),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => None,
    }
}
