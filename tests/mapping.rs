//! The shipped mappings against their own tests, and what the engine promises about mistakes in mapping files.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value as Json, json};
use syncline::config::yaml::Source;
use syncline::mapping::{InContext, Mapping, MappingError, OutContext, Refs, Values, run_tests};
use syncline::model::{Entity, ErrorClass, Record};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings")
}

fn source(path: &Path) -> Arc<Source> {
    let name = path.strip_prefix(root()).unwrap().display().to_string();
    Source::new(name, std::fs::read_to_string(path).unwrap())
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

fn values(folder: &Path) -> Values {
    let file = folder.join("values.yaml");
    let sources: Vec<_> = if file.exists() { vec![source(&file)] } else { Vec::new() };
    Values::load(&sources).unwrap_or_else(|problems| panic!("{problems}"))
}

fn shipped(name: &str) -> Mapping {
    let file = root().join(format!("{name}.yaml"));
    Mapping::load(&[source(&file)], &values(file.parent().unwrap())).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn every_shipped_mapping_passes_its_own_tests() {
    let (mut run, mut failures) = (0, Vec::new());
    for folder in std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()) {
        let values = values(&folder);
        for file in yaml_files(&folder).into_iter().filter(|file| file.file_name().unwrap() != "values.yaml") {
            let mapping = Mapping::load(&[source(&file)], &values).unwrap_or_else(|problems| panic!("{problems}"));
            let name = format!("{}/{}", mapping.connector(), mapping.entity());
            assert!(file.ends_with(format!("{name}.yaml")), "{} says it is {name}", file.display());
            let read = |path: &str| std::fs::read_to_string(folder.join(path)).map_err(|error| error.to_string());
            let outcomes = run_tests(&mapping, &read);
            assert!(!outcomes.is_empty(), "{name} has no tests");
            run += outcomes.len();
            for outcome in outcomes.iter().filter(|outcome| !outcome.passed()) {
                failures.push(format!("{}: {}: {}", outcome.place, outcome.name, outcome.problems.join("; ")));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(run >= 40, "only {run} tests were found");
}
