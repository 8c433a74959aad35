//! The connectors' fixtures (docs/conformance.md) as far as files go: samples, refused variants, golden files.

use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use syncline::config::yaml::{Kind, Node, Source, parse};
use syncline::connector::manifest::{StreamEntity, Write};
use syncline::mapping::expr::Scope;
use syncline::model::Record;

use super::support::{exploded, manifest, map_in_with, map_out_with, mapping, read_bytes, root, stream, write_rows};

fn folder(connector: &str) -> PathBuf {
    root().join("connectors").join(connector).join("fixtures")
}

fn to_json(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar(scalar) if scalar.is_null() => Value::Null,
        Kind::Scalar(scalar) if scalar.plain => match serde_json::from_str::<Value>(&scalar.text) {
            Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
            Ok(_) | Err(_) => json!(scalar.text),
        },
        Kind::Scalar(scalar) => json!(scalar.text),
        Kind::Seq(items) => items.iter().map(to_json).collect(),
        Kind::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), to_json(&entry.value))).collect(),
    }
}

fn yaml(path: &PathBuf) -> Value {
    let source = Source::new(path.display().to_string(), fs::read_to_string(path).unwrap());
    to_json(&parse(&source).unwrap_or_else(|problems| panic!("{}: {problems:?}", path.display())))
}

/// What the fixtures state, and the connector's own defaults.
fn settings(connector: &str) -> Value {
    let mut settings = yaml(&folder(connector).join("settings.yaml"));
    for setting in &manifest(connector).settings {
        if let Some(default) = setting.default.as_ref().filter(|_| settings.get(&setting.name.value).is_none()) {
            settings[setting.name.value.as_str()] = json!(default.value.as_str());
        }
    }
    settings
}

fn mapping_name(connector: &str, name: &str) -> String {
    let stream = stream(connector, name);
    let StreamEntity::One(entity) = stream.entity else { panic!("{name} has no entity") };
    stream.mapping.as_ref().map_or_else(|| format!("{connector}/{entity}"), |mapping| mapping.value.clone())
}

/// Every member that is expected is there; lists in full.
#[track_caller]
fn check_contains(found: &Value, expected: &Value, path: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (name, value) in expected {
                check_contains(found.get(name).unwrap_or(&Value::Null), value, &format!("{path}.{name}"));
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{path}");
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                check_contains(found, expected, &format!("{path}[{index}]"));
            }
        }
        (found, expected) => assert_eq!(found, expected, "{path}"),
    }
}

fn play_in(connector: &str, fixture: &Value) {
    let name = fixture["stream"].as_str().unwrap();
    let settings = settings(connector);
    let file = fixture["file"].as_str().unwrap();
    let described = stream(connector, name);
    let read = described.file_read().unwrap();
    assert!(read.pattern.matches(file).is_some(), "{file} is not picked up by {name}");
    let spec = read.spec(&settings).unwrap();
    let bytes = fs::read(folder(connector).join(file)).unwrap();
    let rows = read_bytes(&spec, &bytes).unwrap_or_else(|error| panic!("{error}"));
    let mut rows: Vec<Value> = rows.into_iter().map(|row| row.value).collect();
    if let Some(explode) = &described.explode {
        rows = exploded(rows, explode.list.value.as_str(), &explode.as_field);
    }
    let mapping = mapping(&mapping_name(connector, name));
    let mapped: Vec<Value> = rows.iter().map(|row| map_in_with(&mapping, row, &settings).to_json()).collect();
    let keys = rows.iter().map(|row| {
        described
            .key
            .as_ref()
            .unwrap()
            .value
            .render(&Scope::new().with("record", row))
            .unwrap_or_else(|error| panic!("{error}"))
    });
    let keys: Vec<Value> = keys.map(Value::from).collect();
    let expected_keys = fixture["expect"]["records"].as_array().unwrap().iter().map(|record| record["key"].clone());
    assert_eq!(keys, expected_keys.collect::<Vec<_>>(), "{file}");
    if let Some(count) = fixture["expect"]["count"].as_u64() {
        assert_eq!(u64::try_from(rows.len()).unwrap(), count, "{file}");
    }
    if let Some(expected) = fixture["expect"].get("canonical") {
        check_contains(&Value::Array(mapped), expected, file);
    }
    for refused in fixture["refused"].as_array().into_iter().flatten() {
        let mut text = String::from_utf8(bytes.clone()).unwrap();
        for (from, to) in refused["replace"].as_object().into_iter().flatten() {
            assert!(text.contains(from.as_str()), "{file} does not contain {from:?}");
            text = text.replace(from.as_str(), to.as_str().unwrap());
        }
        if let Some(length) = refused["cut"].as_u64() {
            text.truncate(usize::try_from(length).unwrap());
        }
        let reason = refused["reason"].as_str().unwrap();
        match read_bytes(&spec, text.as_bytes()) {
            Ok(_) => panic!("{file} with {refused} was accepted"),
            Err(error) => assert!(error.to_string().contains(reason), "{reason:?} is not in: {error}"),
        }
    }
}

fn play_out(connector: &str, fixture: &Value) {
    let name = fixture["stream"].as_str().unwrap();
    let settings = settings(connector);
    let described = stream(connector, name);
    let Some(Write::File(write)) = &described.write else { panic!("{name} writes no files") };
    let StreamEntity::One(entity) = described.entity else { panic!("{name} has no entity") };
    let mapping = mapping(&mapping_name(connector, name));
    let rows: Vec<Value> = fixture["canonical"]
        .as_array()
        .unwrap()
        .iter()
        .map(|canonical| {
            let record = Record::from_json(entity, canonical).unwrap_or_else(|error| panic!("{name}: {error}"));
            map_out_with(&mapping, &record, &settings)
        })
        .collect();
    let mut given: Map<String, Value> = write.partner.given(&settings).unwrap();
    for (key, text) in [("sequence", "1"), ("date", "20261120"), ("time", "101500"), ("name", "out")] {
        given.insert(key.to_owned(), json!(text));
    }
    let text = write_rows(&write.format, &given, &rows).unwrap_or_else(|error| panic!("{error}"));
    let golden = folder(connector).join(fixture["expect"]["file"].as_str().unwrap());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &text).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap_or_else(|error| panic!("{}: {error}", golden.display()));
    assert_eq!(text, expected, "{}", golden.display());
}

#[track_caller]
fn play(connector: &str, at_least: usize) {
    let mut played = 0;
    for entry in fs::read_dir(folder(connector)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") || path.ends_with("settings.yaml") {
            continue;
        }
        let fixture = yaml(&path);
        assert!(fixture["source"].is_string(), "{}", path.display());
        match fixture["fixture"].as_str().unwrap() {
            "file_in" => play_in(connector, &fixture),
            "file_out" => play_out(connector, &fixture),
            other => panic!("{other}"),
        }
        played += 1;
    }
    assert!(played >= at_least, "only {played} fixtures of {connector}");
}

#[test]
fn x12_fixtures_hold() {
    play("x12", 10);
}

#[test]
fn edifact_fixtures_hold() {
    play("edifact", 8);
}

#[test]
fn ubl_fixtures_hold() {
    play("ubl", 4);
}
