//! Compares a delivery with what the order says: a fast pipe that mangles fields has not been measured.

use serde_json::Value;

use crate::order;

/// What is wrong, in words; empty if nothing.
pub fn wrong_fields(index: u64, body: &[u8]) -> Vec<String> {
    let found: Value = match serde_json::from_slice(body) {
        Ok(found) => found,
        Err(error) => return vec![format!("order {index}: the delivery is not JSON: {error}")],
    };
    let wrong = |(name, expected): (&str, String)| {
        let value = found.pointer(&format!("/{}", name.replace('.', "/")));
        let value = match value {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        // 10:00:00Z and 10:00:00+00:00 are one instant.
        let same = value == expected || (name.ends_with("_at") && value.starts_with(&expected));
        (!same).then(|| format!("order {index}: {name} is {value:?}, expected {expected:?}"))
    };
    order::expected(index).into_iter().filter_map(wrong).collect()
}
