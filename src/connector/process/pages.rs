//! Records and states as they come, made into pages: which state may become the cursor of which rows. Pure.
//!
//! A state covers every record before it. A page carries the last state that came with it, so the cursor never moves beyond
//! the rows that are stored with it; records behind that state are in the page too, and may come again.
//! Not here: where they come from (`reader`).

use serde_json::Value;

/// A page is full at this many records or bytes.
const RECORDS: usize = 1_000;
const BYTES: u64 = 4 << 20;

/// What is gathered for one page.
#[derive(Default)]
pub(super) struct Gathered {
    pub records: Vec<Value>,
    pub cursor: Option<String>,
    bytes: u64,
}

impl Gathered {
    pub fn record(&mut self, record: Value, bytes: u64) {
        self.records.push(record);
        self.bytes += bytes;
    }

    pub fn is_full(&self) -> bool {
        self.records.len() >= RECORDS || self.bytes >= BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.cursor.is_none()
    }
}

/// What the states of one run are held against.
pub(super) struct States {
    /// The last state that says something, from the store or from this run.
    known: Option<String>,
}

/// What becomes of a state.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    Cursor(String),
    /// It says nothing, and nothing was known.
    Nothing,
    /// It says nothing where something is known: a program that failed and forgot. Taking it would read everything anew.
    Refused,
}

impl States {
    pub fn new(stored: Option<&str>) -> States {
        let says_something = |text: &&str| serde_json::from_str(text).is_ok_and(|state| !is_empty(&state));
        States { known: stored.filter(says_something).map(str::to_owned) }
    }

    pub fn accept(&mut self, state: &Value) -> Accepted {
        match (is_empty(state), &self.known) {
            (true, Some(_)) => Accepted::Refused,
            (true, None) => Accepted::Nothing,
            (false, _) => {
                let text = state.to_string();
                self.known = Some(text.clone());
                Accepted::Cursor(text)
            }
        }
    }
}

/// Nothing, or nothing but containers of nothing, such as `{"bookmarks":{}}`.
fn is_empty(state: &Value) -> bool {
    match state {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(is_empty),
        Value::Object(members) => members.values().all(is_empty),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_state_never_takes_the_place_of_one_that_says_something() {
        let mut fresh = States::new(None);
        assert_eq!(fresh.accept(&json!({})), Accepted::Nothing);
        assert_eq!(fresh.accept(&json!({ "bookmarks": { "a": { "at": "2026" } } })), {
            Accepted::Cursor(r#"{"bookmarks":{"a":{"at":"2026"}}}"#.to_owned())
        });
        for empty in [json!(null), json!({}), json!([]), json!(""), json!({ "bookmarks": { "a": {} } })] {
            assert_eq!(fresh.accept(&empty), Accepted::Refused, "{empty}");
            assert_eq!(States::new(Some("7")).accept(&empty), Accepted::Refused, "{empty}");
            assert_eq!(States::new(Some("{}")).accept(&empty), Accepted::Nothing, "{empty}");
        }
        assert_eq!(States::new(Some("7")).accept(&json!(0)), Accepted::Cursor("0".to_owned()));
    }
}
