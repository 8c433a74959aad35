//! Operations as streams: lists with their records, keys and versions, and what reads and writes one record beside them.
//!
//! Not here: fields (`fields`), how it is written down (`manifest`).

use super::document::Document;
use super::entity::entity;
use super::operations::{List, MAX_PATHS, Operation, list, operations, wrapped};
use super::paging::{Paging, Since, paging, plain, since};
use super::schema::{Property, Type, properties};
use crate::config::yaml::Node;
use crate::model::Entity;
use crate::scaffold::note::Notes;
use crate::scaffold::text::{name, one_line};

pub(super) struct Stream<'d> {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) entity: Entity,
    pub(super) comments: Vec<String>,
    /// As the document has it.
    pub(super) path: String,
    pub(super) records: Option<String>,
    pub(super) item: &'d Node,
    pub(super) properties: Vec<Property<'d>>,
    pub(super) key: String,
    pub(super) version: Option<Version>,
    pub(super) paging: Paging,
    pub(super) since: Option<Since>,
    pub(super) get: Option<One>,
    pub(super) create: Option<Write<'d>>,
    pub(super) update: Option<Write<'d>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    /// `timestamp`, `unix` or `sequence`.
    pub(super) kind: &'static str,
    pub(super) field: String,
}

/// One record by its key.
pub(super) struct One {
    pub(super) path: String,
    pub(super) record: Option<String>,
}

pub(super) struct Write<'d> {
    pub(super) method: &'static str,
    pub(super) path: String,
    /// The member of the request that holds the record.
    pub(super) wrapper: Option<String>,
    /// The record as it is sent.
    pub(super) body: &'d Node,
    /// Where the answer's record is; `None` twice: the answer does not show it.
    pub(super) answer: Option<Option<String>>,
    /// A header that the vendor remembers a call by.
    pub(super) idempotency: Option<String>,
    /// A parameter of the list that finds the record again: (parameter, property).
    pub(super) lookup: Option<(String, String)>,
}

/// Beyond this many a person would not look at them.
const MAX_STREAMS: usize = 40;

pub(super) fn streams<'d>(document: &'d Document, notes: &mut Notes) -> Vec<Stream<'d>> {
    let all = operations(document);
    let paths = document.root().get("paths").and_then(Node::entries).map_or(0, <[_]>::len);
    if paths > MAX_PATHS {
        notes.missing(
            "paths",
            format!("the document has {paths} paths; those after the first {MAX_PATHS} were not read"),
        );
    }
    let mut lists: Vec<(&Operation<'d>, List<'d>)> = Vec::new();
    for operation in all.iter().filter(|operation| operation.method == "get" && !ends_in_parameter(operation.path)) {
        let Some(schema) = operation.answer_schema(document) else { continue };
        if let Some(list) = list(document, schema, last_segment(operation.path)) {
            lists.push((operation, list));
        }
    }
    // The shortest path is the thing itself; longer ones are parts of others.
    lists.sort_by_key(|(operation, _)| operation.path.matches('/').count());
    let list_paths: Vec<&str> = lists.iter().map(|(operation, _)| operation.path).collect();
    let mut found: Vec<Stream<'d>> = Vec::new();
    for (operation, list) in lists {
        let about = format!("GET {}", one_line(operation.path, 100));
        if belongs_to_another(operation.path, &list_paths) {
            notes.missing(about, "a list within a record: `children:` of the stream above could read it");
            continue;
        }
        let segment = last_segment(operation.path);
        let Some((entity, sure)) = entity(segment) else {
            notes.missing(about, "lists records that no canonical entity is named after");
            continue;
        };
        if let Some(known) = found.iter().find(|known| known.entity == entity) {
            notes.missing(
                about,
                format!(
                    "looks like {entity} too, which stream `{}` already is; a connector has one mapping for each",
                    known.name
                ),
            );
            continue;
        }
        if found.len() >= MAX_STREAMS {
            break;
        }
        let mut comments = Vec::new();
        if !sure {
            comments.push(format!("# guess: {entity}, because the list is called `{}`", one_line(segment, 60)));
        }
        if let Some(stream) = stream(document, &all, operation, list, entity, comments, notes) {
            found.push(stream);
        }
    }
    found
}

fn stream<'d>(
    document: &'d Document,
    all: &[Operation<'d>],
    operation: &Operation<'d>,
    list: List<'d>,
    entity: Entity,
    mut comments: Vec<String>,
    notes: &mut Notes,
) -> Option<Stream<'d>> {
    let segment = last_segment(operation.path);
    let name = name(segment)?;
    let properties = properties(document, list.item);
    let about = format!("stream `{name}`");
    let item_path = item_path(all, operation.path);
    let by_path = item_path
        .and_then(|path| path.rsplit_once('{'))
        .map(|(_, parameter)| parameter.trim_end_matches('}').to_owned());
    let (key, sure) = key(&properties, entity, by_path.as_deref())?;
    if !sure {
        let text = format!("key: nothing is named like an id; `{key}` is the first property that could be one");
        notes.choose(&about, &text);
        comments.push(format!("# choose: {text}"));
    }
    let version = version(&properties);
    if version.is_none() {
        notes.guess(&about, "no property looks like a time of change or a revision: `version: none`");
    }
    let paging = paging(document, operation, list.member.as_deref());
    for comment in &paging.comments {
        match comment.trim_start_matches("# ").split_once(": ") {
            Some(("choose", text)) => notes.choose(&about, text),
            Some((_, text)) => notes.guess(&about, format!("pages: {text}")),
            None => {}
        }
    }
    let timed = version.as_ref().is_some_and(|version| version.kind != "sequence");
    let since = since(document, operation).filter(|_| timed);
    if since.is_none() {
        notes.choose(
            &about,
            "no parameter asks for what changed: every read takes the whole list (`cursor: { kind: snapshot }`)",
        );
    }
    for parameter in operation.query().filter(|parameter| parameter.required) {
        let known = since.as_ref().is_some_and(|since| since.param == parameter.name);
        if !known {
            let text = format!("parameter `{}` is required and not filled in", one_line(parameter.name, 60));
            notes.choose(&about, &text);
            comments.push(format!("# choose: {text}"));
        }
    }
    let one = |method: &str| all.iter().find(|other| Some(other.path) == item_path && other.method == method);
    let get = one("get").map(|other| One {
        path: other.path.to_owned(),
        record: other.answer_schema(document).and_then(|schema| wrapped(document, schema, &key)),
    });
    let post = all.iter().find(|other| other.path == operation.path && other.method == "post");
    let finders: Vec<&str> = operation.query().map(|parameter| parameter.name).collect();
    let create = post.and_then(|post| write(document, post, "post", &key, &finders));
    let update = ["patch", "put"].into_iter().find_map(|method| write(document, one(method)?, method, &key, &[]));
    let title = crate::scaffold::text::title(&name);
    let (path, records, item) = (operation.path.to_owned(), list.member, list.item);
    Some(Stream {
        name,
        title,
        entity,
        comments,
        path,
        records,
        item,
        properties,
        key,
        version,
        paging,
        since,
        get,
        create,
        update,
    })
}

fn write<'d>(
    document: &'d Document,
    operation: &Operation<'d>,
    method: &'static str,
    key: &str,
    finders: &[&str],
) -> Option<Write<'d>> {
    let schema = operation.body_schema(document)?;
    let members = properties(document, schema);
    // `{ order: { ... } }`: the record in a box of its own.
    let (wrapper, body) = match members.as_slice() {
        [only] if only.ty == Type::Object => (Some(only.name.clone()), only.schema),
        _ => (None, schema),
    };
    let sent = properties(document, body);
    if sent.is_empty() {
        return None;
    }
    let answer = operation.answer_schema(document).and_then(|schema| {
        let direct = properties(document, schema).iter().any(|property| property.name == key);
        if direct { Some(None) } else { wrapped(document, schema, key).map(Some) }
    });
    let header = operation
        .parameters
        .iter()
        .find(|parameter| parameter.place == "header" && plain(parameter.name).contains("idempotency"));
    const FINDS: [&str; 7] = ["externalid", "reference", "externalreference", "number", "ordernumber", "email", "sku"];
    let lookup = sent
        .iter()
        .filter(|property| FINDS.contains(&plain(&property.name).as_str()))
        .find(|property| finders.contains(&property.name.as_str()))
        .map(|property| (property.name.clone(), property.name.clone()));
    let idempotency = header.map(|parameter| parameter.name.to_owned());
    Some(Write { method, path: operation.path.to_owned(), wrapper, body, answer, idempotency, lookup })
}

pub(super) fn last_segment(path: &str) -> &str {
    let bare = path.trim_end_matches('/');
    let segment = bare.rsplit('/').next().unwrap_or_default();
    segment.strip_suffix(".json").unwrap_or(segment)
}

fn ends_in_parameter(path: &str) -> bool {
    path.trim_end_matches('/').ends_with('}')
}

/// `/customers/{id}/orders`, where `/customers` is a list itself.
fn belongs_to_another(path: &str, lists: &[&str]) -> bool {
    path.match_indices("/{").any(|(at, _)| lists.iter().any(|list| list.trim_end_matches('/') == &path[..at]))
}

/// `/orders/{id}` of `/orders`; the extension of the list may stand behind it.
fn item_path<'o>(all: &[Operation<'o>], list: &str) -> Option<&'o str> {
    let bare = list.trim_end_matches('/');
    let stem = bare.strip_suffix(".json").unwrap_or(bare);
    let one = |path: &str| {
        let rest = path.trim_end_matches('/').strip_prefix(stem).and_then(|rest| rest.strip_prefix("/{"));
        rest.is_some_and(|rest| {
            let rest = rest.strip_suffix(".json").unwrap_or(rest);
            rest.ends_with('}') && rest.matches('}').count() == 1
        })
    };
    all.iter().map(|operation| operation.path).find(|path| one(path))
}

fn key(properties: &[Property<'_>], entity: Entity, by_path: Option<&str>) -> Option<(String, bool)> {
    let scalars: Vec<&Property<'_>> =
        properties.iter().filter(|property| property.ty.is_scalar() && property.ty != Type::Bool).collect();
    let own = format!("{}id", plain(entity.as_str()));
    let names = ["id".to_owned(), own, "uuid".to_owned(), "guid".to_owned(), "uid".to_owned()];
    let named = names.iter().find_map(|name| scalars.iter().find(|property| plain(&property.name) == *name));
    let by_path = by_path.and_then(|name| scalars.iter().find(|property| plain(&property.name) == plain(name)));
    let likely = ["number", "code", "reference", "sku", "key", "name"]
        .into_iter()
        .find_map(|name| scalars.iter().find(|property| plain(&property.name) == name));
    let sure = named.is_some() || by_path.is_some();
    let chosen = named.or(by_path).or(likely).or(scalars.first())?;
    Some((chosen.name.clone(), sure))
}

fn version(properties: &[Property<'_>]) -> Option<Version> {
    const TIMES: [&str; 14] = [
        "updatedat",
        "modifiedat",
        "changedat",
        "lastmodifiedat",
        "lastupdatedat",
        "lastmodified",
        "lastupdated",
        "updated",
        "modified",
        "updatedon",
        "modifiedon",
        "datemodified",
        "dateupdated",
        "lastmodifieddatetime",
    ];
    const NUMBERS: [&str; 4] = ["version", "revision", "sequence", "rev"];
    let named = |names: &[&str]| {
        names.iter().find_map(|name| properties.iter().find(|property| plain(&property.name) == *name))
    };
    if let Some(property) = named(&TIMES) {
        match property.ty {
            Type::Time | Type::Text => return Some(Version { kind: "timestamp", field: property.name.clone() }),
            Type::Integer => return Some(Version { kind: "unix", field: property.name.clone() }),
            Type::Date | Type::Number | Type::Bool | Type::Object | Type::List | Type::Unknown => {}
        }
    }
    let number = named(&NUMBERS).filter(|property| property.ty == Type::Integer)?;
    Some(Version { kind: "sequence", field: number.name.clone() })
}
