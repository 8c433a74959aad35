//! `syncline connector new`: what it writes is right, what it cannot write leaves nothing behind, what it cannot read is named.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syncline::conformance;
use syncline::connector::registry::Registry;
use syncline::scaffold::{NoteKind, ScaffoldError, Scaffolded, new_connector};
use tempfile::TempDir;

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scaffold/documents").join(name)
}

fn made(name: &str, from: Option<&str>) -> (TempDir, Scaffolded) {
    let installation = tempfile::tempdir().unwrap();
    let path = from.map(document);
    match new_connector(installation.path(), name, path.as_deref()) {
        Ok(made) => (installation, made),
        Err(error) => panic!("{error}"),
    }
}

fn all_files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

/// Lint finds nothing, and every behaviour that the connector claims is proven by the fixtures that came with it.
async fn is_whole(installation: &Path, name: &str) {
    let registry = Registry::load(installation).unwrap_or_else(|problems| panic!("{problems}"));
    let lint = conformance::lint(&registry, installation, name);
    assert!(lint.problems.is_empty(), "{}", lint.problems);
    assert!(lint.warnings.is_empty(), "{}", lint.warnings);
    let reports = conformance::test_all(&registry, installation, &[name.to_owned()]).await.unwrap();
    for report in reports {
        let failed: Vec<String> = report
            .verdicts
            .iter()
            .filter(|(_, verdict)| !verdict.is_good())
            .map(|(behaviour, verdict)| {
                format!("{}: {}: {:#?}", behaviour.as_str(), verdict.word(), verdict.problems())
            })
            .collect();
        assert!(failed.is_empty(), "{name}:\n{}", failed.join("\n"));
    }
}

#[tokio::test]
async fn the_plain_scaffold_is_whole() {
    let (installation, made) = made("acme", None);
    assert!(made.notes.is_empty() && made.warnings.is_empty());
    assert_eq!(all_files(installation.path()).into_keys().collect::<Vec<_>>(), {
        let mut files = made.files.clone();
        files.sort();
        files
    });
    is_whole(installation.path(), "acme").await;
}

#[rstest::rstest]
#[case("lorn.yaml")]
#[case("quill.json")]
#[case("brack.yaml")]
#[tokio::test]
async fn what_a_document_tells_is_whole(#[case] name: &str) {
    let (installation, _) = made("invented", Some(name));
    is_whole(installation.path(), "invented").await;
}

/// What stands in the files is what the document says, and what it does not say is told.
#[test]
fn what_a_document_tells_is_told() {
    let (installation, made) = made("invented", Some("lorn.yaml"));
    let files = all_files(installation.path());
    let manifest = &files["connectors/invented/connector.yaml"];
    for part in [
        "default: \"https://eu.api.lorn.example\"",
        "base_url: \"{settings.base_url}/v4\"",
        "auth: { scheme: header, name: X-Lorn-Key, value: \"{settings.api_key}\" }",
        "request: { get: \"/orders\", query: { \"updated_since\": \"{cursor}\" } }",
        "pages: { scheme: page_number, param: \"page\", size_param: \"per_page\", size: 20 }",
        "version: \"{record.modified_at}\"",
        "get: { get: \"/orders/{key}\", record: data }",
        "pages: { scheme: cursor_token, path: paging.next.after, param: \"cursor\" }",
        "# choose: nothing in the document keeps a repeated create from a second effect",
    ] {
        assert!(manifest.contains(part), "{part} in\n{manifest}");
    }
    let order = &files["mappings/invented/order.yaml"];
    for part in ["total: { money: total }", "each: line_items", "customer.email: { from: buyer.email, optional: true }"]
    {
        assert!(order.contains(part), "{part} in\n{order}");
    }
    assert!(files["mappings/invented/values.yaml"].contains("# choose: parked: ?"));
    let told = |kind: NoteKind, part: &str| {
        made.notes.iter().any(|note| note.kind == kind && format!("{} {}", note.about, note.text).contains(part))
    };
    assert!(told(NoteKind::Missing, "GET /widgets"), "{:#?}", made.notes);
    assert!(told(NoteKind::Missing, "GET /orders/{orderId}/notes"), "{:#?}", made.notes);
    assert!(told(NoteKind::Choose, "create is left out"), "{:#?}", made.notes);
    assert!(told(NoteKind::Guess, "placed_at"), "{:#?}", made.notes);
}

#[test]
fn the_same_document_gives_the_same_files() {
    let (first, _) = made("invented", Some("quill.json"));
    let (second, _) = made("invented", Some("quill.json"));
    assert_eq!(all_files(first.path()), all_files(second.path()));
}

#[track_caller]
fn refused(text: &str, parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.yaml");
    std::fs::write(&path, text).unwrap();
    let installation = folder.path().join("installation");
    let error = new_connector(&installation, "acme", Some(&path)).unwrap_err();
    let told = error.to_string();
    assert!(matches!(error, ScaffoldError::Document(_)), "{told}");
    for part in parts {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    assert!(!installation.exists() || all_files(&installation).is_empty(), "something was left behind");
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    refused("openapi: 3.0.0\npaths: [", &["api.yaml:2:8", "not readable as YAML"]);
    refused("title: x\n", &["neither `openapi` nor `swagger`"]);
    refused("openapi: 4.0.0\npaths: {}\n", &["api.yaml:1:10", "version `4.0.0`"]);
    refused("swagger: \"2.0\"\npaths: []\n", &["api.yaml:2:8", "expected `paths` to be a map"]);
    refused("openapi: 3.1.0\npaths: {}\n", &["no list of records"]);
    let orders = |schema: &str| {
        format!(
            "openapi: 3.0.0\npaths:\n  /orders:\n    get:\n      responses:\n        \"200\":\n          content: {{ application/json: {{ schema: {schema} }} }}\n"
        )
    };
    refused(&orders("{ $ref: \"#/nowhere\" }"), &["api.yaml:7", "which is not there"]);
    refused(&orders("{ $ref: \"https://elsewhere.example/x.yaml\" }"), &["leads out of this file"]);
    let circle = orders("{ $ref: \"#/a\" }") + "a: { $ref: \"#/b\" }\nb: { $ref: \"#/a\" }\n";
    refused(&circle, &["in a circle"]);
}

/// Schemas that hold themselves, also by way of a list or of `allOf`, end.
#[test]
fn schemas_within_themselves_end() {
    let text = "openapi: 3.0.0\npaths:\n  /products:\n    get:\n      responses: { \"200\": { content: { application/json: { schema: { type: array, items: { $ref: \"#/p\" } } } } } }\np:\n  allOf: [{ $ref: \"#/p\" }, { $ref: \"#/q\" }]\n  properties: { id: { type: string }, sku: { type: string }, twin: { $ref: \"#/p\" }, parts: { type: array, items: { $ref: \"#/p\" } } }\nq: { anyOf: [{ $ref: \"#/p\" }], properties: { name: { type: string } } }\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.yaml");
    std::fs::write(&path, text).unwrap();
    let made = new_connector(folder.path(), "acme", Some(&path)).unwrap_or_else(|error| panic!("{error}"));
    assert!(made.files.iter().any(|file| file == "mappings/acme/product.yaml"));
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let (installation, _) = made("acme", None);
    let before = all_files(installation.path());
    assert!(matches!(new_connector(installation.path(), "acme", None), Err(ScaffoldError::Exists(_))));
    assert_eq!(all_files(installation.path()), before);
    assert!(matches!(new_connector(installation.path(), "csv", None), Err(ScaffoldError::Known(_))));
    for wrong in ["", "Acme", "../acme", "a b", "1a", "ä"] {
        assert!(matches!(new_connector(installation.path(), wrong, None), Err(ScaffoldError::Name(_))), "{wrong}");
    }
}
