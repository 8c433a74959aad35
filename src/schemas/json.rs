//! From tables to JSON Schema (2020-12).
//!
//! Not here: the tables.

use serde_json::{Map, Value, json};

use super::shape::{Body, Definition, Key, Keys, Shape, Variant};

pub(super) fn schema_of(root: &'static Definition) -> Value {
    let mut found = Map::new();
    let mut open: Vec<&'static Definition> = vec![root];
    while let Some(definition) = open.pop() {
        if definition.name != root.name && found.contains_key(definition.name) {
            continue;
        }
        let (schema, used) = definition_schema(definition);
        found.insert(definition.name.to_owned(), schema);
        open.extend(used.into_iter().filter(|used| !found.contains_key(used.name)));
    }
    let body = found.shift_remove(root.name);
    found.sort_keys();
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!(root.name));
    schema.extend(
        body.into_iter()
            .filter_map(|body| match body {
                Value::Object(body) => Some(body),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
            })
            .flatten(),
    );
    schema.insert("$defs".to_owned(), Value::Object(found));
    Value::Object(schema)
}

type Used = Vec<&'static Definition>;

fn definition_schema(definition: &'static Definition) -> (Value, Used) {
    let mut used = Vec::new();
    let mut schema = match &definition.body {
        Body::Map(keys) => object(None, &[keys], &mut used),
        Body::Tagged { tag, doc, default, shared, variants } => {
            let words: Vec<&str> = variants.iter().map(|variant| variant.word).collect();
            let choices: Vec<Value> = variants
                .iter()
                .map(|variant| {
                    let optional = *default == Some(variant.word);
                    Value::Object(object(Some((tag, variant, optional)), &[shared, &variant.keys], &mut used))
                })
                .collect();
            let mut schema = Map::new();
            schema.insert("type".to_owned(), json!("object"));
            schema.insert("properties".to_owned(), json!({ *tag: { "description": doc, "enum": words } }));
            if default.is_none() {
                schema.insert("required".to_owned(), json!([tag]));
            }
            schema.insert("anyOf".to_owned(), Value::Array(choices));
            schema
        }
    };
    schema.insert("description".to_owned(), json!(definition.doc));
    (Value::Object(schema), used)
}

fn object(tag: Option<(&str, &Variant, bool)>, tables: &[&Keys], used: &mut Used) -> Map<String, Value> {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    if let Some((tag, variant, optional)) = tag {
        properties.insert(tag.to_owned(), json!({ "const": variant.word, "description": variant.doc }));
        if !optional {
            required.push(tag.to_owned());
        }
    }
    for key in tables.iter().flat_map(|keys| keys.iter()).flat_map(|keys| keys.iter()) {
        properties.insert(key.name.to_owned(), property(key, used));
        if key.required {
            required.push(key.name.to_owned());
        }
    }
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema
}

fn property(key: &Key, used: &mut Used) -> Value {
    let mut schema = shape_schema(&key.shape, used);
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), json!(key.doc));
    }
    schema
}

fn shape_schema(shape: &Shape, used: &mut Used) -> Value {
    match shape {
        Shape::Text => json!({ "type": ["string", "number", "boolean"] }),
        // A setting's ${...} may stand in place of a flag or a number.
        Shape::Flag => json!({ "anyOf": [{ "type": "boolean" }, { "enum": ["true", "false"] }, REFERENCE.clone()] }),
        Shape::Whole => {
            json!({ "anyOf": [{ "type": "integer" }, { "type": "string", "pattern": "^-?[0-9]+$" }, REFERENCE.clone()] })
        }
        Shape::Duration => json!({ "type": "string", "pattern": r"^([0-9]+(ms|s|m|h|d))+$|\$\{" }),
        Shape::Percent => json!({ "type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,2})? *%$|\$\{" }),
        Shape::Size => json!({ "type": "string", "pattern": r"^[0-9]+(B|KiB|MiB|GiB)$|\$\{" }),
        Shape::Words(words) => {
            let mut all: Vec<Value> = words().into_iter().map(Value::from).collect();
            if all.contains(&json!("null")) {
                all.push(Value::Null);
            }
            // A word such as `1.2` is a number to an editor unless it stands in quotes.
            let numbers = words().into_iter().filter_map(|word| serde_json::from_str::<serde_json::Number>(word).ok());
            all.extend(numbers.map(Value::Number));
            json!({ "enum": all })
        }
        Shape::Any => json!({}),
        Shape::List(item) => json!({ "type": "array", "items": shape_schema(item, used) }),
        Shape::Named(value) => json!({ "type": "object", "additionalProperties": shape_schema(value, used) }),
        Shape::Either(shapes) => {
            let choices: Vec<Value> = shapes.iter().map(|shape| shape_schema(shape, used)).collect();
            json!({ "anyOf": choices })
        }
        Shape::Of(definition) => {
            used.push(definition);
            json!({ "$ref": format!("#/$defs/{}", definition.name) })
        }
    }
}

static REFERENCE: std::sync::LazyLock<Value> =
    std::sync::LazyLock::new(|| json!({ "type": "string", "pattern": r"\$\{" }));
