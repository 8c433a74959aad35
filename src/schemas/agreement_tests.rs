//! The decoders asked about every key and word that a schema has, and the schemas about every key and word that a decoder names.

use std::collections::{BTreeSet, HashSet, VecDeque};

use serde_json::{Value, json};

use super::shape::{Body, Definition, Key, Keys, Shape};
use super::{config, fixture, manifest, mapping, reconciliation};
use crate::config::yaml::{Diagnostic, Diagnostics, Source};
use crate::connector::manifest::Manifest;

/// Nobody's key or word, and too far from all to be taken for a slip of the pen.
const NOBODYS: &str = "qqqqqqqqqqqqqqqqqqqqqqqq";

/// One form of a definition: with a tag's word, where it has one.
#[derive(Clone)]
struct Form {
    definition: &'static Definition,
    word: Option<&'static str>,
}

impl Form {
    fn name(&self) -> String {
        format!("{} {}", self.definition.name, self.word.unwrap_or_default())
    }

    fn keys(&self) -> Vec<&'static Key> {
        let all = |keys: &Keys| keys.iter().flat_map(|keys| keys.iter()).collect::<Vec<&'static Key>>();
        match &self.definition.body {
            Body::Map(keys) => all(keys),
            Body::Tagged { shared, variants, .. } => {
                let own = variants.iter().find(|variant| Some(variant.word) == self.word).unwrap();
                all(shared).into_iter().chain(all(&own.keys)).collect()
            }
        }
    }

    fn tag(&self) -> Option<&'static str> {
        match &self.definition.body {
            Body::Map(_) => None,
            Body::Tagged { tag, .. } => Some(tag),
        }
    }

    /// What is required, with something in each place.
    fn minimal(&self) -> Value {
        let mut map = serde_json::Map::new();
        if let (Some(tag), Some(word)) = (self.tag(), self.word) {
            map.insert(tag.to_owned(), json!(word));
        }
        for key in self.keys().into_iter().filter(|key| key.required) {
            map.insert(key.name.to_owned(), filled(&key.shape));
        }
        Value::Object(map)
    }
}

fn forms(definition: &'static Definition) -> Vec<Form> {
    match &definition.body {
        Body::Map(_) => vec![Form { definition, word: None }],
        Body::Tagged { variants, .. } => {
            variants.iter().map(|variant| Form { definition, word: Some(variant.word) }).collect()
        }
    }
}

fn filled(shape: &Shape) -> Value {
    match shape {
        Shape::Text | Shape::Any => json!("x"),
        Shape::Flag => json!(true),
        Shape::Whole => json!(2),
        Shape::Duration => json!("5s"),
        Shape::Percent => json!("5%"),
        Shape::Size => json!("1KiB"),
        Shape::Words(words) => json!(words()[0]),
        Shape::List(item) => json!([filled(item)]),
        Shape::Named(value) => json!({ "x": filled(value) }),
        Shape::Either(shapes) => filled(&shapes[0]),
        Shape::Of(definition) => forms(definition)[0].minimal(),
    }
}

/// Ways from a shape into definitions: what to put around a map so that it stands there.
fn ways(shape: &Shape) -> Vec<(Form, Vec<&'static str>)> {
    let within = |shape: &Shape, step: &'static str| {
        ways(shape)
            .into_iter()
            .map(|(form, mut path)| {
                path.insert(0, step);
                (form, path)
            })
            .collect()
    };
    match shape {
        Shape::Of(definition) => forms(definition).into_iter().map(|form| (form, Vec::new())).collect(),
        Shape::List(item) => within(item, "list"),
        Shape::Named(value) => within(value, "named"),
        Shape::Either(shapes) => shapes.iter().flat_map(ways).collect(),
        Shape::Text
        | Shape::Flag
        | Shape::Whole
        | Shape::Duration
        | Shape::Percent
        | Shape::Size
        | Shape::Words(_)
        | Shape::Any => Vec::new(),
    }
}

fn wrapped(value: Value, path: &[&'static str]) -> Value {
    path.iter().rev().fold(value, |value, step| if *step == "list" { json!([value]) } else { json!({ "x": value }) })
}

type Place = Box<dyn Fn(Value) -> Value>;
type SharedPlace = std::rc::Rc<dyn Fn(Value) -> Value>;

/// Every form that can be reached from the root, each with a document around it.
fn reachable(root: &'static Definition) -> Vec<(Form, Place)> {
    let mut seen = HashSet::new();
    let mut found: Vec<(Form, SharedPlace)> = Vec::new();
    let mut open: VecDeque<(Form, SharedPlace)> = VecDeque::new();
    for form in forms(root) {
        open.push_back((form, std::rc::Rc::new(|value| value)));
    }
    while let Some((form, place)) = open.pop_front() {
        if !seen.insert(form.name()) {
            continue;
        }
        for key in form.keys() {
            for (inner, path) in ways(&key.shape) {
                let (outer, form, name) = (std::rc::Rc::clone(&place), form.clone(), key.name);
                let inner_place = move |value: Value| {
                    let mut around = form.minimal();
                    around[name] = wrapped(value, &path);
                    outer(companions(&form, name, around))
                };
                open.push_back((inner, std::rc::Rc::new(inner_place)));
            }
        }
        found.push((form, place));
    }
    found.into_iter().map(|(form, place)| (form, Box::new(move |value| place(value)) as Place)).collect()
}

/// What some keys need beside them before a decoder looks at them.
fn companions(form: &Form, key: &str, mut map: Value) -> Value {
    // The check of a database is one only beside `sql`.
    if form.definition.name == "connector" && key == "check" && map["check"].get("query").is_some() {
        map["sql"] = json!({ "driver": "sqlite", "file": "x" });
    }
    // Passes and rules name keys and fields of the sides.
    if form.definition.name == "reconciliation" && matches!(key, "match" | "fields") {
        map["a"] = json!({ "title": "x", "table": "x", "amount": "x", "unit": "EUR", "keys": { "x": "x" }, "fields": { "x": "x" } });
    }
    let beside = match (form.definition.name, key) {
        ("pass", "normalise" | "must_tie") => ("key", json!(["x"])),
        ("file_format_out", "replacement") => ("unmappable", json!("replace")),
        ("fixed_field", "sign" | "sign_at") => ("decimals", json!(2)),
        ("verify", "key_prefix") => ("key", json!("base64")),
        _ => return map,
    };
    map[beside.0] = beside.1;
    map
}

struct Asked {
    /// What the decoder names as known beside nobody's key; `None`: it did not come to it.
    known: Option<BTreeSet<String>>,
    unknown: Vec<String>,
}

fn words_of(found: &Diagnostic) -> BTreeSet<String> {
    let help = found.help.clone().unwrap_or_default();
    let list =
        help.rsplit_once("expected one of: ").or_else(|| help.rsplit_once("expected: ")).map_or("", |(_, list)| list);
    list.split(", ").filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn ask(decode: &dyn Fn(&str) -> Diagnostics, document: &Value) -> Asked {
    let found = decode(&document.to_string());
    let about = format!("unknown key `{NOBODYS}` ");
    let known = found.iter().find(|item| item.message.starts_with(&about)).map(words_of);
    let unknown = found
        .iter()
        .map(|item| item.message.clone())
        .filter(|message| message.starts_with("unknown key") && !message.starts_with(&about))
        .collect();
    Asked { known, unknown }
}

fn with(form: &Form, key: Option<&Key>) -> Value {
    let mut map = form.minimal();
    if let Some(key) = key {
        map[key.name] = filled(&key.shape);
    }
    map[NOBODYS] = json!(1);
    companions(form, key.map_or("", |key| key.name), map)
}

#[track_caller]
fn agrees(root: &'static Definition, decode: &dyn Fn(&str) -> Diagnostics) {
    let mut wrong = Vec::new();
    for (form, place) in reachable(root) {
        let mut known = BTreeSet::new();
        let mut reached = false;
        let keys = form.keys();
        tags(&form, &place, decode, &mut wrong);
        for key in std::iter::once(None).chain(keys.iter().map(|key| Some(*key))) {
            let asked = ask(decode, &place(with(&form, key)));
            reached |= asked.known.is_some();
            known.extend(asked.known.unwrap_or_default());
            wrong.extend(
                asked
                    .unknown
                    .iter()
                    .map(|message| format!("{}: the schema has it, the decoder says: {message}", form.name())),
            );
            if let Some(key) = key {
                words(&form, key, &place, decode, &mut wrong);
                shapes(&form, key, &place, decode, &mut wrong);
            }
        }
        let mut expected: BTreeSet<String> = keys.iter().map(|key| key.name.to_owned()).collect();
        expected.extend(form.tag().map(str::to_owned));
        if !reached {
            wrong.push(format!("{}: the decoder was not asked about it", form.name()));
        }
        for missing in known.difference(&expected) {
            wrong.push(format!(
                "{}: the decoder knows `{missing}`, the schema does not: add it to src/schemas",
                form.name()
            ));
        }
        for extra in expected.difference(&known).filter(|_| reached) {
            wrong.push(format!("{}: the schema has `{extra}`, the decoder does not know it", form.name()));
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{} disagreements:\n{}", wrong.len(), wrong.join("\n"));
}

/// The words that decide which keys there are.
fn tags(form: &Form, place: &Place, decode: &dyn Fn(&str) -> Diagnostics, wrong: &mut Vec<String>) {
    let Body::Tagged { tag, variants, .. } = &form.definition.body else { return };
    let mut map = form.minimal();
    map[tag] = json!(NOBODYS);
    let listed = variants.iter().map(|variant| variant.word).collect();
    told(&format!("{}.{tag}", form.definition.name), listed, &place(map), decode, wrong);
}

/// A closed set is the decoder's.
fn words(form: &Form, key: &Key, place: &Place, decode: &dyn Fn(&str) -> Diagnostics, wrong: &mut Vec<String>) {
    let (listed, value) = match &key.shape {
        Shape::Words(words) => (words(), json!(NOBODYS)),
        Shape::List(Shape::Words(words)) => (words(), json!([NOBODYS])),
        Shape::Named(Shape::Words(words)) => (words(), json!({ "x": NOBODYS })),
        _ => return,
    };
    let mut map = form.minimal();
    map[key.name] = value;
    let map = companions(form, key.name, map);
    told(&format!("{}.{}", form.name(), key.name), listed, &place(map), decode, wrong);
}

/// Where the schema says text, the decoder takes no map and no list; where it says either, the decoder takes both.
fn shapes(form: &Form, key: &Key, place: &Place, decode: &dyn Fn(&str) -> Diagnostics, wrong: &mut Vec<String>) {
    let takes_maps = match &key.shape {
        Shape::Text => false,
        Shape::Either([Shape::Text, Shape::Named(Shape::Any)]) => true,
        _ => return,
    };
    let complaints = |value: Option<&Value>| {
        let mut map = form.minimal();
        match (&mut map, value) {
            (Value::Object(members), None) => drop(members.shift_remove(key.name)),
            (map, value) => map[key.name] = value.cloned().unwrap_or_default(),
        }
        let found = decode(&place(companions(form, key.name, map)).to_string());
        found.iter().map(|item| item.message.clone()).collect::<BTreeSet<String>>()
    };
    let (of_text, of_none) = (complaints(Some(&json!("x"))), complaints(None));
    // A text that is no good itself tells nothing about others.
    let text_tells = takes_maps || of_text.is_subset(&of_none);
    for (value, taken) in [(json!({ "x": "x" }), takes_maps), (json!(["x"]), false)] {
        let found = complaints(Some(&value));
        if (found.is_subset(&of_none) || text_tells && found.is_subset(&of_text)) != taken {
            let does = if taken { "does not take" } else { "takes" };
            let (name, key) = (form.name(), key.name);
            wrong.push(format!("{name}: the schema says otherwise, but the decoder {does} {value} as `{key}`"));
        }
    }
}

/// What the decoder says about nobody's word names the words that the schema has.
fn told(
    name: &str,
    listed: Vec<&str>,
    document: &Value,
    decode: &dyn Fn(&str) -> Diagnostics,
    wrong: &mut Vec<String>,
) {
    let found = decode(&document.to_string());
    let about = format!("`{NOBODYS}` is not");
    let Some(complaint) = found.iter().find(|item| item.message.contains(&about)) else {
        wrong.push(format!("{name}: the decoder takes any word, the schema only {}", listed.join(", ")));
        return;
    };
    let (known, listed) = (words_of(complaint), listed.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<_>>());
    if !known.is_empty() && known != listed {
        wrong.push(format!("{name}: the decoder knows {known:?}, the schema {listed:?}"));
    }
}

#[test]
fn manifests() {
    agrees(&manifest::MANIFEST, &|text| match Manifest::parse(&Source::new("connector.yaml", text)) {
        Ok(_) => Diagnostics::new(),
        Err(found) => found,
    });
}

#[test]
fn mappings_and_crosswalks() {
    agrees(&mapping::MAPPING, &|text| {
        let source = Source::new("mappings/x/order.yaml", text.replace("\"mapping\":\"x\"", "\"mapping\":\"x/order\""));
        crate::mapping::Mapping::load(&[source], &crate::mapping::Values::default()).err().unwrap_or_default()
    });
    agrees(&mapping::VALUES, &|text| {
        crate::mapping::Values::load(&[Source::new("mappings/x/values.yaml", text)]).err().unwrap_or_default()
    });
}

#[test]
fn configurations() {
    let folder = tempfile::tempdir().unwrap();
    agrees(&config::CONFIG, &|text| {
        std::fs::write(folder.path().join(crate::config::CONFIG_FILE), text).unwrap();
        crate::config::load(folder.path()).err().unwrap_or_default()
    });
}

#[test]
fn reconciliations() {
    agrees(&reconciliation::RECONCILIATION, &|text| {
        crate::finance::definition::parse(&Source::new("reconciliations/x.yaml", text)).err().unwrap_or_default()
    });
}

#[test]
fn stories() {
    agrees(&reconciliation::STORY, &|text| {
        crate::finance::story::parse(&Source::new("reconciliations/stories/x.yaml", text)).err().unwrap_or_default()
    });
}

#[test]
fn fixtures() {
    agrees(&fixture::FIXTURE, &crate::conformance::problems_of);
}
