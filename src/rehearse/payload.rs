//! Places in a JSON payload: all of its leaves, and reading and writing one of them. Pure; not here: what is written.

use serde_json::{Map, Value};

use crate::mapping::expr::{Path, Step};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seg {
    Name(String),
    Index(usize),
}

pub(super) type Place = Vec<Seg>;

/// Every text and number with its place.
pub(super) fn leaves(value: &Value) -> Vec<(Place, &Value)> {
    fn walk<'v>(value: &'v Value, at: &mut Place, found: &mut Vec<(Place, &'v Value)>) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(_) | Value::String(_) => found.push((at.clone(), value)),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    at.push(Seg::Index(index));
                    walk(item, at, found);
                    at.pop();
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    at.push(Seg::Name(name.clone()));
                    walk(member, at, found);
                    at.pop();
                }
            }
        }
    }
    let mut found = Vec::new();
    walk(value, &mut Vec::new(), &mut found);
    found
}

/// Writes `new` at `place`, making objects and lists on the way; what is in the way gives way.
pub(super) fn put(value: &mut Value, place: &[Seg], new: Value) {
    let Some((first, rest)) = place.split_first() else {
        *value = new;
        return;
    };
    match first {
        Seg::Name(name) => {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            if let Value::Object(members) = value {
                put(members.entry(name.clone()).or_insert(Value::Null), rest, new);
            }
        }
        Seg::Index(index) => {
            if !value.is_array() {
                *value = Value::Array(Vec::new());
            }
            if let Value::Array(items) = value {
                while items.len() <= *index {
                    items.push(Value::Null);
                }
                put(&mut items[*index], rest, new);
            }
        }
    }
}

/// Where a path of a manifest leads when something is written there: a list of all is written as its first.
pub(super) fn place_of(path: &Path) -> Place {
    path.steps()
        .iter()
        .map(|step| match step {
            Step::Name(name) => Seg::Name(name.to_string()),
            Step::Index(index) => Seg::Index(*index),
            Step::Each => Seg::Index(0),
        })
        .collect()
}

/// `{body.id}` as root and the place below it, for each plain hole of a template.
pub(super) fn plain_holes(template: &str) -> Vec<(String, Place)> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let Some(end) = rest[at..].find('}') else { break };
        let inner = rest[at + 1..at + end].trim().trim_end_matches('?');
        if let Ok(path) = Path::parse(inner) {
            let mut place = place_of(&path);
            if let Some(Seg::Name(root)) = place.first().cloned() {
                place.remove(0);
                found.push((root, place));
            }
        }
        rest = &rest[at + end + 1..];
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn leaves_are_found_and_written() {
        let mut value = json!({ "a": [{ "b": 1 }], "c": null, "d": "x" });
        let places: Vec<Place> = leaves(&value).into_iter().map(|(place, _)| place).collect();
        assert_eq!(places.len(), 2);
        put(&mut value, &places[0], json!(2));
        put(&mut value, &[Seg::Name("n".to_owned()), Seg::Index(1), Seg::Name("m".to_owned())], json!("y"));
        assert_eq!(value, json!({ "a": [{ "b": 2 }], "c": null, "d": "x", "n": [null, { "m": "y" }] }));
    }

    #[test]
    fn plain_holes_of_templates() {
        let found = plain_holes("{body.level.id}:{headers['x-id']}{integer(body.n)}");
        let name = |text: &str| Seg::Name(text.to_owned());
        assert_eq!(found[0], ("body".to_owned(), vec![name("level"), name("id")]));
        assert_eq!(found[1], ("headers".to_owned(), vec![name("x-id")]));
        assert_eq!(found.len(), 2, "an expression is no place");
    }
}
