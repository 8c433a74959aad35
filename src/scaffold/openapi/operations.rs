//! Paths and their operations: parameters, what is sent, what comes back, and which of them list records.
//!
//! Not here: what a list's records are (`streams`), how it goes on (`paging`).

use super::document::{Document, Edition};
use super::schema::{Property, Type, items, properties, type_of};
use crate::config::yaml::Node;

/// Documents with more are cut off, and that is told.
pub(super) const MAX_PATHS: usize = 5_000;

pub(super) struct Operation<'d> {
    pub(super) path: &'d str,
    pub(super) method: &'static str,
    pub(super) node: &'d Node,
    pub(super) parameters: Vec<Parameter<'d>>,
}

pub(super) struct Parameter<'d> {
    pub(super) name: &'d str,
    pub(super) place: &'d str,
    pub(super) required: bool,
    /// The schema; in Swagger 2 the parameter is its own.
    pub(super) schema: Option<&'d Node>,
}

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

pub(super) fn operations(document: &Document) -> Vec<Operation<'_>> {
    let mut found = Vec::new();
    let paths = document.root().get("paths").and_then(Node::entries).unwrap_or_default();
    for entry in paths.iter().take(MAX_PATHS).filter(|entry| entry.key.starts_with('/')) {
        let Some(item) = document.resolve(&entry.value) else { continue };
        for method in METHODS {
            let Some(node) = item.get(method) else { continue };
            if node.entries().is_none() {
                document.error(node, format!("expected an operation, found {}", node.describe()), "write it as a map");
                continue;
            }
            let parameters = parameters(document, item, node);
            found.push(Operation { path: &entry.key, method, node, parameters });
        }
    }
    found
}

/// Those of the operation take the place of those of the path.
fn parameters<'d>(document: &'d Document, item: &'d Node, operation: &'d Node) -> Vec<Parameter<'d>> {
    let mut found: Vec<Parameter<'d>> = Vec::new();
    for owner in [operation, item] {
        for node in owner.get("parameters").and_then(Node::seq).unwrap_or_default() {
            let Some(node) = document.resolve(node) else { continue };
            let text = |key: &str| node.get(key).and_then(Node::as_str);
            let (Some(name), Some(place)) = (text("name"), text("in")) else {
                document.error(node, "a parameter has `name` and `in`", "add what is missing");
                continue;
            };
            if !found.iter().any(|known| known.name == name && known.place == place) {
                let schema = match document.edition {
                    Edition::OpenApi3 => node.get("schema"),
                    Edition::Swagger2 => node.get("schema").or(Some(node)),
                };
                found.push(Parameter { name, place, required: text("required") == Some("true"), schema });
            }
        }
    }
    found
}

impl<'d> Operation<'d> {
    pub(super) fn query(&self) -> impl Iterator<Item = &Parameter<'d>> {
        self.parameters.iter().filter(|parameter| parameter.place == "query")
    }

    /// The good answer: 200, else the first 2xx.
    pub(super) fn answer(&self, document: &'d Document) -> Option<&'d Node> {
        let answers = self.node.get("responses")?.entries()?;
        let good = answers.iter().find(|entry| entry.key == "200");
        let good = good.or_else(|| answers.iter().find(|entry| entry.key.starts_with('2')));
        document.resolve(&good?.value)
    }

    pub(super) fn answer_schema(&self, document: &'d Document) -> Option<&'d Node> {
        let answer = self.answer(document)?;
        match document.edition {
            Edition::OpenApi3 => json_content(answer),
            Edition::Swagger2 => answer.get("schema"),
        }
    }

    pub(super) fn body_schema(&self, document: &'d Document) -> Option<&'d Node> {
        match document.edition {
            Edition::OpenApi3 => json_content(document.resolve(self.node.get("requestBody")?)?),
            Edition::Swagger2 => self.parameters.iter().find(|parameter| parameter.place == "body")?.schema,
        }
    }
}

fn json_content(node: &Node) -> Option<&Node> {
    let contents = node.get("content")?.entries()?;
    let json =
        contents.iter().find(|entry| entry.key.contains("json")).or_else(|| contents.iter().find(|e| e.key == "*/*"));
    json?.value.get("schema")
}

/// Where the list is, and what it holds.
pub(super) struct List<'d> {
    /// The body's member; `None`: the body is the list.
    pub(super) member: Option<String>,
    pub(super) item: &'d Node,
}

/// An array of objects, or an object in which exactly one member is one; among several one of the usual names is it.
pub(super) fn list<'d>(document: &'d Document, schema: &'d Node, segment: &str) -> Option<List<'d>> {
    const USUAL: [&str; 7] = ["data", "items", "results", "records", "value", "content", "list"];
    if type_of(document, schema) == Type::List {
        return holds_objects(document, schema).map(|item| List { member: None, item });
    }
    let lists: Vec<(Property<'d>, &'d Node)> = properties(document, schema)
        .into_iter()
        .filter(|property| property.ty == Type::List)
        .filter_map(|property| Some((property.clone(), holds_objects(document, property.schema)?)))
        .collect();
    let named =
        |(property, _): &&(Property<'d>, &'d Node)| property.name == segment || USUAL.contains(&property.name.as_str());
    let chosen = match lists.as_slice() {
        [] => None,
        [only] => Some(only),
        many => many.iter().find(named),
    };
    // One record also has lists: its lines are no list of records.
    let (property, item) = chosen?;
    let alone = properties(document, schema).iter().all(|other| other.name != "id");
    alone.then(|| List { member: Some(property.name.clone()), item })
}

fn holds_objects<'d>(document: &'d Document, list: &'d Node) -> Option<&'d Node> {
    let item = items(document, list)?;
    (type_of(document, item) == Type::Object && !properties(document, item).is_empty()).then_some(item)
}

/// One record: the answer itself, or the one object in it, without what has a key of its own.
pub(super) fn wrapped(document: &Document, schema: &Node, key: &str) -> Option<String> {
    let known = properties(document, schema);
    if known.iter().any(|property| property.name == key) {
        return None;
    }
    let mut objects = known
        .iter()
        .filter(|property| property.ty == Type::Object)
        .filter(|property| properties(document, property.schema).iter().any(|inner| inner.name == key));
    let first = objects.next()?;
    objects.next().is_none().then(|| first.name.clone())
}
