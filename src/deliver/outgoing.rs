//! The record as a destination is to be told it, and the event that it is told of; pure. Not here: mapping out, sending.

use serde_json::{Map, Value};

use super::flow::FlowRun;
use crate::mapping::expr::{Expression, Scope};
use crate::model::{CloudEvent, Happened, Record};
use crate::store::Claimed;

/// The record as it is to be told to the destination: without what another system owns, with the stock that is published.
/// `doc` is canonical: what the job's event says, or a person's correction of it.
pub(super) fn record_to_tell(job: &Claimed, doc: &str, flow: &FlowRun) -> Result<Record, String> {
    if flow.owned_elsewhere.is_empty() && flow.publish.is_none() {
        return Record::from_canonical_json(job.entity, doc).map_err(|error| error.to_string());
    }
    let mut doc: Value = serde_json::from_str(doc).map_err(|error| error.to_string())?;
    if let Value::Object(doc) = &mut doc {
        for field in &flow.owned_elsewhere {
            remove_path(doc, field);
        }
        if let Some(publish) = &flow.publish {
            doc.insert("available".to_owned(), published(publish, doc)?);
        }
    }
    Record::from_json(job.entity, &doc).map_err(|error| error.to_string())
}

/// Removes `total` or `customer.email`.
fn remove_path(object: &mut Map<String, Value>, path: &str) {
    match path.split_once('.') {
        None => {
            object.shift_remove(path);
        }
        Some((outer, inner)) => {
            if let Some(Value::Object(inside)) = object.get_mut(outer) {
                remove_path(inside, inner);
            }
        }
    }
}

/// States of a level that `publish` may read.
const LEVEL_STATES: [&str; 5] = ["on_hand", "available", "committed", "incoming", "safety_stock"];

/// A shop cannot sell less than nothing: what is over-committed is published as zero.
fn published(publish: &Expression, level: &Map<String, Value>) -> Result<Value, String> {
    let states: Vec<(&str, Value)> =
        LEVEL_STATES.iter().filter_map(|state| Some((*state, exact(level.get(*state)?)))).collect();
    let mut scope = Scope::new();
    for (state, value) in &states {
        scope.set(state, value);
    }
    let result = publish.eval(&scope).map_err(|error| format!("publish `{}`: {error}", publish.source()))?;
    let text = match &result {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Err(format!("publish `{}`: it is not a number: {result}", publish.source()));
        }
    };
    Ok(Value::String(if text.starts_with('-') { "0".to_owned() } else { text }))
}

/// Whether a level, as canonical JSON, tells its destination that nothing is left. One that cannot be read tells nothing.
pub fn nothing_left(publish: Option<&Expression>, level: &str) -> bool {
    let Ok(Value::Object(level)) = serde_json::from_str(level) else { return false };
    let told = match publish {
        Some(publish) => published(publish, &level).ok(),
        None => level.get("available").or_else(|| level.get("on_hand")).cloned(),
    };
    let text = told.as_ref().and_then(Value::as_str).unwrap_or_default();
    text.starts_with('-') || (!text.is_empty() && text.bytes().all(|digit| matches!(digit, b'0' | b'.')))
}

/// A quantity as the number that its text says.
fn exact(value: &Value) -> Value {
    let number = value.as_str().and_then(|text| text.parse::<serde_json::Number>().ok());
    number.map_or_else(|| value.clone(), Value::Number)
}

/// What happened, for destinations that pass events on: the envelope of a CloudEvent, whose data is the record.
pub(super) fn event(job: &Claimed) -> Result<Value, serde_json::Error> {
    let happened = Happened {
        id: job.event.id,
        connection: &job.source.connection,
        stream: &job.source.stream,
        key: &job.source.key,
        entity: job.entity,
        revision: job.revision,
        kind: &job.event.kind,
        occurred_at: job.event.occurred_at,
        recorded_at: job.event.recorded_at,
    };
    serde_json::to_value(CloudEvent::new(happened, None))
}
