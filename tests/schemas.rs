//! The published JSON Schemas accept every file that is shipped, by an implementation that is not ours; that they know what the
//! decoders know is asked in `src/schemas/agreement_tests.rs`. And the catalogue page is up to date.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

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
