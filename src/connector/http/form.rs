//! Form bodies: `application/x-www-form-urlencoded` with brackets for nesting, and the percent coding they rest on.
//!
//! Not here: multipart, and choosing this body over another (`request`).

use std::fmt::Write;

use serde_json::Value;
use thiserror::Error;

const MAX_DEPTH: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FormError {
    #[error("a form body is an object of fields, not {found}")]
    NotAnObject { found: &'static str },
    #[error("field `{field}` is nested deeper than {MAX_DEPTH} levels")]
    TooDeep { field: String },
}

/// Encodes `{"metadata":{"order_id":"1"},"expand":["a","b"]}` as `metadata[order_id]=1&expand[0]=a&expand[1]=b`.
/// Nulls are left out: a form has no null; an empty text says "clear this field".
pub fn encode(body: &Value) -> Result<String, FormError> {
    let Value::Object(fields) = body else {
        return Err(FormError::NotAnObject { found: kind(body) });
    };
    let mut encoded = String::new();
    for (name, value) in fields {
        // Brackets in a written name are structure, as those that nesting adds.
        let name = percent_encode(name).replace("%5B", "[").replace("%5D", "]");
        append(&mut encoded, &name, value, 0)?;
    }
    Ok(encoded)
}

fn append(encoded: &mut String, name: &str, value: &Value, depth: usize) -> Result<(), FormError> {
    if depth > MAX_DEPTH {
        return Err(FormError::TooDeep { field: name.to_owned() });
    }
    match value {
        Value::Null => Ok(()),
        Value::Bool(flag) => pair(encoded, name, if *flag { "true" } else { "false" }),
        Value::Number(number) => pair(encoded, name, &number.to_string()),
        Value::String(text) => pair(encoded, name, text),
        Value::Array(items) => {
            let mut each = items.iter().enumerate();
            each.try_for_each(|(index, item)| append(encoded, &format!("{name}[{index}]"), item, depth + 1))
        }
        Value::Object(fields) => fields
            .iter()
            .try_for_each(|(key, item)| append(encoded, &format!("{name}[{}]", percent_encode(key)), item, depth + 1)),
    }
}

fn pair(encoded: &mut String, name: &str, value: &str) -> Result<(), FormError> {
    if !encoded.is_empty() {
        encoded.push('&');
    }
    encoded.push_str(name);
    encoded.push('=');
    encoded.push_str(&percent_encode(value));
    Ok(())
}

/// RFC 3986 percent coding of everything but the unreserved characters; safe in a path segment, a query and a form.
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Names and values of a query or form, decoded.
pub fn decoded_pairs(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%').and_then(|pair| hex::decode(pair).ok());
        match (escaped, byte) {
            (Some(plain), _) => {
                decoded.extend(plain);
                at += 2;
            }
            (None, b'+') => decoded.push(b' '),
            (None, other) => decoded.push(*other),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(body: Value, expected: &str) {
        assert_eq!(encode(&body).unwrap(), expected);
    }

    #[test]
    fn nests_with_brackets() {
        check(
            json!({"amount": 1000, "metadata": {"order id": "1&2"}, "expand": ["a", "b"], "off": false, "gone": null, "clear": ""}),
            "amount=1000&metadata[order%20id]=1%262&expand[0]=a&expand[1]=b&off=false&clear=",
        );
        check(json!({"items": [{"price": "p_1", "tax": ["t1"]}]}), "items[0][price]=p_1&items[0][tax][0]=t1");
        check(
            json!({"metadata[order_id]": "W[1]", "expand[]": "data.charge"}),
            "metadata[order_id]=W%5B1%5D&expand[]=data.charge",
        );
        check(json!({}), "");
        let exact: Value = serde_json::from_str(r#"{"a":123456789012345678901234567890.10}"#).unwrap();
        check(exact, "a=123456789012345678901234567890.10");
        check(json!({"größe": "€"}), "gr%C3%B6%C3%9Fe=%E2%82%AC");
    }

    #[test]
    fn refuses_what_has_no_fields() {
        assert_eq!(encode(&json!([1])), Err(FormError::NotAnObject { found: "a list" }));
        let deep = (0..40).fold(json!(1), |inner, _| json!({ "a": inner }));
        assert!(matches!(encode(&deep), Err(FormError::TooDeep { .. })));
    }
}
