//! Beside `referee` and not in it, because the mapping benchmark includes that file.

use serde_json::{Map, Value, json};

use crate::order;
use crate::referee::wrong_fields;

fn delivery(index: u64) -> Value {
    let flat = order::expected(index).into_iter().filter(|(name, _)| !name.contains('.'));
    let mut delivery: Map<String, Value> = flat.map(|(name, value)| (name.to_owned(), value.into())).collect();
    let lines = json!([
        { "sku": "MUG-01", "quantity": (1 + index % 3).to_string(), "unit_price": "19.90" },
        { "sku": "TEA-250G", "quantity": 2, "unit_price": "34.75" },
    ]);
    delivery.insert("lines".to_owned(), lines);
    Value::Object(delivery)
}

#[track_caller]
fn check(change: impl FnOnce(&mut Value), expected: &[&str]) {
    let mut delivery = delivery(5);
    change(&mut delivery);
    assert_eq!(wrong_fields(5, delivery.to_string().as_bytes()), expected);
}

#[test]
fn what_differs_is_told_and_spelling_is_not() {
    check(|_| {}, &[]);
    check(|order| order["placed_at"] = "2026-11-20T10:00:00Z".into(), &[]);
    check(|order| order["customer"] = 7_000_100_005_u64.into(), &[]);
    check(|order| order["total"] = "129.50".into(), &["order 5: total is \"129.50\", expected \"129.05\""]);
    check(|order| order["city"] = Value::Null, &["order 5: city is \"\", expected \"Berlin\""]);
    check(
        |order| order["lines"].as_array_mut().into_iter().for_each(|lines| lines.push("more".into())),
        &["order 5: lines.2 is \"more\", expected \"\""],
    );
}

#[test]
fn what_is_no_json_is_told() {
    let told = wrong_fields(5, b"<order/>");
    assert!(matches!(told.as_slice(), [one] if one.starts_with("order 5: the delivery is not JSON")), "{told:?}");
}
