//! The shipped file connectors against their fixtures: what the manifest declares reads the file, what the mapping says fits the rows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::result_large_err)]

use std::path::Path;

use serde_json::{Value as Json, json};
use syncline::connector::file::{FileLimits, FileRow, ReadContext, read};
use syncline::connector::manifest::{Stream, StreamEntity, VersionKind};
use syncline::connector::registry::Registry;
use syncline::mapping::expr::Scope;
use syncline::mapping::{InContext, Mapping, Values};
use syncline::model::Record;

struct Read {
    rows: Vec<FileRow>,
    keys: Vec<String>,
    records: Vec<Record>,
}

fn stream<'r>(registry: &'r Registry, connector: &str, stream: &str) -> &'r Stream {
    registry.connector(connector).unwrap().manifest.stream(stream).unwrap()
}

fn rows(stream: &Stream, file: &str, bytes: &[u8]) -> Result<Vec<FileRow>, String> {
    let spec = &stream.file_read().unwrap().format;
    let limits = FileLimits::default();
    let mut rows = Vec::new();
    read(spec, ReadContext::new(file, &limits), bytes, &mut |row| {
        rows.push(row);
        Ok(())
    })
    .map(|_| rows)
    .map_err(|error| error.to_string())
}

/// Reads a fixture the way intake does: pattern, rows, keys, records.
#[track_caller]
fn fixture(connector: &str, name: &str, file: &str) -> Read {
    let registry = Registry::shipped().unwrap_or_else(|problems| panic!("{problems}"));
    let stream = stream(&registry, connector, name);
    let path = Path::new("connectors").join(connector).join("fixtures").join(file);
    assert!(stream.file_read().unwrap().pattern.matches(file).is_some(), "{file} does not match the pattern");
    let rows = rows(stream, file, &std::fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{error}"));
    let StreamEntity::One(entity) = stream.entity else { panic!("any entity") };
    let values = Values::load(registry.mapping(&format!("{connector}/values"))).unwrap();
    let mapping =
        Mapping::load(registry.mapping(&format!("{connector}/{entity}")), &values).unwrap_or_else(|p| panic!("{p}"));
    let key = |row: &FileRow| stream.key.as_ref().unwrap().render(&Scope::new().with("record", &row.value)).unwrap();
    let settings = json!({});
    let record = |row: &FileRow| {
        mapping.map_in(&row.value, InContext { settings: &settings }).unwrap_or_else(|error| panic!("{error}"))
    };
    Read { keys: rows.iter().map(key).collect(), records: rows.iter().map(record).collect(), rows }
}

#[test]
fn the_nightly_stock_file_is_read_with_its_totals() {
    let read = fixture("sandbox-erp", "stock", "BESTAND_20261120_0001423.csv");
    assert_eq!(read.keys, ["MUG-01:WH1", "PLATE-02:WH1", "00123:WH1"]);
    assert_eq!(read.rows[2].value["description"], "Größe L");
    let level = read.records[2].canonical_json();
    assert!(level.contains(r#""on_hand":"-7""#), "{level}");

    let registry = Registry::shipped().unwrap();
    let stock = stream(&registry, "sandbox-erp", "stock");
    assert_eq!(stock.version.kind, VersionKind::Sequence);
    let header = Json::Object((**read.rows[0].header.as_ref().unwrap()).clone());
    let scope = Scope::new().with("record", &read.rows[0].value).with("header", &header);
    assert_eq!(stock.version.value.as_ref().unwrap().render(&scope).unwrap(), "1423");
}

#[test]
fn a_stock_file_that_contradicts_its_trailer_is_refused() {
    let registry = Registry::shipped().unwrap();
    let stock = stream(&registry, "sandbox-erp", "stock");
    let bytes = std::fs::read("connectors/sandbox-erp/fixtures/BESTAND_20261120_0001423.csv").unwrap();
    assert!(rows(stock, "good.csv", &bytes).is_ok());
    let changed = |from: &[u8], to: &[u8]| {
        let at = bytes.windows(from.len()).position(|part| part == from).unwrap();
        [&bytes[..at], to, &bytes[at + from.len()..]].concat()
    };
    for (what, bad) in [
        ("count", changed(b"T;0000003;", b"T;0000004;")),
        ("quantity total", changed(b"T;0000003;240;", b"T;0000003;241;")),
        ("price total", changed(b";1268,00", b";1268,01")),
        ("no trailer", bytes[..bytes.len() - 23].to_vec()),
    ] {
        assert!(rows(stock, "bad.csv", &bad).is_err(), "{what}");
    }
}

#[test]
fn a_delivery_becomes_a_fulfilment() {
    let read = fixture("sandbox-erp", "deliveries", "DESADV_0000007.xml");
    assert_eq!(read.keys, ["0080000001"]);
    let fulfilment: Json = serde_json::from_str(&read.records[0].canonical_json()).unwrap();
    assert_eq!(fulfilment["order"], "#1001");
    assert_eq!(fulfilment["lines"][0], json!({ "sku": "00123", "quantity": "2" }));
}

#[test]
fn generic_files_become_records() {
    let stock = fixture("csv", "stock", "stock_20261120.csv");
    assert_eq!(stock.keys, ["00123:WH1", "MUG-01:WH1"]);
    let products = fixture("csv", "products", "products_20261120.csv");
    assert!(products.records[0].canonical_json().contains(r#""title":"Mug, blue""#));
    let orders = fixture("xml", "orders", "orders_1.xml");
    assert_eq!(orders.records[0].natural_key().as_deref(), Some("4711"));
}
