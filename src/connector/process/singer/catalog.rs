//! The catalogue of a tap: what it has, and which of it is wanted. Pure.
//!
//! Not here: asking for it (`tap`).

use serde_json::{Value, json};

use crate::connector::manifest::{Replication, ReplicationMethod};

/// The names of all streams.
pub(super) fn streams(catalog: &Value) -> Vec<String> {
    let listed = catalog.get("streams").and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(name).map(str::to_owned).collect()
}

fn name(stream: &Value) -> Option<&str> {
    let named = |member: &str| stream.get(member).and_then(Value::as_str);
    named("tap_stream_id").or_else(|| named("stream"))
}

/// The same catalogue with one stream selected, in both ways that taps look for. `None` if it does not have the stream.
pub(super) fn selecting(catalog: &Value, wanted: &str, replication: Option<&Replication>) -> Option<Value> {
    let mut catalog = catalog.clone();
    let mut found = false;
    for stream in catalog.get_mut("streams")?.as_array_mut()? {
        let is_wanted = name(stream) == Some(wanted);
        found |= is_wanted;
        stream["selected"] = Value::Bool(is_wanted);
        if let Some(schema) = stream.get_mut("schema").and_then(Value::as_object_mut) {
            schema.insert("selected".to_owned(), Value::Bool(is_wanted));
        }
        mark(stream, "selected", Value::Bool(is_wanted));
        if let (true, Some(replication)) = (is_wanted, replication) {
            let method = match replication.method {
                ReplicationMethod::Incremental => "INCREMENTAL",
                ReplicationMethod::FullTable => "FULL_TABLE",
                ReplicationMethod::LogBased => "LOG_BASED",
            };
            mark(stream, "replication-method", json!(method));
            stream["replication_method"] = json!(method);
            if let Some(key) = &replication.key {
                mark(stream, "replication-key", json!(key));
                stream["replication_key"] = json!(key);
            }
        }
    }
    found.then_some(catalog)
}

/// Sets a member of the stream's own metadata: that with the empty breadcrumb.
fn mark(stream: &mut Value, member: &str, value: Value) {
    if !stream.get("metadata").is_some_and(Value::is_array) {
        stream["metadata"] = json!([]);
    }
    let Some(entries) = stream.get_mut("metadata").and_then(Value::as_array_mut) else { return };
    let own = |entry: &Value| entry.get("breadcrumb").and_then(Value::as_array).is_some_and(Vec::is_empty);
    if !entries.iter().any(own) {
        entries.push(json!({ "breadcrumb": [], "metadata": {} }));
    }
    for entry in entries.iter_mut().filter(|entry| own(entry)) {
        entry["metadata"][member] = value.clone();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn selects_one_stream_and_leaves_the_rest() {
        let catalog = json!({ "streams": [
            { "tap_stream_id": "a", "stream": "A", "schema": { "type": "object" } },
            { "stream": "b", "metadata": [
                { "breadcrumb": ["properties", "id"], "metadata": { "inclusion": "automatic" } },
                { "breadcrumb": [], "metadata": { "selected": true, "table-key-properties": ["id"] } },
            ] },
        ] });
        assert_eq!(streams(&catalog), ["a", "b"]);
        let replication = Replication { method: ReplicationMethod::Incremental, key: Some("at".to_owned()) };
        let chosen = selecting(&catalog, "a", Some(&replication)).unwrap();
        assert_eq!(
            chosen["streams"][0]["metadata"],
            json!([{ "breadcrumb": [], "metadata": {
                "selected": true, "replication-method": "INCREMENTAL", "replication-key": "at" } }])
        );
        assert_eq!(chosen["streams"][0]["schema"]["selected"], true);
        assert_eq!(chosen["streams"][1]["metadata"][0], catalog["streams"][1]["metadata"][0]);
        let other = &chosen["streams"][1]["metadata"][1]["metadata"];
        assert_eq!(*other, json!({ "selected": false, "table-key-properties": ["id"] }));
        assert_eq!(selecting(&catalog, "c", None), None);
        assert_eq!(selecting(&json!([]), "a", None), None);
    }
}
