//! Schemas as flat lists of properties: references followed, `allOf` put together, of alternatives the first.
//!
//! Not here: which property is which field (`fields`), examples (`sample`).

use super::document::Document;
use crate::config::yaml::Node;

/// Deeper parts, and parts within themselves, are left out.
const MAX_DEPTH: usize = 8;
/// Beyond this many an object is no record that somebody maps by hand.
const MAX_PROPERTIES: usize = 400;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    /// `format: date-time`.
    Time,
    /// `format: date`.
    Date,
    Integer,
    Number,
    Bool,
    Object,
    List,
    Unknown,
}

impl Type {
    pub(super) fn is_scalar(self) -> bool {
        match self {
            Self::Text | Self::Time | Self::Date | Self::Integer | Self::Number | Self::Bool => true,
            Self::Object | Self::List | Self::Unknown => false,
        }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Number)
    }
}

#[derive(Clone)]
pub(super) struct Property<'d> {
    pub(super) name: String,
    pub(super) ty: Type,
    /// Always there.
    pub(super) required: bool,
    /// The closed set of its words.
    pub(super) words: Vec<String>,
    pub(super) schema: &'d Node,
}

/// A schema with everything that its references and parts say; the parts are searched in order.
pub(super) fn parts<'d>(document: &'d Document, schema: &'d Node) -> Vec<&'d Node> {
    let mut found = Vec::new();
    collect(document, schema, 0, &mut found);
    found
}

fn collect<'d>(document: &'d Document, schema: &'d Node, depth: usize, found: &mut Vec<&'d Node>) {
    let Some(schema) = document.resolve(schema) else { return };
    if depth > MAX_DEPTH || found.len() > MAX_PROPERTIES || found.iter().any(|known| std::ptr::eq(*known, schema)) {
        return;
    }
    found.push(schema);
    for part in schema.get("allOf").and_then(Node::seq).unwrap_or_default() {
        collect(document, part, depth + 1, found);
    }
    for key in ["oneOf", "anyOf"] {
        let choices = schema.get(key).and_then(Node::seq).unwrap_or_default();
        // `null` beside a type is how 3.1 writes "may be null".
        let real = choices.iter().find(|choice| choice.get("type").and_then(Node::as_str) != Some("null"));
        if let Some(first) = real {
            collect(document, first, depth + 1, found);
        }
    }
}

pub(super) fn properties<'d>(document: &'d Document, schema: &'d Node) -> Vec<Property<'d>> {
    let parts = parts(document, schema);
    let required: Vec<&str> =
        parts.iter().filter_map(|part| part.get("required")?.seq()).flatten().filter_map(Node::as_str).collect();
    let mut found: Vec<Property<'d>> = Vec::new();
    for entry in parts.iter().filter_map(|part| part.get("properties")?.entries()).flatten() {
        if found.len() >= MAX_PROPERTIES || found.iter().any(|known| known.name == entry.key) {
            continue;
        }
        let (ty, words) = (type_of(document, &entry.value), words(document, &entry.value));
        let required = required.contains(&entry.key.as_str());
        found.push(Property { name: entry.key.clone(), ty, required, words, schema: &entry.value });
    }
    found
}

pub(super) fn type_of(document: &Document, schema: &Node) -> Type {
    let parts = parts(document, schema);
    let declared = parts.iter().find_map(|part| declared(part.get("type")?));
    let format = parts.iter().find_map(|part| part.get("format")?.as_str());
    match (declared, format) {
        (Some("string"), Some("date-time")) => Type::Time,
        (Some("string"), Some("date")) => Type::Date,
        (Some("string"), _) => Type::Text,
        (Some("integer"), _) => Type::Integer,
        (Some("number"), _) => Type::Number,
        (Some("boolean"), _) => Type::Bool,
        (Some("array"), _) => Type::List,
        (Some("object"), _) => Type::Object,
        (Some(_) | None, _) if parts.iter().any(|part| part.get("properties").is_some()) => Type::Object,
        (Some(_) | None, _) if parts.iter().any(|part| part.get("items").is_some()) => Type::List,
        (Some(_) | None, _) if parts.iter().any(|part| part.get("enum").is_some()) => Type::Text,
        (Some(_) | None, _) => Type::Unknown,
    }
}

/// `type: string`, or as 3.1 also writes it `type: [string, "null"]`.
fn declared(node: &Node) -> Option<&str> {
    match node.seq() {
        Some(types) => types.iter().filter_map(Node::as_str).find(|ty| *ty != "null"),
        None => node.as_str(),
    }
}

fn words(document: &Document, schema: &Node) -> Vec<String> {
    let parts = parts(document, schema);
    let listed = parts.iter().find_map(|part| part.get("enum")?.seq()).unwrap_or_default();
    listed.iter().filter(|word| !word.is_null()).filter_map(Node::as_str).map(str::to_owned).collect()
}

/// What a list holds.
pub(super) fn items<'d>(document: &'d Document, schema: &'d Node) -> Option<&'d Node> {
    parts(document, schema).into_iter().find_map(|part| part.get("items"))
}
