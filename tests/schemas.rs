//! The published JSON Schemas accept every file that is shipped, by an implementation that is not ours; that they know what the
//! decoders know is asked in `src/schemas/agreement_tests.rs`. And the catalogue page is up to date, and the reference whole.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use syncline::config::yaml::{Source, parse};
use syncline::connector::registry::Registry;
use syncline::mapping::json_of;

fn schema(name: &str) -> jsonschema::Validator {
    let document = syncline::schemas::all().into_iter().find(|document| document.name == name).unwrap();
    assert!(jsonschema::meta::is_valid(&document.schema), "{name} is no JSON Schema");
    jsonschema::validator_for(&document.schema).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn yaml_files(folder: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn problems(validator: &jsonschema::Validator, path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let node = parse(&Source::new(path.display().to_string(), text)).unwrap();
    let json = json_of(&node);
    validator
        .iter_errors(&json)
        .map(|error| format!("{}: {}: {error}", path.display(), error.instance_path()))
        .collect()
}

#[track_caller]
fn all_valid(name: &str, files: &[PathBuf], at_least: usize) {
    let validator = schema(name);
    assert!(files.len() >= at_least, "only {} files", files.len());
    let wrong: Vec<String> =
        files.iter().flat_map(|path| problems(&validator, path)).map(|text| text.chars().take(600).collect()).collect();
    assert!(wrong.is_empty(), "{} of {} files:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}

fn named(name: &str) -> impl Fn(&&PathBuf) -> bool {
    move |path| path.file_name().is_some_and(|known| known == name)
}

#[test]
fn every_shipped_file_is_valid() {
    let connectors = yaml_files(root().join("connectors"));
    let manifests: Vec<PathBuf> = connectors.iter().filter(named("connector.yaml")).cloned().collect();
    all_valid("connector", &manifests, 37);
    let fixtures: Vec<PathBuf> = connectors
        .iter()
        .filter(|path| !named("connector.yaml")(path) && !named("settings.yaml")(path))
        .cloned()
        .collect();
    all_valid("fixture", &fixtures, 300);
    let mappings = yaml_files(root().join("mappings"));
    let values: Vec<PathBuf> = mappings.iter().filter(named("values.yaml")).cloned().collect();
    all_valid("values", &values, 10);
    let tables: Vec<PathBuf> = mappings.iter().filter(|path| !named("values.yaml")(path)).cloned().collect();
    all_valid("mapping", &tables, 60);
    all_valid("config", &[root().join("src/config/starter/syncline.yaml")], 1);
    let (stories, reconciliations): (Vec<PathBuf>, Vec<PathBuf>) =
        yaml_files(root().join("examples/finance/reconciliations"))
            .into_iter()
            .partition(|path| path.parent().is_some_and(|folder| folder.ends_with("stories")));
    all_valid("reconciliation", &reconciliations, 6);
    all_valid("story", &stories, 1);
    let examples: Vec<PathBuf> = yaml_files(root().join("examples"));
    let examples: Vec<PathBuf> = examples.iter().filter(named("syncline.yaml")).cloned().collect();
    all_valid("config", &examples, 1);
}

#[test]
fn what_is_wrong_is_refused() {
    for (name, wrong) in [
        ("connector", "{ connector: a, title: A, streams: {}, speed: 1 }"),
        ("connector", "{ connector: a, title: A, streams: {}, http: { base_url: x, auth: { scheme: telepathy } } }"),
        (
            "connector",
            "{ connector: a, title: A, streams: {}, http: { base_url: x, auth: { scheme: bearer, name: x } } }",
        ),
        ("mapping", "{ mapping: a/order, in: { number: { from: x, form: y } } }"),
        ("config", "{ flows: { a: { from: a.b, to: c.d, mode: dead } } }"),
        ("fixture", "{ fixture: check, source: x }"),
        ("values", "{ crosswalks: {} }"),
        ("story", "{ story: s, title: S, legs: [{ leg: orders }] }"),
        (
            "reconciliation",
            "{ reconciliation: r, title: T, kind: bunk, a: { title: A, amount: x }, b: { title: B, amount: x }, match: [] }",
        ),
    ] {
        let json = json_of(&parse(&Source::new("wrong.yaml", wrong)).unwrap());
        assert!(!schema(name).is_valid(&json), "{name} accepts {wrong}");
    }
}

#[test]
fn canonical_schemas_are_schemas() {
    for document in syncline::schemas::all() {
        assert!(jsonschema::meta::is_valid(&document.schema), "{}", document.name);
    }
}

#[test]
fn the_catalogue_is_up_to_date() {
    let page = std::fs::read_to_string(root().join("docs/catalog.md")).unwrap();
    let made = syncline::cli::catalogue(&Registry::shipped().unwrap());
    assert!(page == made, "docs/catalog.md is out of date: `cargo run -- connectors --markdown > docs/catalog.md`");
}

/// What documents the manifest's vocabulary, with its examples.
struct Reference {
    /// YAML blocks and inline code.
    code: String,
    /// Rows of tables, which list closed sets.
    rows: String,
    /// Every map that an example holds.
    maps: Vec<Map<String, Value>>,
}

impl Reference {
    fn read() -> Self {
        let mut found = Self { code: String::new(), rows: String::new(), maps: Vec::new() };
        for page in ["connectors/README.md", "docs/plugins.md"] {
            let text = std::fs::read_to_string(root().join(page)).unwrap();
            for (number, part) in text.split("```").enumerate() {
                if number % 2 == 0 {
                    found.prose(part);
                } else if let Some(block) = part.strip_prefix("yaml").and_then(|block| block.split_once('\n')) {
                    found.block(page, block.1);
                }
            }
        }
        found
    }

    fn prose(&mut self, text: &str) {
        for line in text.lines() {
            if line.starts_with('|') {
                self.rows.push_str(&format!("{line}\n"));
            }
            for code in line.split('`').skip(1).step_by(2) {
                self.code.push_str(&format!("{code}\n"));
                // A template in braces is no example of anything.
                if let Ok(node) = parse(&Source::new("inline", code)) {
                    self.maps_in(&json_of(&node));
                }
            }
        }
    }

    /// A block shows several entries that would not stand beside each other in one file.
    fn block(&mut self, page: &str, text: &str) {
        self.code.push_str(text);
        let mut entries: Vec<String> = Vec::new();
        for line in text.lines() {
            if entries.is_empty() || !line.starts_with([' ', '#', '-']) && !line.is_empty() {
                entries.push(String::new());
            }
            entries.last_mut().unwrap().push_str(&format!("{line}\n"));
        }
        let mut whole = Map::new();
        for entry in entries {
            let node = parse(&Source::new(page, entry.as_str())).unwrap_or_else(|problems| panic!("{problems:?}"));
            let json = json_of(&node);
            self.maps_in(&json);
            whole.extend(json.as_object().cloned().unwrap_or_default());
        }
        self.maps.push(whole);
    }

    fn maps_in(&mut self, json: &Value) {
        match json {
            Value::Object(map) => {
                self.maps.push(map.clone());
                map.values().for_each(|value| self.maps_in(value));
            }
            Value::Array(items) => items.iter().for_each(|item| self.maps_in(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn has_key(&self, key: &str) -> bool {
        let named = |tail: &str| tail.trim_start_matches(['?', '"']).starts_with(':');
        let inline = |code: &str| code.split(['.', ' ', ',', ':']).any(|word| word == key);
        follows(&self.code, key).any(named) || self.code.lines().any(inline)
    }

    fn has_word(&self, word: &str) -> bool {
        follows(&self.code, word).next().is_some() || follows(&self.rows, word).next().is_some()
    }

    /// Whether an example is of this form: it has all that the form needs, and nothing else.
    fn has_form(&self, form: &Value, tag: (&str, &str)) -> bool {
        let properties = form["properties"].as_object().unwrap();
        let required: Vec<&str> = form["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        self.maps.iter().any(|map| {
            let is_meant = match map.get(tag.0) {
                Some(word) => word.as_str() == Some(tag.1),
                None => !required.contains(&tag.0),
            };
            is_meant
                && required.iter().all(|key| map.contains_key(*key))
                && map.keys().all(|key| properties.contains_key(key))
        })
    }
}

/// What comes behind each place where `word` stands as a word.
fn follows<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = &'t str> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(word).filter_map(move |(at, _)| {
        let tail = &text[at + word.len()..];
        (!text[..at].ends_with(part) && !tail.starts_with(part)).then_some(tail)
    })
}

fn words_of(schema: &Value) -> Vec<&str> {
    match schema {
        Value::Object(members) => {
            let own = members.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            own.chain(members.values().flat_map(words_of)).collect()
        }
        Value::Array(items) => items.iter().flat_map(words_of).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Nothing can be added to a manifest without being shown: every key, every word of a closed set, and of every scheme an example.
#[test]
fn the_reference_shows_the_whole_vocabulary() {
    let manifest = syncline::schemas::all().into_iter().find(|document| document.name == "connector").unwrap().schema;
    let reference = Reference::read();
    let mut lacks: Vec<String> = Vec::new();
    let definitions = manifest["$defs"].as_object().unwrap();
    for (name, definition) in definitions.iter().chain([(&"connector".to_owned(), &manifest)]) {
        let forms: Vec<&Value> = definition.get("anyOf").map_or(vec![definition], |forms| {
            forms.as_array().unwrap().iter().filter(|form| form.get("properties").is_some()).collect()
        });
        for form in &forms {
            let keys = form["properties"].as_object().unwrap();
            lacks.extend(
                keys.keys().filter(|key| !reference.has_key(key)).map(|key| format!("{name}: no example has `{key}`")),
            );
            let tag = keys.iter().find_map(|(key, schema)| Some((key.as_str(), schema.get("const")?.as_str()?)));
            if let Some(tag) = tag.filter(|tag| !reference.has_form(form, *tag)) {
                lacks.push(format!("{name}: no example of `{}: {}`", tag.0, tag.1));
            }
        }
        let own = words_of(&definition["properties"]);
        let words = own.into_iter().chain(forms.iter().flat_map(|form| words_of(&form["properties"])));
        // A number in place of text and a flag in quotes are the schema's courtesy to editors.
        let words = words.filter(|word| !matches!(*word, "true" | "false"));
        lacks.extend(words.filter(|word| !reference.has_word(word)).map(|word| format!("{name}: `{word}` is nowhere")));
    }
    lacks.sort();
    lacks.dedup();
    assert!(definitions.len() > 60, "{}", definitions.len());
    assert!(lacks.is_empty(), "connectors/README.md lacks {}:\n{}", lacks.len(), lacks.join("\n"));
}
