//! A value for a schema: its example, or one made of its types, the same at every run.
//!
//! Not here: what the value is used for (`fixtures`, the mapping's test).

use serde_json::{Map, Value as Json, json};

use super::document::Document;
use super::schema::{Type, items, parts, properties, type_of};
use crate::config::yaml::{Kind, Node};
use crate::mapping::json_of;

/// Records within records end here.
const MAX_DEPTH: usize = 8;
/// What was made so far; wide and deep schemas would go on and on.
const MAX_VALUES: usize = 2_000;

/// `None` where the schema is a list or object beyond the limits.
pub(super) fn sample(document: &Document, schema: &Node) -> Json {
    let mut left = MAX_VALUES;
    value(document, schema, "", &mut Vec::new(), &mut left).unwrap_or(Json::Null)
}

/// `within` are the schemas around this one: one that holds itself ends there.
fn value<'d>(
    document: &'d Document,
    schema: &'d Node,
    name: &str,
    within: &mut Vec<&'d Node>,
    left: &mut usize,
) -> Option<Json> {
    *left = left.checked_sub(1)?;
    let own = document.resolve(schema)?;
    if within.iter().any(|outer| std::ptr::eq(*outer, own)) || within.len() >= MAX_DEPTH {
        return None;
    }
    within.push(own);
    let made = made(document, schema, name, within, left);
    within.pop();
    made
}

fn made<'d>(
    document: &'d Document,
    schema: &'d Node,
    name: &str,
    within: &mut Vec<&'d Node>,
    left: &mut usize,
) -> Option<Json> {
    let ty = type_of(document, schema);
    if let Some(example) = example(document, schema).filter(|example| fits(example, ty)) {
        return Some(example);
    }
    match ty {
        Type::Object => {
            let mut object = Map::new();
            for property in properties(document, schema) {
                if let Some(value) = value(document, property.schema, &property.name, within, left) {
                    object.insert(property.name, value);
                }
            }
            Some(Json::Object(object))
        }
        Type::List => {
            let item = value(document, items(document, schema)?, &crate::scaffold::text::singular(name), within, left);
            Some(Json::Array(item.into_iter().collect()))
        }
        Type::Text => Some(json!(word(document, schema).unwrap_or_else(|| text(name)))),
        Type::Time => Some(json!("2026-11-20T08:00:00Z")),
        Type::Date => Some(json!("2026-11-20")),
        Type::Integer => Some(json!(1)),
        Type::Number => Some(serde_json::from_str("9.5").unwrap_or(json!(9))),
        Type::Bool => Some(json!(false)),
        Type::Unknown => None,
    }
}

/// `example`, the first of `examples`, `default` or `const`.
fn example(document: &Document, schema: &Node) -> Option<Json> {
    let parts = parts(document, schema);
    let single = ["example", "const", "default"].into_iter();
    let found = single.flat_map(|key| parts.iter().filter_map(move |part| part.get(key))).next();
    let listed = parts.iter().find_map(|part| part.get("examples")?.seq()?.first());
    found.or(listed).filter(|node| !node.is_null()).map(|node| typed(node, type_of(document, schema)))
}

/// A number that is an example of text is text, however it is written.
fn typed(node: &Node, ty: Type) -> Json {
    match (&node.kind, ty) {
        (Kind::Scalar(scalar), Type::Text | Type::Time | Type::Date) => Json::String(scalar.text.clone()),
        (Kind::Scalar(scalar), Type::Integer | Type::Number) => {
            serde_json::from_str(&scalar.text).unwrap_or_else(|_| Json::String(scalar.text.clone()))
        }
        (Kind::Scalar(_) | Kind::Seq(_) | Kind::Map(_), _) => json_of(node),
    }
}

fn fits(value: &Json, ty: Type) -> bool {
    match ty {
        Type::Text | Type::Date => value.is_string(),
        Type::Time => value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        Type::Integer => value.is_i64() || value.is_u64(),
        Type::Number => value.is_number(),
        Type::Bool => value.is_boolean(),
        // Examples of whole objects are often older than their schemas: made of the parts' own examples instead.
        Type::Object | Type::List => false,
        Type::Unknown => true,
    }
}

fn word(document: &Document, schema: &Node) -> Option<String> {
    let parts = parts(document, schema);
    let words = parts.iter().find_map(|part| part.get("enum")?.seq())?;
    words.iter().find(|word| !word.is_null())?.as_str().map(str::to_owned)
}

/// Text that passes for what the name says.
fn text(name: &str) -> String {
    let words = crate::scaffold::text::words(name);
    let says = |word: &str| words.iter().any(|known| known == word);
    let made = match () {
        () if says("email") || says("mail") => "ana@example.com",
        () if says("currency") => "EUR",
        () if says("country") => "DE",
        () if says("url") || says("link") || says("href") => "https://example.com/1",
        () if ["total", "amount", "price", "subtotal", "tax", "fee", "net", "gross"].iter().any(|word| says(word)) => {
            "9.50"
        }
        () if says("quantity") || says("qty") || says("stock") => "2",
        () if says("at") || says("time") || says("timestamp") => "2026-11-20T08:00:00Z",
        () if says("date") || says("on") => "2026-11-20T08:00:00Z",
        () if says("id") || says("uuid") || says("number") => "1001",
        () if says("sku") => "MUG-01",
        () => return format!("Sample {}", if words.is_empty() { "text".to_owned() } else { words.join(" ") }),
    };
    made.to_owned()
}
