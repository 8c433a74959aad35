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
