//! Writes of many records, as a stand-in sees them: the records that a request carries, and a result for each in the shape in
//! which the manifest reads it. Pure; not here: answering (`answers`).

use serde_json::{Value, json};

use super::payload::{Seg, place_of, plain_holes, put};
use crate::connector::manifest::{BatchResult, BatchWrite, Body, JsonTemplate, Operation, ResultKey};
use crate::mapping::expr::{Expression, Scope};

/// The records in a request's body, in their order.
pub(super) fn carried(operation: &Operation, sent: &[u8]) -> Vec<Value> {
    if let Body::JsonLines(_) = &operation.request.body {
        return sent.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    }
    let sent: Value = serde_json::from_slice(sent).unwrap_or(Value::Null);
    let found = match &operation.request.body {
        Body::Json(template) => find(template, &sent),
        Body::JsonRpc { params, .. } => sent.get("params").and_then(|sent| find(params, sent)),
        Body::GraphQl { variables, .. } => sent.get("variables").and_then(|sent| members(variables, sent)),
        Body::None
        | Body::JsonLines(_)
        | Body::Form(_)
        | Body::Xml(_)
        | Body::Soap { .. }
        | Body::XmlRpc { .. }
        | Body::Multipart(_) => None,
    };
    found.and_then(Value::as_array).cloned().unwrap_or_default()
}

fn find<'s>(template: &JsonTemplate, sent: &'s Value) -> Option<&'s Value> {
    match template {
        JsonTemplate::Text(text) if matches!(text.as_str(), "{batch.items}" | "{batch.records}") => Some(sent),
        JsonTemplate::Null | JsonTemplate::Bool(_) | JsonTemplate::Number(_) | JsonTemplate::Text(_) => None,
        JsonTemplate::List(items) => items.iter().zip(sent.as_array()?).find_map(|(item, sent)| find(item, sent)),
        JsonTemplate::Map(entries) => members(entries, sent),
    }
}

fn members<'s>(entries: &[(String, JsonTemplate)], sent: &'s Value) -> Option<&'s Value> {
    entries.iter().find_map(|(name, template)| find(template, sent.get(name.trim_end_matches('?'))?))
}

/// Puts a success for each record where the manifest reads it; `said` gives what `response` wants: id and version.
pub(super) fn respond(
    operation: &Operation,
    batch: &BatchWrite,
    carried: &[Value],
    body: &mut Value,
    mut said: impl FnMut() -> (Value, Value),
) {
    let Some(result) = &batch.result else { return };
    let answer = |(index, record): (usize, &Value)| {
        let mut told = result.ok.as_deref().map_or_else(|| json!({}), success);
        if let Some(key) = &result.key {
            let named = sent_key(key, batch, index, record);
            fill(&mut told, key.told.as_str(), &named);
        }
        let (id, version) = said();
        for (template, value) in [(&operation.response.id, id), (&operation.response.version, version)] {
            if let Some(template) = template {
                fill(&mut told, template.as_str(), &value);
            }
        }
        told
    };
    let results: Vec<Value> = carried.iter().enumerate().map(answer).filter(|told| is_success(result, told)).collect();
    let place = result.list.as_deref().map(|list| place_of(list)).unwrap_or_default();
    put(body, &place, Value::Array(results));
}

fn is_success(result: &BatchResult, told: &Value) -> bool {
    result.ok.as_ref().is_none_or(|ok| ok.eval_bool(&Scope::new().with("item", told)).unwrap_or(false))
}

/// What the request calls a record: its place, what the template reads, or the member of the item that is made of it.
fn sent_key(key: &ResultKey, batch: &BatchWrite, index: usize, record: &Value) -> Value {
    let number = json!(index);
    if let Ok(named) = key.sent.value(&Scope::new().with("record", record).with("index", &number)) {
        return named;
    }
    let Some(JsonTemplate::Map(entries)) = &batch.item else { return Value::Null };
    let same = |template: &JsonTemplate| match template {
        JsonTemplate::Text(text) => text.as_str() == key.sent.as_str(),
        JsonTemplate::Null
        | JsonTemplate::Bool(_)
        | JsonTemplate::Number(_)
        | JsonTemplate::List(_)
        | JsonTemplate::Map(_) => false,
    };
    let member = entries.iter().find(|(_, template)| same(template));
    member.and_then(|(name, _)| record.get(name.trim_end_matches('?'))).cloned().unwrap_or(Value::Null)
}

fn fill(told: &mut Value, template: &str, value: &Value) {
    for (_, place) in plain_holes(template).into_iter().filter(|(root, _)| root == "item") {
        put(told, &place, value.clone());
    }
}

/// A result for which the condition holds, made of its own words; an empty one if none is found.
fn success(ok: &Expression) -> Value {
    let source = ok.source();
    let words = source.split(['"', '\'', '`']).skip(1).step_by(2).map(|word| json!(word));
    let values: Vec<Value> = words.chain([json!(true), json!(0), json!(1), json!(200), Value::Null]).collect();
    let places = source.match_indices("item.").map(|(at, root)| {
        let rest = &source[at + root.len()..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
        rest[..end].split('.').map(|name| Seg::Name(name.to_owned())).collect::<Vec<_>>()
    });
    for place in places {
        for value in &values {
            let mut told = json!({});
            put(&mut told, &place, value.clone());
            if ok.eval_bool(&Scope::new().with("item", &told)).unwrap_or(false) {
                return told;
            }
        }
    }
    json!({})
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::yaml::Source;
    use crate::connector::manifest::{Manifest, OpKind, Write};

    /// What a stand-in answers to `sent`.
    #[track_caller]
    fn check(operation: &str, sent: Value, expected: Value) {
        let text = format!(
            "connector: demo\ntitle: Demo\nhttp: {{ base_url: \"https://x.example\" }}\nstreams:\n  levels:\n    entity: any\n    write:\n      set: {operation}\n"
        );
        let manifest = Manifest::parse(&Source::new("connector.yaml", text.as_str())).unwrap();
        let Some(Write::Http(write)) = &manifest.stream("levels").unwrap().write else { panic!("no write") };
        let operation = write.operation(OpKind::Set).unwrap();
        let (mut body, mut id) = (json!({}), 0);
        respond(
            operation,
            operation.batch.as_ref().unwrap(),
            &carried(operation, sent.to_string().as_bytes()),
            &mut body,
            || {
                id += 1;
                (json!(id), json!("now"))
            },
        );
        assert_eq!(body, expected);
    }

    #[test]
    fn each_record_gets_the_result_that_the_manifest_reads() {
        let keyed = r#"{ post: /l, json: { in: { updates: "{batch.items}" } }, response: { id: "{item.id}" }, batch: { max: 10, item: { sku: "{record.sku}" },
            result: { list: out.results, key: { sent: "{record.sku}", told: "{item.article.sku}" }, ok: 'item.status == "ok"' } } }"#;
        let sent = json!({ "in": { "updates": [{ "sku": "A" }, { "sku": "B" }] } });
        let result = |sku: &str, id: u32| json!({ "status": "ok", "article": { "sku": sku }, "id": id });
        check(keyed, sent, json!({ "out": { "results": [result("A", 1), result("B", 2)] } }));
        let placed = r#"{ post: /l, json: "{batch.records}", batch: { max: 10, result: { list: r, ok: item.done } } }"#;
        check(placed, json!([{ "n": 1 }, { "n": 2 }]), json!({ "r": [{ "done": true }, { "done": true }] }));
        let failures = r#"{ post: /l, json: "{batch.records}", batch: { max: 10, result: { list: failed, key: { sent: "{index}", told: "{item.index}" }, ok: "false", unmentioned: done } } }"#;
        check(failures, json!([{ "n": 1 }]), json!({ "failed": [] }));
    }
}
