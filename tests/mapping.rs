//! The shipped mappings against their own tests, and what the engine promises about mistakes in mapping files.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "mapping/lists.rs"]
mod lists;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value as Json, json};
use syncline::config::yaml::Source;
use syncline::mapping::expr::Payload;
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
    let entries = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    for folder in entries.filter(|path| path.is_dir()) {
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

fn settings() -> Json {
    json!({})
}

fn load(mapping: &str, values: &str) -> Result<Mapping, String> {
    let values = Values::load(&[Source::new("values.yaml", values)]).map_err(|problems| problems.to_string())?;
    Mapping::load(&[Source::new("m.yaml", mapping)], &values).map_err(|problems| problems.to_string())
}

/// Reads the payload both ways that there are; they must agree.
fn map(mapping: &Mapping, payload: &str) -> Result<Record, MappingError> {
    let borrowed = mapping.map_in(&Payload::parse(payload).unwrap(), InContext { settings: &settings() });
    let payload: Json = serde_json::from_str(payload).unwrap();
    let record = mapping.map_in(&payload, InContext { settings: &settings() });
    match (&borrowed, &record) {
        (Ok(borrowed), Ok(record)) => assert_eq!(borrowed, record),
        (Err(borrowed), Err(error)) => assert_eq!((&borrowed.from, &borrowed.to), (&error.from, &error.to)),
        (borrowed, record) => panic!("{borrowed:?} against {record:?}"),
    }
    record
}

const VALUES: &str = "values: shop\ncrosswalks:\n  status: { open: unpaid, done: paid }\n  typo: { done: payed }\n";
const ORDER: &str =
    "mapping: shop/order\nin:\n  number: id\n  placed_at: at\n  currency: cur\n  total: { money: sum }\n";

/// What loading `ORDER` with further `in` lines complains about.
#[track_caller]
fn check_refused(further: &str, expected: &[&str]) {
    let problems = load(&format!("{ORDER}{further}"), VALUES).expect_err("the mapping should be refused");
    for expected in expected {
        assert!(problems.contains(expected), "expected {expected:?} in:\n{problems}");
    }
}

#[test]
fn mistakes_in_mapping_files_are_found_before_anything_runs() {
    check_refused("  curency: x\n", &["m.yaml:7:3: there is no canonical field `curency`", "did you mean `currency`?"]);
    check_refused("  note: { money: x }\n", &["m.yaml:7:9: `note` is text, not an amount"]);
    check_refused("  subtotal: x\n", &["`subtotal` is money", "`{ minor: path }` in minor units"]);
    check_refused(
        "  payment_status: { from: x, values: statuss }\n",
        &["no crosswalk `statuss`", "did you mean `status`?"],
    );
    check_refused(
        "  payment_status: { from: x, values: typo }\n",
        &["values.yaml:4:11: \"payed\" is not a status of order financial"],
    );
    check_refused("  status: { const: shipped }\n", &["\"shipped\" is not a status of order lifecycle"]);
    check_refused("  note: { from: x, default: y }\n", &["unknown key `default` in cell"]);
    check_refused("  note: { from: x, expr: y }\n", &["the cell has two sources, `from` and `expr`"]);
    check_refused("  note: { optional: true }\n", &["the cell has no source"]);
    check_refused("  note: { expr: \"1 +\" }\n", &["m.yaml:7:17: expression `1 +`"]);
    check_refused(
        "  note: { expr: recrod.x }\n",
        &["m.yaml:7:17: expression `recrod.x`", "known here: record, item, settings"],
    );
    check_refused("out:\n  a: { expr: record.totl.amount }\n", &["order has no field `totl`; did you mean `total`?"]);
    check_refused("  note: \"a b\"\n", &["\"a b\" is not a path"]);
    check_refused("  note: \"tags[]\"\n", &["the path gives many values"]);
    check_refused("  note: { from: x, as: integer }\n", &["the schema decides that `note` is text"]);
    check_refused("  note: { from: x, format: unix_s }\n", &["`note` is text, which has no format"]);
    check_refused("  cancelled_at: { from: x, format: \"%d.%m.%Y\" }\n", &["nobody knows whose local time this is"]);
    check_refused(
        "  cancelled_at: { from: x, format: \"%Y\", zone: Mars/Olympus }\n",
        &["no time zone `Mars/Olympus`"],
    );
    check_refused("  lines: line_items\n", &["`lines` is a list"]);
    check_refused(
        "  lines: { each: items, fields: { title: t } }\n",
        &["required field `quantity` (a quantity) is not mapped"],
    );
    check_refused("  lines.sku: x\n", &["which has no fields of its own here"]);
    check_refused("  customer.email: a\n  customer: { fields: { name: b } }\n", &["`customer` is mapped twice"]);
    check_refused("  extra.plain: { ref: x }\n", &["`ref` is for `out` only"]);
    check_refused("out:\n  a: { from: totall }\n", &["order has no field \"totall\", did you mean \"total\"?"]);
    check_refused("out:\n  a: total\n", &["`total` is an amount"]);
    check_refused("out:\n  a: lines\n", &["`lines` is no single value"]);
    check_refused("out:\n  a: lines.sku\n", &["the path gives many values"]);
    check_refused("out:\n  a: { ref: number }\n", &["which names no other record"]);
    check_refused("out:\n  a: { from: note, optional: true }\n", &["going out, only a `ref` is optional"]);
    check_refused("out:\n  a.b: number\n  a: note\n", &["`a` is written twice"]);
    check_refused("tests:\n  - given: {}\n", &["a test has either `expect` or `expect_error`"]);
}

#[test]
fn every_mistake_is_reported_at_once() {
    let problems = load("mapping: shop/order\nin:\n  nmber: id\n  total: sum\n  statuz: x\n", VALUES).unwrap_err();
    for expected in ["m.yaml:3:3", "m.yaml:4:10", "m.yaml:5:3", "`number`", "`placed_at`", "`currency`", "6 problems"] {
        assert!(problems.contains(expected), "expected {expected:?} in:\n{problems}");
    }
    assert!(
        load("mapping: shop/oder\nin: {}\n", VALUES).unwrap_err().contains("`shop/oder` is not `connector/entity`")
    );
    assert!(load("mapping: shop/order\n", VALUES).unwrap_err().contains("a mapping has `in`, `out` or both"));
    assert!(load("mapping: [\n", VALUES).is_err());
}

#[track_caller]
fn check_payload(further: &str, payload: &str, expected: Result<&str, &str>) {
    let mapping = load(&format!("{ORDER}{further}"), VALUES).unwrap_or_else(|problems| panic!("{problems}"));
    match (map(&mapping, payload), expected) {
        (Ok(record), Ok(expected)) => {
            assert!(record.canonical_json().contains(expected), "{}", record.canonical_json())
        }
        (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
        (found, expected) => panic!("{payload}: {found:?} against {expected:?}"),
    }
}

fn payload(further: &str) -> String {
    format!(r#"{{"id":1,"at":"2026-11-20T10:00:00Z","cur":"eur","sum":"29.35"{further}}}"#)
}

#[test]
fn hostile_payloads_stop_their_record_with_the_place() {
    let with = |from: &str, to: &str| payload("").replace(from, to);
    check_payload("", &payload(""), Ok(r#""total":{"amount_minor":2935,"currency":"EUR"}"#));
    check_payload("", &with("\"29.35\"", "29.35"), Ok(r#""amount_minor":2935"#));
    check_payload("", &with("\"29.35\"", "29.350000"), Ok(r#""amount_minor":2935"#));
    check_payload("", &with("\"29.35\"", "1e2"), Err("sum -> total: \"1e+2\""));
    check_payload("", &with("\"29.35\"", "1e400"), Err("exponent"));
    check_payload("", &with("\"29.35\"", "12345678901234567890123"), Err("it does not fit 64 bits"));
    check_payload("", &with("29.35", "NaN"), Err("\"NaN\" is not an amount in EUR"));
    check_payload("", &with("29.35", "1.234,56"), Err("declare the number format"));
    check_payload("", &with("29.35", "29.355"), Err("would have to be rounded"));
    check_payload("", &with("\"29.35\"", "true"), Err("true is not money"));
    check_payload("", &with("\"29.35\"", "{}"), Err("an object cannot be read as one value"));
    check_payload("", &with("\"29.35\"", "null"), Err("sum -> total: it is required and has no value"));
    check_payload("", &with("\"sum\"", "\"som\""), Err("sum -> total: it is missing from the payload"));
    check_payload("", &with("eur", "eux"), Err("cur -> currency: \"eux\" is not a currency code"));
    check_payload("", &with("1,", "\"a\\u0000b\","), Err("id -> number: \"a\\0b\" is not text: it contains a NUL"));
    check_payload(
        "",
        &with("10:00:00Z", "10:00:00"),
        Err("at -> placed_at: \"2026-11-20T10:00:00\" is not an RFC 3339 time"),
    );
    check_payload("", &with("1,", "9007199254740993123,"), Ok(r#""number":"9007199254740993123""#));
    check_payload("", "[]", Err("missing"));
    check_payload("", "null", Err("required"));
    assert!(serde_json::from_str::<Json>("{\"id\":\"\\ud800\"}").is_err(), "lone surrogates do not get this far");
}

#[test]
fn absence_is_allowed_only_where_it_is_declared() {
    check_payload("  note: memo\n", &payload(""), Err("memo -> note: it is missing"));
    check_payload("  note: memo\n", &payload(r#","memo":null"#), Ok(r#""total""#));
    check_payload("  note: memo\n", &payload(r#","memo":"""#), Ok(r#""total""#));
    check_payload("  note: { from: memo, optional: true }\n", &payload(""), Ok(r#""total""#));
    check_payload(
        "  note: { from: memo, required: true }\n",
        &payload(r#","memo":null"#),
        Err("required and has no value"),
    );
    check_payload("  customer.email: { from: c.email, optional: true }\n", &payload(""), Ok(r#""total""#));
    check_payload("  customer.email: c.email\n", &payload(r#","c":null"#), Ok(r#""total""#));
    let discount = "  discount_total: { money: \"d[].amount\", sum: true }\n";
    check_payload(
        discount,
        &payload(r#","d":[{"amount":"1.10"},{"amount":0.9}]"#),
        Ok(r#""discount_total":{"amount_minor":200,"#),
    );
    check_payload(discount, &payload(r#","d":[]"#), Ok(r#""discount_total":{"amount_minor":0,"#));
    check_payload(discount, &payload(r#","d":[{}]"#), Err("missing"));
    check_payload(discount, &payload(""), Err("missing"));
    check_payload(
        "  lines: { each: l, fields: { quantity: q } }\n",
        &payload(r#","l":"x""#),
        Err("l -> lines: it is not a list"),
    );
    check_payload(
        "  lines: { each: l, fields: { quantity: q } }\n",
        &payload(r#","l":[{"q":1},{"q":"x"}]"#),
        Err("l[1].q -> lines[1].quantity: \"x\""),
    );
}

#[test]
fn an_unlisted_value_has_a_class_of_its_own() {
    let mapping = load(&format!("{ORDER}  payment_status: {{ from: st, values: status }}\n"), VALUES).unwrap();
    assert!(
        map(&mapping, &payload(r#","st":"done""#)).unwrap().canonical_json().contains(r#""payment_status":"paid""#)
    );
    let error = map(&mapping, &payload(r#","st":"DONE""#)).unwrap_err();
    assert_eq!((error.class(), error.unmapped_value()), (ErrorClass::UnmappedValue, Some(("status", "DONE"))));
    assert_eq!((error.from.as_str(), error.to.as_str()), ("st", "payment_status"));
    let error = map(&mapping, &payload(r#","st":7"#)).unwrap_err();
    assert_eq!(error.unmapped_value(), Some(("status", "7")));
}

#[test]
fn installations_overlay_single_fields() {
    let values = Values::load(&[Source::new("values.yaml", VALUES.replace("payed", "paid"))]).unwrap();
    let overlay = "mapping: shop/order\nin:\n  number: { expr: '\"B2B-\" + record.id' }\n  note: memo\n";
    let sources = [Source::new("m.yaml", ORDER), Source::new("own.yaml", overlay)];
    let mapping = Mapping::load(&sources, &values).unwrap_or_else(|problems| panic!("{problems}"));
    let record = map(&mapping, &payload(r#","memo":"x""#)).unwrap();
    assert_eq!(record.natural_key().as_deref(), Some("B2B-1"));
    assert_eq!(record.get("note").and_then(|note| note.as_text()), Some("x"));
    let wrong = [Source::new("m.yaml", ORDER), Source::new("own.yaml", "mapping: shop/order\nin:\n  numbr: memo\n")];
    let problems = Mapping::load(&wrong, &values).unwrap_err().to_string();
    assert!(problems.contains("own.yaml:3:3: there is no canonical field `numbr`"), "{problems}");
}

#[test]
fn personal_payload_paths_are_known() {
    let order = shipped("shopify/order");
    let paths = order.personal_paths();
    for expected in ["email", "phone", "shipping_address.address1", "billing_address.zip", "note"] {
        assert!(paths.iter().any(|path| path == expected), "{expected} in {paths:?}");
    }
    assert!(!paths.iter().any(|path| path == "total_price"));
}

#[test]
fn an_order_goes_from_the_shop_to_the_erp() {
    let text = std::fs::read_to_string(root().join("shopify/fixtures/order-paid-two-lines.json")).unwrap();
    let order = map(&shipped("shopify/order"), &text).unwrap();
    assert_eq!(order.refs("lines").unwrap().len(), 2);
    let (refs, settings) = (Refs::new(), settings());
    let context = OutContext { refs: &refs, binding: None, settings: &settings };
    let body = shipped("sandbox-erp/order").map_out(&order, context).unwrap();
    assert_eq!(body["reference"], "#1001");
    assert_eq!(body["total"], "47.90");
    assert_eq!(body["lines"][0], json!({ "sku": "MUG-01", "quantity": 2, "unit_price": "9.50", "discount": "1.90" }));
    let error = shipped("sandbox-erp/payment").map_out(&order, context).unwrap_err();
    assert!(error.to_string().contains("this mapping takes payment, not order"), "{error}");
}

#[test]
fn a_record_waits_for_what_it_names() {
    let out = "mapping: shop/inventory_level\nout:\n  item: { ref: sku, extra: shop.item, as: integer }\n";
    let mapping = load(out, "values: shop").unwrap();
    let level = r#"{"sku":"MUG-01","location":"WH1","available":"4"}"#;
    let level = Record::from_canonical_json(Entity::InventoryLevel, level).unwrap();
    let (refs, settings) = (Refs::new(), settings());
    let error = mapping.map_out(&level, OutContext { refs: &refs, binding: None, settings: &settings }).unwrap_err();
    assert_eq!(error.waits_for(), Some((Entity::Product, "MUG-01")));
    assert_eq!(error.class(), ErrorClass::NotFound);
}

#[test]
fn amounts_and_times_are_written_as_asked() {
    let out = "mapping: shop/payment\nexponents: { ISK: 2 }\nout:\n  a: { money: amount }\n  b: { minor: amount }\n  c: { money: amount, as: number }\n  d: { from: created_at, format: unix_s }\n  e: { from: created_at, format: \"%d.%m.%Y %H:%M\", zone: Europe/Berlin }\n  f: { from: $binding, as: integer, absent: null }\n  g: { money: amount, decimal: comma }\n";
    let mapping = load(out, VALUES.replace("payed", "paid").as_str()).unwrap();
    let payment = r#"{"reference":"p","amount":{"amount_minor":1234,"currency":"ISK"},"currency":"ISK","status":"captured","created_at":"2026-07-20T04:15:00Z"}"#;
    let payment = Record::from_canonical_json(Entity::Payment, payment).unwrap();
    let (refs, settings) = (Refs::new(), settings());
    let written =
        mapping.map_out(&payment, OutContext { refs: &refs, binding: Some("42"), settings: &settings }).unwrap();
    let expected =
        r#"{"a":"1234.00","b":123400,"c":1234.00,"d":1784520900,"e":"20.07.2026 06:15","f":42,"g":"1234,00"}"#;
    assert_eq!(written.to_string(), expected);
    let written = mapping.map_out(&payment, OutContext { refs: &refs, binding: None, settings: &settings }).unwrap();
    assert!(written.to_string().contains("\"f\":null"), "{written}");
}

/// The known answers of the currency sheet, read and written back through mappings.
#[test]
fn known_amounts_of_many_systems() {
    let check = |cell: &str, exponents: &str, payload: &str, minor: i64, decimal: &str| {
        let text = format!(
            "mapping: shop/payment\nexponents: {exponents}\nin:\n  reference: {{ const: r }}\n  status: {{ const: captured }}\n  currency: cur\n  amount: {cell}\n"
        );
        let mapping = load(&text, "values: shop").unwrap();
        let record = map(&mapping, payload).unwrap_or_else(|error| panic!("{payload}: {error}"));
        let money = record.get("amount").and_then(|amount| amount.as_money()).unwrap();
        assert_eq!((money.amount_minor(), money.to_decimal().as_str()), (minor, decimal), "{payload}");
    };
    let (decimal, minor, comma) = ("{ money: a }", "{ minor: a }", "{ money: a, decimal: comma }");
    check(decimal, "{}", r#"{"cur":"EUR","a":"29.35"}"#, 2935, "29.35");
    check(minor, "{}", r#"{"cur":"eur","a":2935}"#, 2935, "29.35");
    check(minor, "{}", r#"{"cur":"jpy","a":500}"#, 500, "500");
    check(decimal, "{}", r#"{"cur":"JPY","a":"2935.0"}"#, 2935, "2935");
    check(minor, "{}", r#"{"cur":"kwd","a":1234}"#, 1234, "1.234");
    check(minor, "{ ISK: 2 }", r#"{"cur":"isk","a":123400}"#, 1234, "1234");
    check(minor, "{ CLP: 2 }", r#"{"cur":"CLP","a":293500}"#, 2935, "2935");
    check(minor, "{ CVE: 0 }", r#"{"cur":"CVE","a":29}"#, 2900, "29.00");
    check(minor, "{ MGA: 0 }", r#"{"cur":"mga","a":5}"#, 500, "5.00");
    check(minor, "{ JPY: 2 }", r#"{"cur":"JPY","a":"293500"}"#, 2935, "2935");
    check(comma, "{}", r#"{"cur":"EUR","a":"1234,5"}"#, 123_450, "1234.50");
    check(comma, "{}", r#"{"cur":"EUR","a":"2935,"}"#, 293_500, "2935.00");
    check(minor, "{}", r#"{"cur":"USD","a":"000001234"}"#, 1234, "12.34");
    check(minor, "{}", r#"{"cur":"USD","a":"2935"}"#, 2935, "29.35");
    check(decimal, "{}", r#"{"cur":"EUR","a":"29.3500"}"#, 2935, "29.35");
    check(decimal, "{}", r#"{"cur":"EUR","a":29.35}"#, 2935, "29.35");
    check(decimal, "{}", r#"{"cur":"HRK","a":"-10.00"}"#, -1000, "-10.00");
    check(decimal, "{ HUF: 0 }", r#"{"cur":"HUF","a":"1500"}"#, 150_000, "1500.00");
}
