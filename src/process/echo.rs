//! Recognises what we ourselves told a system when it tells us back; pure.

use serde_json::Value;

use crate::mapping::expr::Path;

/// Whether a vendor's record says what we last told that vendor, in every field that we told. `told` is a JSON object of
/// paths and values; one without members recognises nothing.
pub fn says(record: &Value, told: &str) -> bool {
    let Ok(Value::Object(told)) = serde_json::from_str::<Value>(told) else { return false };
    !told.is_empty()
        && told.iter().all(|(path, value)| {
            Path::parse(path).ok().and_then(|path| path.first(record).map(|seen| same(seen, value))).unwrap_or(false)
        })
}

/// Vendors write numbers as text and the other way round.
fn same(seen: &Value, told: &Value) -> bool {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    seen == told || plain(seen) == plain(told)
}
