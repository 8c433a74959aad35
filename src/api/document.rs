//! A stored document as JSON; not here: what it means.

use serde_json::Value;

/// One that is not JSON stays text, so that it can be looked at.
pub(super) fn document(doc: &str) -> Value {
    serde_json::from_str(doc).unwrap_or_else(|_| Value::String(doc.to_owned()))
}
