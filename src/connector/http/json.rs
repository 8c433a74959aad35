//! JSON answers and payloads read strictly: exact numbers, no duplicate keys, bounded depth, nothing after the end.
//!
//! Not here: size (the reader of the body caps it), where in the document the records are.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use thiserror::Error;

/// Deepest nesting accepted.
pub const MAX_DEPTH: usize = 64;
/// How `serde_json` hands over a number whose text it kept.
const NUMBER_TOKEN: &str = "$serde_json::private::Number";

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct JsonError {
    pub reason: String,
    /// Whether the text ended too early: a cut-off answer rather than a wrong one.
    pub truncated: bool,
}

/// Reads one JSON document. A leading byte order mark is skipped; invalid UTF-8 is refused.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Document { depth: 0 }.deserialize(&mut reader).map_err(describe)?;
    reader.end().map_err(describe)?;
    Ok(value)
}

fn describe(error: serde_json::Error) -> JsonError {
    JsonError { reason: error.to_string(), truncated: error.is_eof() }
}

#[derive(Clone, Copy)]
struct Document {
    depth: usize,
}

impl Document {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Document {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if name == NUMBER_TOKEN && object.is_empty() {
                let text: String = fields.next_value()?;
                return text.parse::<Number>().map(Value::Number).map_err(A::Error::custom);
            }
            if object.contains_key(&name) {
                let shown = super::mask::escape(&name, 80);
                return Err(A::Error::custom(format_args!("the key `{shown}` appears twice in one object")));
            }
            let value = fields.next_value_seed(inner)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_text() {
        for text in ["10.0", "12345678901234567890123", "0.1", "-1e+5", "19.90", "0"] {
            assert_eq!(parse(format!("[{text}]").as_bytes()).unwrap()[0].to_string(), text);
        }
        let text = r#"{"b":{"x":[1,null,true,"ü\n"]},"a":{}}"#;
        assert_eq!(parse(text.as_bytes()).unwrap().to_string(), text);
        assert_eq!(parse(b"\xef\xbb\xbf{\"a\":1}").unwrap()["a"].to_string(), "1");
    }

    #[track_caller]
    fn refused(text: impl AsRef<[u8]>, needle: &str, truncated: bool) {
        let error = parse(text.as_ref()).unwrap_err();
        assert!(error.reason.contains(needle), "{error}");
        assert_eq!(error.truncated, truncated, "{error}");
    }

    #[test]
    fn refuses_what_is_ambiguous_or_hostile() {
        refused(r#"{"a":1,"a":2}"#, "`a` appears twice", false);
        refused(r#"{"a":{"b":1,"b":1}}"#, "`b` appears twice", false);
        refused(r#"{"a":1,"\u0061":2}"#, "`a` appears twice", false);
        refused("[".repeat(100_000), "levels", false);
        refused(format!("{}1{}", "{\"a\":".repeat(65), "}".repeat(65)), "levels", false);
        refused(r#"{"a":"#, "EOF", true);
        refused("", "EOF", true);
        refused(r#"{"a":1} x"#, "trailing", false);
        refused(b"\"\xff\"", "unicode", false);
        refused(r#""\ud800x""#, "hex escape", false);
        refused("<html>", "expected value", false);
        refused("NaN", "expected", false);
    }
}
