//! The tests inside mapping files: given a payload, expect these fields.
//!
//! Not here: reading fixtures from disk (the caller passes a reader), printing the outcome (cli).

use serde_json::{Map, Value as Json};

use super::compile_out::constant;
use super::expr::{Path, Tree};
use super::inbound::InContext;
use super::mapping::Mapping;
use super::outbound::{OutContext, Refs, Remote};
use super::test_spec::{RefSpec, TestSpec};
use crate::config::yaml::{Kind, Node, Place};
use crate::model::{Entity, Extra, Record, extra_value};

/// What became of one test.
#[derive(Debug, Clone)]
pub struct TestOutcome {
    pub name: String,
    /// Where the test is written.
    pub place: Place,
    /// What differs from the expectation; empty if the test passed.
    pub problems: Vec<String>,
}

impl TestOutcome {
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Runs every test of the mapping. `read` gives the text of a fixture by its path beside the mapping file, or says why not.
pub fn run_tests(mapping: &Mapping, read: &dyn Fn(&str) -> Result<String, String>) -> Vec<TestOutcome> {
    mapping
        .tests
        .iter()
        .map(|test| {
            let given = test.given.as_str().filter(|_| test.given.entries().is_none());
            let name = test.name.clone().or(given.map(str::to_owned));
            TestOutcome {
                name: name.unwrap_or_else(|| format!("line {}", test.place.span.line)),
                place: test.place.clone(),
                problems: run(mapping, test, read).unwrap_or_else(|problem| vec![problem]),
            }
        })
        .collect()
}

/// What a test of the mapping is given, for whoever needs a payload that is known to be good.
#[derive(Debug, Clone)]
pub struct Sample {
    pub given: Json,
    /// A canonical record that is mapped out; else a payload that is mapped in.
    pub outward: bool,
}

/// The payloads and records of all tests that expect success, in file order; a fixture that cannot be read is left out.
pub fn samples(mapping: &Mapping, read: &dyn Fn(&str) -> Result<String, String>) -> Vec<Sample> {
    let good = mapping.tests.iter().filter(|test| test.expect.is_some());
    good.filter_map(|test| Some(Sample { given: given(test, read).ok()?, outward: test.outward })).collect()
}

/// The same, each with the settings that its test has.
pub fn samples_with_settings(mapping: &Mapping, read: &dyn Fn(&str) -> Result<String, String>) -> Vec<(Sample, Json)> {
    let good = mapping.tests.iter().filter(|test| test.expect.is_some());
    let sample =
        |test: &TestSpec| Some((Sample { given: given(test, read).ok()?, outward: test.outward }, settings(test)));
    good.filter_map(sample).collect()
}

fn settings(test: &TestSpec) -> Json {
    test.settings.as_ref().map_or_else(|| Json::Object(Map::new()), json_of)
}

fn run(
    mapping: &Mapping,
    test: &TestSpec,
    read: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Vec<String>, String> {
    let given = given(test, read)?;
    let settings = settings(test);
    let outcome = if test.outward {
        let record = Record::from_json(mapping.entity(), &given)
            .map_err(|error| format!("the given record is not a {}: {error}", mapping.entity()))?;
        let refs = refs(&test.refs)?;
        let context = OutContext { refs: &refs, binding: test.binding.as_deref(), settings: &settings };
        mapping.map_out(&record, context)
    } else {
        mapping.map_in(&given, InContext { settings: &settings }).map(|record| record.to_json())
    };
    Ok(match (outcome, &test.expect, &test.expect_error) {
        (Ok(found), Some(expected), _) => {
            let mut problems = Vec::new();
            compare(expected, &found, "", &mut problems);
            problems
        }
        (Err(error), None, Some(expected)) => {
            let text = format!("{} ({})", error, error.class());
            if text.contains(expected) {
                Vec::new()
            } else {
                vec![format!("expected an error with `{expected}`, got: {text}")]
            }
        }
        (Ok(found), None, _) => vec![format!("expected an error, got {found}")],
        (Err(error), _, _) => vec![error.to_string()],
    })
}

fn given(test: &TestSpec, read: &dyn Fn(&str) -> Result<String, String>) -> Result<Json, String> {
    let whole = match &test.given.kind {
        Kind::Scalar(path) => {
            let text = read(&path.text).map_err(|error| format!("fixture {}: {error}", path.text))?;
            serde_json::from_str(&text).map_err(|error| format!("fixture {} is not JSON: {error}", path.text))?
        }
        Kind::Map(_) | Kind::Seq(_) => json_of(&test.given),
    };
    let Some(at) = &test.at else { return Ok(whole) };
    let path = Path::parse(&at.value).map_err(|error| error.to_string())?;
    path.first(&whole).cloned().ok_or_else(|| format!("the fixture has no {}", at.value))
}

fn refs(specs: &[RefSpec]) -> Result<Refs, String> {
    let mut refs = Refs::new();
    for spec in specs {
        let entity =
            Entity::parse(&spec.entity.value).ok_or_else(|| format!("`{}` is not an entity", spec.entity.value))?;
        let mut extra = Extra::new();
        for entry in spec.extra.iter().filter_map(Node::entries).flatten() {
            let json = json_of(&entry.value);
            let value = match json.raw() {
                Some(raw) => extra_value(raw).map_err(|fault| format!("extra {}: {fault}", entry.key))?,
                None => return Err(format!("extra {} is not a scalar", entry.key)),
            };
            extra.insert(entry.key.clone(), value);
        }
        refs.insert(entity, spec.key.clone(), Remote { id: spec.id.clone(), extra });
    }
    Ok(refs)
}

/// What a node says as JSON: plain numbers and flags keep their type, quoted text stays text.
pub fn json_of(node: &Node) -> Json {
    match &node.kind {
        Kind::Scalar(scalar) => constant(scalar),
        Kind::Seq(items) => Json::Array(items.iter().map(json_of).collect()),
        Kind::Map(entries) => {
            Json::Object(entries.iter().map(|entry| (entry.key.clone(), json_of(&entry.value))).collect())
        }
    }
}

/// What differs from the expectation, each with its path: as in the tests of a mapping.
pub fn differences(expected: &Node, found: &Json) -> Vec<String> {
    let mut problems = Vec::new();
    compare(expected, found, "", &mut problems);
    problems
}

/// Objects are compared by the keys that are expected; lists item by item. An expected null also stands for an absent key.
/// A plain (unquoted) word or number is compared by its text, a quoted one must be found as text.
fn compare(expected: &Node, found: &Json, path: &str, problems: &mut Vec<String>) {
    match (&expected.kind, found) {
        (Kind::Map(entries), Json::Object(object)) => {
            for entry in entries {
                let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                match object.get(&entry.key) {
                    Some(found) => compare(&entry.value, found, &path, problems),
                    None if entry.value.is_null() => {}
                    None => problems.push(format!("{path}: expected {}, found nothing", shown(&entry.value))),
                }
            }
        }
        (Kind::Seq(items), Json::Array(found)) => {
            if items.len() != found.len() {
                problems.push(format!("{path}: expected {} items, found {}", items.len(), found.len()));
            }
            for (index, (expected, found)) in items.iter().zip(found).enumerate() {
                compare(expected, found, &format!("{path}[{index}]"), problems);
            }
        }
        (Kind::Scalar(scalar), found) => {
            let same = match found.raw() {
                Some(crate::model::Raw::Text(text)) => text == scalar.text,
                Some(crate::model::Raw::Number(text)) => scalar.plain && text == scalar.text,
                Some(_) => constant(scalar) == *found,
                None => false,
            };
            if !same {
                problems.push(format!("{path}: expected {}, found {found}", shown(expected)));
            }
        }
        (Kind::Map(_) | Kind::Seq(_), found) => {
            problems.push(format!("{path}: expected {}, found {found}", shown(expected)));
        }
    }
}

fn shown(node: &Node) -> String {
    json_of(node).to_string()
}
