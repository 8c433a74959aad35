//! The shipped connectors' own declarations and mappings, over bytes in memory.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};
use syncline::config::yaml::Source;
use syncline::connector::file::write::{FileWriter, WriteSpec};
use syncline::connector::file::{FileError, FileLimits, FileRow, FileSpec, ReadContext, read};
use syncline::connector::manifest::{Manifest, Stream, Write};
use syncline::connector::registry::Registry;
use syncline::mapping::{InContext, Mapping, OutContext, Refs, Values};
use syncline::model::Record;

static REGISTRY: LazyLock<Registry> =
    LazyLock::new(|| Registry::shipped().unwrap_or_else(|problems| panic!("{problems}")));

pub fn settings() -> Value {
    json!({
        "folder_in": "in", "folder_out": "out", "our_id": "HUBVENDOR", "our_qualifier": "ZZ", "partner_id": "RETAILCO",
        "partner_qualifier": "ZZ", "usage": "P", "currency": "USD", "location": "default",
    })
}

/// The same agreement from the partner's side of the table.
pub fn partner_settings() -> Value {
    let mut settings = settings();
    settings["our_id"] = json!("RETAILCO");
    settings["partner_id"] = json!("HUBVENDOR");
    settings
}

pub fn manifest(connector: &str) -> &'static Manifest {
    &REGISTRY.connector(connector).unwrap().manifest
}

pub fn stream(connector: &str, name: &str) -> &'static Stream {
    manifest(connector).streams.iter().find(|stream| stream.name.value == name).unwrap()
}

pub fn spec(connector: &str, name: &str) -> FileSpec {
    stream(connector, name).file_read().unwrap().spec(&settings()).unwrap()
}

pub fn write_spec(connector: &str, name: &str, settings: &Value) -> (WriteSpec, Map<String, Value>) {
    let Some(Write::File(write)) = &stream(connector, name).write else { panic!("{name} writes no files") };
    let mut given = write.partner.given(settings).unwrap();
    for (key, text) in [("sequence", "7"), ("date", "20261120"), ("time", "101500"), ("name", "out.edi")] {
        given.insert(key.to_owned(), json!(text));
    }
    (write.format.clone(), given)
}

pub fn read_bytes(spec: &FileSpec, bytes: &[u8]) -> Result<Vec<FileRow>, FileError> {
    let mut rows = Vec::new();
    let limits = FileLimits::default();
    read(spec, ReadContext::new("in.edi", &limits), bytes, &mut |row| {
        rows.push(row);
        Ok(())
    })
    .map(|_| rows)
}

pub fn write_rows(spec: &WriteSpec, given: &Map<String, Value>, rows: &[Value]) -> Result<String, FileError> {
    let mut out = Vec::new();
    let mut writer = FileWriter::new("out.edi", spec, given, &mut out)?;
    for row in rows {
        writer.row(row)?;
    }
    writer.finish()?;
    Ok(String::from_utf8(out).unwrap())
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn fixture(connector: &str, name: &str) -> String {
    let path = root().join("connectors").join(connector).join("fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn source(path: &Path) -> Arc<Source> {
    Source::new(path.display().to_string(), std::fs::read_to_string(path).unwrap())
}

pub fn mapping(name: &str) -> Mapping {
    let path = root().join("mappings").join(format!("{name}.yaml"));
    let values = path.parent().unwrap().join("values.yaml");
    let values = if values.exists() { vec![source(&values)] } else { Vec::new() };
    let values = Values::load(&values).unwrap_or_else(|problems| panic!("{problems}"));
    Mapping::load(&[source(&path)], &values).unwrap_or_else(|problems| panic!("{problems}"))
}

pub fn map_in(mapping: &Mapping, row: &Value) -> Record {
    map_in_with(mapping, row, &settings())
}

pub fn map_in_with(mapping: &Mapping, row: &Value, settings: &Value) -> Record {
    mapping.map_in(row, InContext { settings }).unwrap_or_else(|error| panic!("{error}"))
}

pub fn map_out(mapping: &Mapping, record: &Record) -> Value {
    map_out_with(mapping, record, &settings())
}

pub fn map_out_with(mapping: &Mapping, record: &Record, settings: &Value) -> Value {
    let refs = Refs::new();
    let context = OutContext { refs: &refs, binding: None, settings };
    mapping.map_out(record, context).unwrap_or_else(|error| panic!("{error}"))
}

/// The row that a stream's `explode` makes of each element.
pub fn exploded(rows: Vec<Value>, list: &str, field: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for mut row in rows {
        let items = row.as_object_mut().unwrap().shift_remove(list).unwrap();
        for item in items.as_array().unwrap() {
            let mut one = row.clone();
            one[field] = item.clone();
            all.push(one);
        }
    }
    all
}

/// That reading fails, and that the message (with its place) contains each part.
#[track_caller]
pub fn check_refused(spec: &FileSpec, text: &str, parts: &[&str]) {
    let message = match read_bytes(spec, text.as_bytes()) {
        Ok(rows) => panic!("accepted with {} rows:\n{text}", rows.len()),
        Err(error) => error.to_string(),
    };
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

/// `text` with the only occurrence of `from` replaced.
#[track_caller]
pub fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?}");
    text.replace(from, to)
}
