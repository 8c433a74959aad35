//! The messages of Singer, read and written.
//!
//! Not here: their order (`tap`, `target`).

use serde_json::{Map, Value, json};

use crate::connector::http::json;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    Schema {
        stream: String,
    },
    Record {
        stream: String,
        record: Value,
    },
    State(Value),
    /// A new generation of a full table begins or ends. The hub compares contents anyway.
    ActivateVersion,
    /// Another member of the family, which carries no records.
    Other(String),
}

pub(super) fn read(line: &[u8]) -> Result<Said, String> {
    let value = json::parse(line)
        .map_err(|error| if error.truncated { "is cut off".to_owned() } else { format!("is not JSON: {error}") })?;
    let Value::Object(mut members) = value else { return Err("is JSON but not an object".to_owned()) };
    let kind = text(&members, "type")?;
    Ok(match kind.as_str() {
        "SCHEMA" => {
            if !members.get("schema").is_some_and(Value::is_object) {
                return Err("is a SCHEMA without `schema`".to_owned());
            }
            Said::Schema { stream: text(&members, "stream")? }
        }
        "RECORD" => match members.remove("record") {
            Some(record @ Value::Object(_)) => Said::Record { stream: text(&members, "stream")?, record },
            Some(_) | None => return Err("is a RECORD without `record`".to_owned()),
        },
        "STATE" => Said::State(members.remove("value").ok_or("is a STATE without `value`")?),
        "ACTIVATE_VERSION" => Said::ActivateVersion,
        "BATCH" => {
            return Err("is a BATCH: files instead of records; switch it off in the tap's configuration".to_owned());
        }
        _ => Said::Other(kind),
    })
}

fn text(members: &Map<String, Value>, name: &str) -> Result<String, String> {
    let found = members.get(name).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| format!("has no `{name}`"))
}

pub(super) fn schema(stream: &str, schema: &Value, key: &[String]) -> Vec<u8> {
    line(&json!({ "type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": key }))
}

pub(super) fn record(stream: &str, record: &Value) -> Vec<u8> {
    line(&json!({ "type": "RECORD", "stream": stream, "record": record }))
}

/// Our state says how many records came before it.
pub(super) fn state(records: usize) -> Vec<u8> {
    line(&json!({ "type": "STATE", "value": state_value(records) }))
}

fn state_value(records: usize) -> Value {
    json!({ "bookmarks": { "syncline": { "records": records } } })
}

/// How many records a state that came back stands for; `None` if it is not ours.
pub(super) fn acknowledged(line: &[u8]) -> Option<usize> {
    let value = json::parse(line).ok()?;
    // Some targets give the message back, most its value.
    let state = if value.get("type").and_then(Value::as_str) == Some("STATE") { value.get("value")? } else { &value };
    let records = state.get("bookmarks")?.get("syncline")?.get("records")?;
    usize::try_from(records.as_u64()?).ok()
}

fn line(message: &Value) -> Vec<u8> {
    let mut line = message.to_string().into_bytes();
    line.push(b'\n');
    line
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_taps_say() {
        let record =
            read(br#"{"type":"RECORD","stream":"a","record":{"n":1.10},"time_extracted":"2026-01-01T00:00:00Z"}"#);
        let Ok(Said::Record { stream, record }) = record else { panic!("{record:?}") };
        assert_eq!((stream.as_str(), record.to_string().as_str()), ("a", r#"{"n":1.10}"#));
        assert_eq!(read(br#"{"type":"STATE","value":{"b":1}}"#), Ok(Said::State(json!({ "b": 1 }))));
        assert_eq!(read(br#"{"type":"ACTIVATE_VERSION","stream":"a","version":1}"#), Ok(Said::ActivateVersion));
        assert_eq!(read(br#"{"type":"SOMETHING"}"#), Ok(Said::Other("SOMETHING".into())));
        for (line, reason) in [
            (&br#"{"type":"BATCH","stream":"a"}"#[..], "BATCH"),
            (br#"{"type":"RECORD","stream":"a"}"#, "without `record`"),
            (br#"{"type":"RECORD","record":{}}"#, "no `stream`"),
            (br#"{"type":"SCHEMA","stream":"a"}"#, "without `schema`"),
            (br#"{"type":"STATE"}"#, "without `value`"),
            (br#"{"type":"RECORD","stream":"a","rec"#, "cut off"),
            (b"2026-01-01 INFO starting", "not JSON"),
        ] {
            assert!(read(line).unwrap_err().contains(reason), "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn recognises_its_own_state() {
        let sent = state(300);
        let value = state_value(300).to_string();
        assert_eq!((acknowledged(&sent), acknowledged(value.as_bytes())), (Some(300), Some(300)));
        for other in ["{}", "null", "done", r#"{"bookmarks":{"syncline":{"records":-1}}}"#] {
            assert_eq!(acknowledged(other.as_bytes()), None, "{other}");
        }
    }
}
