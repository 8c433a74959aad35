//! What a genuine delivery, or a polled record, says: stream, operation, key, version. Pure.
//!
//! Not here: whether it is genuine (`verify`), mapping it to a canonical record.

use std::borrow::Cow;

use http::HeaderMap;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::config::yaml::Spanned;
use crate::connector::call::{Incoming, IncomingOp, InterpretError, Interpreted, Label, Pong};
use crate::connector::connection::Connection;
use crate::connector::http::body::{headers_json, parse};
use crate::connector::http::form::decoded_pairs;
use crate::connector::http::wrap::unwrap;
use crate::connector::manifest::{Fetch, Stream, StreamWebhook, TimeText, Topic, TopicOp, VersionKind, VersionRule};
use crate::mapping::expr::{Path, Scope, Step, Template};
use crate::model::{Timestamp as VendorTime, Version};

impl Connection {
    /// Reads a delivery. A body that is a list holds one event per item.
    pub fn interpret(&self, payload: &[u8], headers: &HeaderMap) -> Result<Interpreted, InterpretError> {
        let body = parse(headers, payload).map_err(|error| InterpretError::Unreadable { reason: error.to_string() })?;
        let body = match &self.manifest.http {
            Some(http) => unwrap(&http.wrappers, body),
            None => body,
        };
        let headers = headers_json(headers);
        let mut found = Interpreted::default();
        let envelope = Envelope { headers: &headers, delivery: &body };
        for (index, event) in self.events(&body)?.into_iter().enumerate() {
            self.event(index, event, envelope, None, &mut found);
        }
        Ok(found)
    }

    /// The events that a delivery holds.
    fn events<'b>(&self, body: &'b Value) -> Result<Vec<&'b Value>, InterpretError> {
        let path = self.manifest.webhooks.as_ref().and_then(|webhooks| webhooks.events.as_ref());
        match (path, body) {
            (None, Value::Array(events)) => Ok(events.iter().collect()),
            (None, single) => Ok(vec![single]),
            (Some(path), body) => records_at(Some(path), body).ok_or_else(|| InterpretError::Unreadable {
                reason: format!("there are no events at `{}`", path.as_str()),
            }),
        }
    }

    /// Reads one record of `read_page` or `get`. An event list's items are read like deliveries, for this stream alone.
    pub fn interpret_record(&self, stream: &str, record: &Value) -> Result<Interpreted, InterpretError> {
        self.interpret_row(stream, record, &Value::Null)
    }

    /// Reads one row of a file, whose key and version may also see the members of `envelope`: the file's header record and
    /// the file itself.
    pub fn interpret_row(&self, stream: &str, record: &Value, envelope: &Value) -> Result<Interpreted, InterpretError> {
        let unknown = || InterpretError::Stream { stream: stream.to_owned() };
        let described = self.manifest.stream(stream).ok_or_else(unknown)?;
        let mut found = Interpreted::default();
        if described.http_read().is_some_and(|read| read.as_webhook) {
            let headers = Value::Object(serde_json::Map::new());
            let envelope = Envelope { headers: &headers, delivery: record };
            self.event(0, record, envelope, Some(stream), &mut found);
            return Ok(found);
        }
        for (index, record) in exploded(described, record).into_iter().enumerate() {
            let mut scope = Scope::new().with("record", record.as_ref());
            for name in ["header", "file"] {
                if let Some(value) = envelope.get(name) {
                    scope.set(name, value);
                }
            }
            let op = match gone(described, &scope) {
                Ok(true) => IncomingOp::Delete,
                Ok(false) => IncomingOp::Upsert,
                Err(reason) => {
                    let (stream, what) = (stream.to_owned(), "the condition `deleted`");
                    found.incoming.push(Err(InterpretError::Field { stream, key: None, index, what, reason }));
                    continue;
                }
            };
            let rule = Rule { stream: described, index, op, key: described.key.as_deref(), fetch: Fetch::Never };
            let incoming = rule.read(&scope);
            found.incoming.push(incoming.map(|incoming| Incoming { payload: record.into_owned(), ..incoming }));
        }
        Ok(found)
    }

    /// Topic and dedupe key of a delivery, without reading its body where the manifest does not need it. The topic is empty
    /// where it cannot be told.
    pub fn label(&self, payload: &[u8], headers: &HeaderMap) -> Label {
        let Some(webhooks) = &self.manifest.webhooks else { return Label::default() };
        let templates = || webhooks.topic.iter().chain(&webhooks.dedupe);
        let body = if templates().any(|template| template.reads("body") || template.reads("delivery")) {
            lenient(payload, headers)
        } else {
            Value::Null
        };
        let headers = headers_json(headers);
        // The id of one event is that of its delivery only where it came alone.
        let events = match webhooks.events {
            Some(_) => self.events(&body).unwrap_or_default(),
            None => vec![&body],
        };
        let event = events.first().copied().unwrap_or(&Value::Null);
        let scope = Scope::new().with("headers", &headers).with("body", event).with("delivery", &body);
        let first = |templates: &[Spanned<Template>]| {
            templates.iter().filter_map(|template| template.render(&scope).ok()).find(|text| !text.is_empty())
        };
        let id = Some(&webhooks.dedupe).filter(|_| events.len() == 1).and_then(|templates| first(templates));
        Label {
            topic: first(&webhooks.topic).unwrap_or_default(),
            is_hint: id.is_none() && self.pushes_only_hints(),
            dedupe_key: id.unwrap_or_else(|| format!("sha256:{}", hex::encode(Sha256::digest(payload)))),
        }
    }

    /// Nothing of what is pushed is believed, on any topic: every record is read from the vendor.
    fn pushes_only_hints(&self) -> bool {
        let webhooks = self.manifest.streams.iter().filter_map(|stream| stream.webhook.as_ref());
        let mut rules = webhooks.flat_map(|hook| hook.topics.iter().map(|topic| topic.fetch.unwrap_or(hook.fetch)));
        rules.all(|fetch| fetch == Fetch::Always)
    }

    /// The key of one record of a list; `None` where one list record becomes several, or where the key cannot be read.
    pub fn record_key(&self, stream: &str, record: &Value) -> Option<String> {
        let described = self.manifest.stream(stream).filter(|described| described.explode.is_none())?;
        described.key.as_deref()?.render(&Scope::new().with("record", record)).ok().filter(|key| !key.is_empty())
    }

    /// The version of one record that was read by its key; `None` where the vendor tells none that can be read.
    pub fn record_version(&self, stream: &str, record: &Value) -> Option<Version> {
        let rule = &self.manifest.stream(stream)?.version;
        let text = rule.value.as_ref()?.render(&Scope::new().with("record", record)).ok()?;
        version_of(rule, &text).ok()?
    }

    /// How a test message of the vendor is answered; `None` for everything else. `query` is that of the address, as received.
    pub fn ping(&self, query: &str, payload: &[u8], headers: &HeaderMap) -> Option<Pong> {
        let ping = self.manifest.webhooks.as_ref()?.ping.as_ref()?;
        let (body, headers) = (lenient(payload, headers), headers_json(headers));
        let query = Value::Object(decoded_pairs(query).map(|(name, value)| (name, Value::String(value))).collect());
        let scope = Scope::new().with("headers", &headers).with("body", &body).with("query", &query);
        // A condition about something that is not there does not hold.
        if !ping.when.eval_bool(&scope).unwrap_or(false) {
            return None;
        }
        let echo = ping.echo.as_ref().and_then(|echo| echo.render(&scope).ok()).unwrap_or_default();
        let echo = if echo.len() > LONGEST_ECHO { String::new() } else { echo };
        Some(Pong { status: ping.status, echo })
    }

    fn event(&self, index: usize, body: &Value, envelope: Envelope<'_>, only: Option<&str>, found: &mut Interpreted) {
        let Envelope { headers, delivery } = envelope;
        let scope = Scope::new().with("headers", headers).with("body", body).with("delivery", delivery);
        let Some(webhooks) = &self.manifest.webhooks else {
            found.ignored += 1;
            return;
        };
        // The first that can be evaluated counts; if none can, the first says why.
        let topics: Vec<_> = webhooks.topic.iter().map(|topic| topic.render(&scope)).collect();
        let Some(topic) = topics.iter().find_map(|topic| topic.as_deref().ok().filter(|topic| !topic.is_empty()))
        else {
            let reason = topics.iter().find_map(|topic| topic.as_ref().err()).map(ToString::to_string);
            let reason = reason.unwrap_or_else(|| "it is empty".to_owned());
            found.incoming.push(Err(InterpretError::Topic { index, reason }));
            return;
        };
        let before = found.incoming.len();
        for stream in self.manifest.streams_for_topic(topic) {
            let wanted = only.is_none_or(|only| *stream.name == only);
            if let (true, Some(webhook)) = (wanted, &stream.webhook)
                && let Some(rules) = webhook.topic(topic)
            {
                concerning(stream, webhook, rules, &scope, body, &mut found.incoming);
            }
        }
        found.ignored += usize::from(found.incoming.len() == before);
        found.topics.push(topic.to_owned());
    }
}

/// What surrounds one event.
#[derive(Clone, Copy)]
struct Envelope<'a> {
    headers: &'a Value,
    delivery: &'a Value,
}

/// Nobody at home says more than this to a stranger.
const LONGEST_ECHO: usize = 1024;

/// The records of one event for one stream.
fn concerning(
    stream: &Stream,
    webhook: &StreamWebhook,
    topic: &Topic,
    event: &Scope<'_>,
    body: &Value,
    found: &mut Vec<Result<Incoming, InterpretError>>,
) {
    let path = topic.record.as_deref().or(webhook.record.as_deref());
    let records = match records_at(path, body) {
        Some(records) => records,
        None => {
            let path = path.map_or_else(String::new, |path| path.as_str().to_owned());
            found.push(Err(InterpretError::Record { stream: stream.name.value.clone(), path }));
            return;
        }
    };
    let records = records.into_iter().flat_map(|record| exploded(stream, record));
    let key = topic.key.as_deref().or(stream.key.as_deref());
    for (index, record) in records.enumerate() {
        let scope = event.clone().with("record", record.as_ref());
        let field = |reason: String| InterpretError::Field {
            stream: stream.name.value.clone(),
            key: key.and_then(|key| key.render(&scope).ok()).filter(|key| is_key(key)),
            index,
            what: "the condition",
            reason,
        };
        match topic.when.as_ref().map_or(Ok(true), |when| when.eval_bool(&scope)) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => {
                found.push(Err(field(error.to_string())));
                continue;
            }
        }
        let op = match topic.op {
            TopicOp::Upsert => IncomingOp::Upsert,
            TopicOp::Delete => IncomingOp::Delete,
        };
        let rule = Rule { stream, index, op, key, fetch: topic.fetch.unwrap_or(webhook.fetch) };
        let incoming = rule.read(&scope);
        found.push(incoming.map(|incoming| Incoming { payload: record.into_owned(), ..incoming }));
    }
}

/// How one record is told apart and aged.
struct Rule<'a> {
    stream: &'a Stream,
    index: usize,
    op: IncomingOp,
    key: Option<&'a Template>,
    fetch: Fetch,
}

impl Rule<'_> {
    fn read(&self, scope: &Scope<'_>) -> Result<Incoming, InterpretError> {
        let stream = self.stream.name.value.clone();
        let field = |key: Option<&str>, what, reason: String| InterpretError::Field {
            stream: stream.clone(),
            key: key.map(str::to_owned),
            index: self.index,
            what,
            reason,
        };
        let key = self.key.ok_or_else(|| field(None, "the key", "the stream describes none".to_owned()))?;
        let key = key.render(scope).map_err(|error| field(None, "the key", error.to_string()))?;
        if !is_key(&key) {
            return Err(field(
                None,
                "the key",
                format!("it is empty, longer than {KEY_MAX} bytes or contains a NUL character"),
            ));
        }
        let version = match &self.stream.version.value {
            None => Ok(None),
            Some(template) => template
                .render(scope)
                .map_err(|error| error.to_string())
                .and_then(|text| version_of(&self.stream.version, &text)),
        };
        // A deletion often carries nothing but the key, and so does what is only a hint.
        let hinted = self.op == IncomingOp::Delete || self.fetch == Fetch::Always;
        let version = match (version, hinted) {
            (Ok(version), _) => version,
            (Err(_), true) => None,
            (Err(reason), false) => return Err(field(Some(&key), "the version", reason)),
        };
        let occurred_at = match &self.stream.occurred_at {
            None => Ok(None),
            Some(rule) => {
                let text = rule.value.render(scope).map_err(|error| error.to_string());
                text.and_then(|text| instant(rule.time.as_ref(), &text).map(Some))
            }
        };
        let occurred_at = match (occurred_at, hinted) {
            (Ok(at), _) => at,
            (Err(_), true) => None,
            (Err(reason), false) => return Err(field(Some(&key), "the time", reason)),
        };
        Ok(Incoming { stream, op: self.op, key, version, occurred_at, fetch: self.fetch, payload: Value::Null })
    }
}

/// Whether a record that was read says of itself that it is gone. A program says either: what it leaves open is its error. In
/// lists and files, a condition about something that is not there does not hold.
fn gone(stream: &Stream, scope: &Scope<'_>) -> Result<bool, String> {
    let Some(condition) = stream.gone_when() else { return Ok(false) };
    match (condition.eval_bool(scope), stream.process_read()) {
        (Ok(gone), _) => Ok(gone),
        (Err(_), None) => Ok(false),
        (Err(error), Some(_)) => Err(error.to_string()),
    }
}

/// Longest key of a record, in bytes: more cannot be looked up in every database.
const KEY_MAX: usize = 1000;

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.len() <= KEY_MAX && !text.contains('\0')
}

/// A version as the stream's rule says; `None` for streams whose vendor tells none, and where a local clock shows the time
/// twice: the moment of reading stands in, since a guess could take a newer state for an older one.
pub(crate) fn version_of(rule: &VersionRule, text: &str) -> Result<Option<Version>, String> {
    let number = || text.parse::<i64>().map_err(|_| format!("`{}` is not a whole number", shown(text)));
    match rule.kind {
        VersionKind::None => Ok(None),
        VersionKind::Sequence => number().map(Version::from_sequence).map(Some),
        VersionKind::Unix => {
            let time = VendorTime::from_unix_seconds(number()?).map_err(|error| error.to_string())?;
            Ok(Some(Version::from_timestamp(time)))
        }
        VersionKind::Timestamp => {
            let certain = match &rule.time {
                Some(form) => form.read_text(text)?.certain().map(VendorTime::from),
                None => Some(VendorTime::parse(text).map_err(|error| error.to_string())?),
            };
            Ok(certain.map(Version::from_timestamp))
        }
    }
}

/// In the declared form; else RFC 3339, or a Unix time in seconds or (by its size) milliseconds.
fn instant(form: Option<&TimeText>, text: &str) -> Result<Timestamp, String> {
    if let Some(form) = form {
        return form.read_text(text).map(|moment| moment.earliest);
    }
    const SMALLEST_MILLISECONDS: i64 = 100_000_000_000;
    let time = match text.parse::<i64>() {
        Ok(number) if number.abs() < SMALLEST_MILLISECONDS => VendorTime::from_unix_seconds(number),
        Ok(number) => VendorTime::from_unix_milliseconds(number),
        Err(_) => VendorTime::parse(text),
    };
    time.map(VendorTime::instant).map_err(|error| error.to_string())
}

fn records_at<'b>(path: Option<&Path>, body: &'b Value) -> Option<Vec<&'b Value>> {
    match path {
        None => Some(vec![body]),
        Some(path) if path.is_many() => {
            let mut found = Vec::new();
            path.each(body, &mut |record| found.push(record)).then_some(found)
        }
        Some(path) => match path.first(body)? {
            Value::Null => None,
            Value::Array(records) => Some(records.iter().collect()),
            record => Some(vec![record]),
        },
    }
}

/// Each element of the stream's inner list with the outer record around it; the record itself where the stream has no such list.
fn exploded<'r>(stream: &Stream, record: &'r Value) -> Vec<Cow<'r, Value>> {
    let (Some(explode), Value::Object(outer)) = (&stream.explode, record) else { return vec![Cow::Borrowed(record)] };
    let mut elements = Vec::new();
    match explode.list.first(record) {
        Some(Value::Array(items)) => elements.extend(items.iter().cloned()),
        Some(Value::Null) | None => {}
        Some(single) => elements.push(single.clone()),
    }
    let mut shared = outer.clone();
    remove(&mut shared, explode.list.steps());
    let with = |element| {
        let mut one = shared.clone();
        one.insert(explode.as_field.clone(), element);
        Cow::Owned(Value::Object(one))
    };
    elements.into_iter().map(with).collect()
}

fn remove(object: &mut serde_json::Map<String, Value>, steps: &[Step]) {
    match steps {
        [Step::Name(name)] => {
            object.remove(&**name);
        }
        [Step::Name(name), rest @ ..] => {
            if let Some(Value::Object(inner)) = object.get_mut(&**name) {
                remove(inner, rest);
            }
        }
        [] | [Step::Index(_) | Step::Each, ..] => {}
    }
}

fn lenient(payload: &[u8], headers: &HeaderMap) -> Value {
    parse(headers, payload).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(payload).into_owned()))
}

fn shown(text: &str) -> String {
    crate::connector::http::mask::escape(text, 40)
}
