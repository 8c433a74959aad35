//! One record on its own, with what its envelope said about it: the hub's form of payloads that it cut out of others or
//! read on purpose; pure.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::connector::call::IncomingOp;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub key: String,
    pub op: IncomingOp,
    /// As `model::Version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Microseconds, by the vendor's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<i64>,
    /// When it was asked for, by our clock, in microseconds; absent for what was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<i64>,
    /// Its content is not believed: the record is read again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hint: bool,
    pub payload: Value,
    /// Why the record could not be read from the payload that it came in; then the rest tells only what could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Part {
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Part, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
