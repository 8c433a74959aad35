//! The messages of the hub's own protocol, version 1: what a program may say, checked; docs/plugins.md is their reference.
//!
//! Not here: their order (`session`).

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::failure::Refusal;
use crate::connector::http::json;
use crate::model::ErrorClass;

/// Versions that this hub speaks.
pub(super) const VERSIONS: [u64; 1] = [1];

/// The longest that a program may ask us to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

crate::choice! {
    pub(super) enum Ability ("ability") {
        Check = "check",
        Discover = "discover",
        Read = "read",
        Write = "write",
        Lookup = "lookup",
        Snapshot = "snapshot",
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    Hello {
        protocol: u64,
        name: String,
        version: String,
        can: Vec<Ability>,
    },
    Log {
        level: LogLevel,
        message: String,
    },
    Answer {
        id: u64,
        answer: Answer,
    },
    /// Not in answer to anything: it cannot go on.
    Broken(Refusal),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    Stream { name: String },
    Record(Value),
    State(Value),
    Result { item: String, outcome: Result<Written, Refusal> },
    Found { remote_id: String, record: Value },
    Absent,
    Done { shows: Option<String> },
    Error(Refusal),
}

impl Answer {
    pub fn name(&self) -> &'static str {
        match self {
            Answer::Stream { .. } => "stream",
            Answer::Record(_) => "record",
            Answer::State(_) => "state",
            Answer::Result { .. } => "result",
            Answer::Found { .. } => "found",
            Answer::Absent => "absent",
            Answer::Done { .. } => "done",
            Answer::Error(_) => "error",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Written {
    pub remote_id: Option<String>,
    pub version: Option<String>,
}

crate::choice! {
    pub(super) enum LogLevel ("log level") { Debug = "debug", Info = "info", Warn = "warn", Error = "error" }
}

/// A message to the program: `type` first, then `id`, then the rest; one line without blanks.
pub(super) fn line(kind: &str, id: Option<u64>, members: Value) -> Vec<u8> {
    let mut message = Map::new();
    message.insert("type".to_owned(), json!(kind));
    message.extend(id.map(|id| ("id".to_owned(), json!(id))));
    if let Value::Object(members) = members {
        message.extend(members);
    }
    let mut line = Value::Object(message).to_string().into_bytes();
    line.push(b'\n');
    line
}

/// Reads what a program said; the error says what is wrong with it.
pub(super) fn read(line: &[u8]) -> Result<Said, String> {
    let mut value = json::parse(line)
        .map_err(|error| if error.truncated { "is cut off".to_owned() } else { format!("is not JSON: {error}") })?;
    let Value::Object(members) = &mut value else { return Err("is JSON but not an object".to_owned()) };
    let mut message = Message { kind: String::new(), members: std::mem::take(members) };
    message.kind = message.text("type")?;
    match message.kind.as_str() {
        "hello" => message.hello(),
        "log" => {
            let level = message.optional_text("level")?.unwrap_or_else(|| "info".to_owned());
            let level = choice::<LogLevel>(&level).ok_or_else(|| format!("has the unknown log level `{level}`"))?;
            Ok(Said::Log { level, message: message.text("message")? })
        }
        "error" if !message.members.contains_key("id") => Ok(Said::Broken(message.refusal()?)),
        _ => Ok(Said::Answer { id: message.number("id")?, answer: message.answer()? }),
    }
}

fn choice<T: crate::config::yaml::Choice>(word: &str) -> Option<T> {
    T::ALL.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
}

struct Message {
    kind: String,
    members: Map<String, Value>,
}

impl Message {
    fn hello(&mut self) -> Result<Said, String> {
        let protocol = self.number("protocol")?;
        let (name, version) = (self.text("name")?, self.optional_text("version")?.unwrap_or_default());
        let Some(Value::Array(words)) = self.members.get("can") else {
            return Err("says hello without `can`: the list of what it can do".to_owned());
        };
        // What a later hub may ask of it does not concern this one.
        let can = words.iter().filter_map(|word| choice(word.as_str()?)).collect();
        Ok(Said::Hello { protocol, name, version, can })
    }

    fn answer(&mut self) -> Result<Answer, String> {
        Ok(match self.kind.as_str() {
            "stream" => Answer::Stream { name: self.text("stream")? },
            "record" => match self.members.remove("record") {
                Some(record @ Value::Object(_)) => Answer::Record(record),
                Some(_) | None => return Err("has no `record` that is an object".to_owned()),
            },
            "state" => Answer::State(self.members.remove("state").ok_or("has no `state`")?),
            "result" => Answer::Result { item: self.text("item")?, outcome: self.outcome()? },
            "found" => Answer::Found {
                remote_id: self.text("remote_id")?,
                record: self.members.remove("record").unwrap_or_default(),
            },
            "absent" => Answer::Absent,
            "done" => Answer::Done { shows: self.optional_text("shows")? },
            "error" => Answer::Error(self.refusal()?),
            other => return Err(format!("has the unknown type `{}`", other.escape_debug())),
        })
    }

    fn outcome(&mut self) -> Result<Result<Written, Refusal>, String> {
        match self.members.remove("error") {
            None => {
                let (remote_id, version) = (self.optional_text("remote_id")?, self.optional_text("version")?);
                Ok(Ok(Written { remote_id: remote_id.filter(|id| !id.is_empty()), version }))
            }
            Some(Value::Object(members)) => Ok(Err(Message { kind: String::new(), members }.refusal()?)),
            Some(_) => Err("has an `error` that is no object".to_owned()),
        }
    }

    fn refusal(&mut self) -> Result<Refusal, String> {
        let word = self.text("class")?;
        let class = ErrorClass::parse(&word)
            .filter(|class| !matches!(class, ErrorClass::Bug | ErrorClass::UnmappedValue))
            .ok_or_else(|| format!("has the unknown error class `{}`", word.escape_debug()))?;
        let retry_after = match self.members.get("retry_after_s") {
            None | Some(Value::Null) => None,
            Some(_) => Some(Duration::from_secs(self.number("retry_after_s")?).min(LONGEST_WAIT)),
        };
        let sent = match self.members.get("sent") {
            None | Some(Value::Null) => true,
            Some(Value::Bool(sent)) => *sent,
            Some(_) => return Err("has a `sent` that is neither true nor false".to_owned()),
        };
        let next_step = self.optional_text("next_step")?.unwrap_or_default();
        Ok(Refusal { class, message: self.text("message")?, next_step, retry_after, sent })
    }

    fn text(&self, name: &str) -> Result<String, String> {
        match self.members.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(format!("has a `{name}` that is no text")),
            None => Err(format!("has no `{name}`")),
        }
    }

    /// Numbers count as texts: many systems have numbers for ids.
    fn optional_text(&self, name: &str) -> Result<Option<String>, String> {
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(format!("has a `{name}` that is no text")),
        }
    }

    fn number(&self, name: &str) -> Result<u64, String> {
        let found = self.members.get(name).ok_or_else(|| format!("has no `{name}`"))?;
        found.as_u64().ok_or_else(|| format!("has a `{name}` that is no whole number"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(line: &str, reason: &str) {
        let found = read(line.as_bytes()).unwrap_err();
        assert!(found.contains(reason), "{line}: {found}");
    }

    #[test]
    fn says_what_is_wrong_with_a_line() {
        refused("", "is cut off");
        refused(r#"{"type":"record","#, "is cut off");
        refused("Traceback (most recent call last):", "is not JSON");
        refused("[]", "not an object");
        refused("{}", "has no `type`");
        refused(r#"{"type":"done"}"#, "has no `id`");
        refused(r#"{"type":"done","id":-1}"#, "`id` that is no whole number");
        refused(r#"{"type":"sing","id":1}"#, "unknown type `sing`");
        refused(r#"{"type":"record","id":1,"record":[]}"#, "no `record` that is an object");
        refused(r#"{"type":"record","id":1,"id":2,"record":{}}"#, "is not JSON");
        refused(r#"{"type":"error","id":1,"class":"sad","message":"x"}"#, "unknown error class `sad`");
        refused(r#"{"type":"error","id":1,"class":"bug","message":"x"}"#, "unknown error class `bug`");
        refused(r#"{"type":"result","id":1,"item":"0","error":"no"}"#, "`error` that is no object");
        refused(r#"{"type":"hello","protocol":1,"name":"x"}"#, "without `can`");
        refused(r#"{"type":"log","level":"loud","message":"x"}"#, "unknown log level");
    }

    #[test]
    fn reads_what_a_program_says() {
        let hello = read(br#"{"type":"hello","protocol":1,"name":"x","can":["read","fly"],"more":{}}"#).unwrap();
        let can = vec![Ability::Read];
        assert_eq!(hello, Said::Hello { protocol: 1, name: "x".into(), version: String::new(), can });
        let record = read(br#"{"type":"record","id":3,"record":{"total":19.90}}"#).unwrap();
        let Said::Answer { id: 3, answer: Answer::Record(record) } = record else { panic!("{record:?}") };
        assert_eq!(record.to_string(), r#"{"total":19.90}"#, "digits stay as they were written");
        let result = read(br#"{"type":"result","id":1,"item":"0","remote_id":17}"#).unwrap();
        let outcome = Ok(Written { remote_id: Some("17".into()), version: None });
        assert_eq!(result, Said::Answer { id: 1, answer: Answer::Result { item: "0".into(), outcome } });
        let error =
            read(br#"{"type":"error","class":"rate_limited","message":"slow","retry_after_s":999999999}"#).unwrap();
        let Said::Broken(refusal) = error else { panic!("{error:?}") };
        assert_eq!(
            (refusal.class, refusal.retry_after, refusal.sent),
            (ErrorClass::RateLimited, Some(LONGEST_WAIT), true)
        );
    }

    #[test]
    fn writes_the_type_first() {
        let line = line("read", Some(2), json!({ "stream": "orders", "state": null }));
        assert_eq!(line, b"{\"type\":\"read\",\"id\":2,\"stream\":\"orders\",\"state\":null}\n");
    }
}
