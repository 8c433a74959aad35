//! One answer for each detail, whichever of the three sources a side's records come from.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::config::yaml::{Context, Diagnostics, Source};
use crate::finance::definition::{Definition, parse};
use crate::finance::period::Period;
use crate::model::{Date, Entity, Record};
use crate::recon::row::{Entry, Place, Row};

const SOURCES: [&str; 3] =
    ["files: { connector: jsonl, stream: orders, path: x }", "mirror: shop.orders", "live: shop.orders"];

fn definition(source: &str, cells: &str, more: &str) -> (Definition, std::sync::Arc<Source>) {
    let side = format!("{{ title: T, {source}, {cells} }}");
    let text = format!(
        "reconciliation: r\ntitle: T\nkind: other\nzone: Asia/Tokyo\n{more}\na: {side}\nb: {side}\n\
         match: [{{ id: all, amount_within: {{}} }}]\n"
    );
    let source = Source::new("r.yaml", text);
    (parse(&source).unwrap(), source)
}

fn resolved(source: &str, cells: &str, more: &str, entity: Entity) -> Result<RecordRows, Diagnostics> {
    let (definition, source) = definition(source, cells, more);
    let cx = Context::new(&source);
    let terms = Terms { zone: definition.zone.clone(), measure: definition.rules.measure };
    let rows = resolve(&cx, &terms, &definition.sides[0], entity);
    let problems = cx.finish();
    assert_eq!(rows.is_some(), problems.is_empty(), "{problems}");
    problems.into_result(rows)
}

fn order() -> Value {
    let money = |minor: i64| json!({ "amount_minor": minor, "currency": "EUR" });
    json!({
        "number": "N-1", "placed_at": "2026-11-05T20:00:00Z", "currency": "EUR", "total": money(1_200),
        "tax_total": money(190), "payment_status": "paid",
        "lines": [{ "quantity": "2", "sku": "A" }, { "quantity": "1.5" }], "taxes": [],
        "extra": { "shop.weight": "1.25", "shop.points": 3, "shop.yen": "JPY", "shop.day": "2026-11-07" }
    })
}

fn entries(rows: &RecordRows, record: &Value, period: Option<Period>) -> Result<Vec<Entry>, String> {
    let record = Record::from_json(Entity::Order, record).unwrap();
    let named = Named { key: "K-1", natural_key: None, record: &record };
    rows.entries(&named, &Place { source: "s".into(), row: 7 }, period)
}

/// What people would be told of an entry.
fn told(entry: &Entry) -> String {
    let row = |row: &Row| {
        let keys: Vec<&str> = row.keys.iter().map(|key| key.as_deref().unwrap_or("-")).collect();
        let parts: Vec<String> =
            row.parts.iter().map(|part| part.map_or("-".into(), |part| row.unit.decimal(part))).collect();
        let fields: Vec<String> = row.fields.iter().map(|field| field.display(row.unit)).collect();
        let texts = [&row.status, &row.parent, &row.category].map(|text| text.as_deref().unwrap_or("-").to_owned());
        let day = row.date.map_or("-".into(), |date| date.to_string());
        let all = [keys.join(","), texts.join(","), parts.join(","), fields.join(","), row.lines.to_string()].join("|");
        format!("{} {} {day} {all}", row.unit.decimal(row.amount), row.unit)
    };
    match entry {
        Entry::Row(it) => row(it),
        Entry::Excluded { rule, row: it } => format!("out by {rule}: {}", row(it)),
        Entry::Rejected { reason, amount, .. } => {
            assert_eq!(*amount, None);
            format!("rejected: {reason}")
        }
    }
}

/// Cells, the definition's other words, and what the order becomes; `Err` is what makes it no row.
type Made = (&'static str, &'static str, Result<&'static [&'static str], &'static str>);
const MADE: &[Made] = &[
    // Names of the record; money as text is its decimal; a list of lines counts.
    (
        "keys: { a: '@key', b: '@natural_key', c: total }, amount: total, status: payment_status, parent: '@key', \
         category: '@natural_key', lines: lines",
        "",
        Ok(&["12.00 EUR - K-1,N-1,12.00|paid,K-1,N-1|||2"]),
    ),
    ("keys: { a: 'lines[0].sku' }, amount: total, lines: extra.shop.points", "", Ok(&["12.00 EUR - A|-,-,-|||3"])),
    ("amount: total, lines: taxes", "", Ok(&["12.00 EUR - |-,-,-|||0"])),
    // Days are days of the zone.
    ("amount: total, date: placed_at", "", Ok(&["12.00 EUR 2026-11-06 |-,-,-|||0"])),
    ("amount: total, date: extra.shop.day", "", Ok(&["12.00 EUR 2026-11-07 |-,-,-|||0"])),
    ("amount: total, date: cancelled_at", "", Ok(&["12.00 EUR - |-,-,-|||0"])),
    ("amount: total, date: extra.shop.weight", "", Err("1.25")),
    // What a field is follows from the schema; signs are turned where it is said.
    (
        "amount: { from: total, negate: true }, fields: { t: { from: tax_total, negate: true }, n: number, \
         w: { from: extra.shop.weight, type: amount }, d: { from: placed_at, type: date }, g: note }, \
         parts: { tax: { from: tax_total, negate: true }, shipping: shipping_total, fee: extra.shop.points }",
        "",
        Ok(&["-12.00 EUR - |-,-,-|-1.90,-,3.00|-1.90,N-1,1.25,2026-11-06,(none)|0"]),
    ),
    // Several amounts are several rows, without those that the record does not have.
    (
        "amount: { gross: total, tax: { from: tax_total, negate: true }, shipping: shipping_total }, category: number",
        "",
        Ok(&["12.00 EUR - |-,-,N-1 gross|||0", "-1.90 EUR - |-,-,N-1 tax|||0"]),
    ),
    ("amount: { tax: tax_total }", "", Ok(&["1.90 EUR - |-,-,tax|||0"])),
    // An amount that is absent is a rejected row by its name.
    ("amount: shipping_total", "", Ok(&["rejected: the record has no shipping_total"])),
    ("amount: extra.shop.none, unit: EUR", "", Ok(&["rejected: the record has no extra.shop.none"])),
    (
        "amount: { shipping: shipping_total, discount: discount_total }",
        "",
        Ok(&["rejected: the record has none of shipping_total, discount_total"]),
    ),
    // The currency of a number: the record's, or else the stated one; pieces where quantities are measured.
    ("amount: 'lines[1].quantity', unit: EUR", "", Ok(&["1.50 EUR - |-,-,-|||0"])),
    ("amount: 'lines[1].quantity', currency: currency", "", Ok(&["1.50 EUR - |-,-,-|||0"])),
    ("amount: extra.shop.points, currency: extra.shop.yen, unit: EUR", "", Ok(&["3 JPY - |-,-,-|||0"])),
    ("amount: extra.shop.points, currency: extra.shop.none, unit: EUR", "", Ok(&["3.00 EUR - |-,-,-|||0"])),
    ("amount: extra.shop.points, currency: extra.shop.none", "", Err("its amount has no currency")),
    ("amount: extra.shop.points, currency: extra.shop.weight", "", Err("1.25")),
    ("amount: 'lines[0].quantity'", "measure: quantity", Ok(&["2 pcs - |-,-,-|||0"])),
    ("amount: 'lines[0].quantity', unit: EUR", "measure: quantity", Ok(&["2.00 EUR - |-,-,-|||0"])),
    // Never rounded, never converted.
    ("amount: extra.shop.weight, unit: JPY", "", Err("JPY has 0 decimals")),
    ("amount: number, unit: JPY", "", Err("and no amount")),
    (
        "amount: extra.shop.points, currency: extra.shop.yen, parts: { tax: tax_total }",
        "",
        Err("one of its amounts is in EUR, the row's in JPY"),
    ),
    (
        "amount: extra.shop.points, currency: extra.shop.yen, fields: { tax: tax_total }",
        "",
        Err("one of its amounts is in EUR, the row's in JPY"),
    ),
    // Out of scope: listed, or not listed; what is absent is empty.
    (
        "amount: total, exclude: { e: { from: payment_status, is: [open, paid] } }",
        "",
        Ok(&["out by e: 12.00 EUR - |-,-,-|||0"]),
    ),
    (
        "amount: total, exclude: { e: { from: payment_status, is_not: [open, paid] } }",
        "",
        Ok(&["12.00 EUR - |-,-,-|||0"]),
    ),
    ("amount: total, exclude: { e: { from: note, is_not: [gift] } }", "", Ok(&["out by e: 12.00 EUR - |-,-,-|||0"])),
    ("amount: total, exclude: { e: { from: note, is: '' } }", "", Ok(&["out by e: 12.00 EUR - |-,-,-|||0"])),
    ("amount: total, exclude: { e: { from: '@key', is: K-1 } }", "", Ok(&["out by e: 12.00 EUR - |-,-,-|||0"])),
    ("amount: total, exclude: { e: { from: total, is: '12.00' } }", "", Ok(&["out by e: 12.00 EUR - |-,-,-|||0"])),
];

#[test]
fn a_record_becomes_the_same_rows_whatever_it_comes_from() {
    for source in SOURCES {
        for (cells, more, expected) in MADE {
            let made = match resolved(source, cells, more, Entity::Order) {
                Ok(rows) => entries(&rows, &order(), None),
                Err(problems) => Err(problems.to_string()),
            };
            match (made, expected) {
                (Ok(made), Ok(expected)) => {
                    assert_eq!(made.iter().map(told).collect::<Vec<_>>(), *expected, "{source}: {cells}");
                }
                (Err(why), Err(expected)) => assert!(why.contains(expected), "{source}: {cells}: {why}"),
                (made, expected) => panic!("{source}: {cells}: {made:?} instead of {expected:?}"),
            }
        }
    }
}

/// Cells, the definition's other words, and what is told.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("amount: totl", "", "order has no field \"totl\", did you mean \"total\"?"),
    ("amount: total, keys: { k: '@keys' }", "", "did you mean `@key`?"),
    ("amount: '@key'", "", "`@key` names a record, and is no amount"),
    ("amount: { gross: total, net: '@natural_key' }", "", "`@natural_key` names a record, and is no amount"),
    ("amount: total, date: '@key'", "", "`@key` names a record, and is no day"),
    ("amount: total, parts: { tax: '@key' }", "", "`@key` names a record, and is no amount"),
    ("amount: total, lines: '@key'", "", "`@key` names a record, and is no number of lines"),
    ("amount: extra.a.b, currency: '@key'", "", "`@key` names a record, and is no currency"),
    ("amount: total, fields: { f: { from: '@key', type: date } }", "", "`@key` names a record, and is no day"),
    ("amount: total, unit: EUR", "", "`total` has its own currency"),
    ("amount: total, currency: currency", "", "`total` has its own currency"),
    ("amount: { a: total, b: tax_total }, unit: EUR", "", "`tax_total` has its own currency"),
    ("amount: total", "measure: quantity", "`total` is money, and `measure: quantity` counts pieces"),
    ("amount: 'lines[0].quantity', parts: { tax: tax_total }", "measure: quantity", "money, and the rows count pieces"),
    ("amount: 'lines[0].quantity'", "", "`lines[0].quantity` has no currency"),
    ("amount: placed_at", "", "`placed_at` is a time, and no amount"),
    ("amount: 'lines[0].unit_price', unit: EUR", "", "`lines[0].unit_price` is a unit price, and no amount"),
    ("amount: total, parts: { tax: note }", "", "`note` is text, and no amount"),
    ("amount: total, fields: { f: { from: note, type: amount } }", "", "`note` is text, and no amount"),
    ("amount: total, date: total", "", "`total` is money, and no day"),
    ("amount: extra.a.b, currency: total", "", "`total` is money, and no currency"),
    ("amount: total, lines: note", "", "`note` is text, and no number of lines"),
    ("amount: total, keys: { k: lines }", "", "`lines` is not one value"),
    ("amount: total, keys: { k: lines.sku }", "", "`lines.sku` is not one value"),
    ("amount: total, exclude: { e: { from: customer, is: x } }", "", "`customer` is not one value"),
    ("amount: total, status: { from: payment_status, negate: true }", "", "`negate` turns nothing"),
    ("amount: total, date: { from: placed_at, negate: true }", "", "`negate` turns nothing"),
];

#[test]
fn mistakes_are_told_with_their_places_whatever_the_source() {
    for source in SOURCES {
        for (cells, more, expected) in MISTAKES {
            let problems = resolved(source, cells, more, Entity::Order).unwrap_err().to_string();
            assert!(problems.contains(expected) && problems.contains("r.yaml:"), "{source}: {cells}: {problems}");
        }
        // All of them, not only the first.
        let problems = resolved(source, "keys: { k: nmber }, amount: totl, date: '@key', status: x", "", Entity::Order);
        assert_eq!(problems.unwrap_err().iter().count(), 4);
    }
}

#[test]
fn rows_of_another_time_are_out_of_scope_and_records_of_another_kind_are_none() {
    for source in SOURCES {
        let rows = resolved(source, "amount: total, date: placed_at", "", Entity::Order).unwrap();
        let period = |day: &str| Some(Period { from: Date::parse(day).unwrap(), to: Date::parse(day).unwrap() });
        let told_of = |day: &str| told(&entries(&rows, &order(), period(day)).unwrap()[0]);
        assert!(told_of("2026-11-06").starts_with("12.00 EUR"));
        assert!(told_of("2026-11-05").starts_with("out by outside the period: 12.00 EUR"));
        let level = json!({ "sku": "A", "location": "W" });
        let record = Record::from_json(Entity::InventoryLevel, &level).unwrap();
        let named = Named { key: "K", natural_key: None, record: &record };
        let why = rows.entries(&named, &Place { source: "s".into(), row: 1 }, None).unwrap_err();
        assert!(why.contains("and the side is made of"), "{why}");
    }
}

#[test]
fn streams_that_are_not_there_are_told_with_what_is() {
    let stream = |connection: &str, stream: &str| crate::store::StreamId {
        connection: connection.into(),
        stream: stream.into(),
    };
    let streams = HubStreams::default().with(stream("shop", "orders"), Entity::Order);
    assert_eq!(streams.mirror(&stream("shop", "orders")).ok(), Some(Entity::Order));
    assert_eq!(streams.live(&stream("shop", "orders")).ok(), Some(Entity::Order));
    for (asked, message, help) in [
        (stream("shp", "orders"), "there is no connection `shp`", "did you mean `shop`?"),
        (stream("shop", "ordres"), "there is no stream shop.ordres", "did you mean `orders`?"),
    ] {
        let wrong = streams.mirror(&asked).err().unwrap();
        assert_eq!(wrong.message, message);
        assert!(wrong.help.contains(help), "{}", wrong.help);
    }
}
