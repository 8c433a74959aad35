//! Samples that a mapping understands: examples of documents are seldom such, so values are put right where a field says how.
//!
//! Not here: samples of schemas (`sample`).

use serde_json::{Map, Value as Json, json};

use super::cells::crosswalk;
use super::fields::{Form, Pair};
use super::schema::Type;
use super::statuses::Crosswalks;
use crate::model::{Field, FieldType};

const MOMENT: &str = "2026-11-20T08:00:00Z";

/// Puts the values of a vendor's record right.
pub(super) fn mend(record: &mut Json, pairs: &[Pair<'_>], crosswalks: &Crosswalks, entity: &str) {
    let Json::Object(members) = record else { return };
    for pair in pairs {
        let name = &pair.property.name;
        let found = members.get(name).cloned().unwrap_or(Json::Null);
        let right = match &pair.form {
            Form::Plain => plain(&found, pair),
            Form::Unix => Some(json!(1_795_000_000)),
            Form::Money => decimal(&found, pair.property.ty),
            Form::Minor => (!found.is_i64()).then(|| json!(950)),
            Form::MoneyObject { amount, currency, minor, numeric } => {
                let value = if *minor {
                    json!(950)
                } else if *numeric {
                    number("9.5")
                } else {
                    json!("9.50")
                };
                let mut object = Map::from_iter([(amount.clone(), value)]);
                object.extend(currency.iter().map(|name| (name.clone(), json!("EUR"))));
                Some(Json::Object(object))
            }
            Form::Status | Form::Unlisted => {
                crosswalks.known_word(&crosswalk(entity, pair.field.name)).map(|(word, _)| json!(word))
            }
            Form::Object(inner) => {
                let mut object = if found.is_object() { found.clone() } else { json!({}) };
                mend(&mut object, inner, crosswalks, entity);
                Some(object)
            }
            Form::List(inner) => {
                let first = found.as_array().and_then(|items| items.first()).cloned();
                let mut item = first.filter(Json::is_object).unwrap_or_else(|| json!({}));
                mend(&mut item, inner, crosswalks, entity);
                Some(json!([item]))
            }
        };
        if let Some(right) = right {
            members.insert(name.clone(), right);
        }
    }
}

fn number(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or(Json::Null)
}

fn plain(found: &Json, pair: &Pair<'_>) -> Option<Json> {
    let text = found.as_str().unwrap_or_default();
    match (&pair.field.ty, pair.property.ty) {
        (FieldType::Currency, _) => Some(json!("EUR")),
        (FieldType::Timestamp, _) => text.parse::<jiff::Timestamp>().is_err().then(|| json!(MOMENT)),
        (FieldType::Date, _) => text.parse::<jiff::civil::Date>().is_err().then(|| json!("2026-11-20")),
        (FieldType::Quantity | FieldType::Decimal, Type::Text) => Some(json!("2")),
        (FieldType::Text | FieldType::Ref(_), Type::Text) => text.is_empty().then(|| json!("1001")),
        (
            FieldType::Text
            | FieldType::Ref(_)
            | FieldType::Integer
            | FieldType::Bool
            | FieldType::Decimal
            | FieldType::Quantity
            | FieldType::Money
            | FieldType::UnitPrice
            | FieldType::Status(_)
            | FieldType::Object(_)
            | FieldType::List(_),
            _,
        ) => found.is_null().then(|| json!(1)),
    }
}

/// An amount with at most two decimals.
fn decimal(found: &Json, ty: Type) -> Option<Json> {
    let text = text_of(found);
    let digits = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
    let right = if ty == Type::Text { json!("9.50") } else { number("9.5") };
    (!plain || digits > 2).then_some(right)
}

pub(super) fn text_of(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => value.to_string(),
    }
}

/// A canonical record with everything that is required or mapped out.
pub(super) fn canonical(fields: &'static [Field], pairs: &[Pair<'_>], crosswalks: &Crosswalks, entity: &str) -> Json {
    let mut record = Map::new();
    for field in fields {
        let pair = pairs.iter().find(|pair| pair.field.name == field.name);
        let made = match (pair.map(|pair| &pair.form), &field.ty) {
            (Some(Form::Object(inner)), FieldType::Object(fields)) => canonical(fields, inner, crosswalks, entity),
            (Some(Form::List(inner)), FieldType::List(FieldType::Object(fields))) => {
                json!([canonical(fields, inner, crosswalks, entity)])
            }
            (Some(Form::Status | Form::Unlisted), _) => match crosswalks.known_word(&crosswalk(entity, field.name)) {
                Some((_, value)) => json!(value),
                None if field.required => value(&field.ty),
                None => continue,
            },
            (Some(_), ty) => value(ty),
            (None, ty) if field.required => value(ty),
            (None, _) => continue,
        };
        record.insert(field.name.to_owned(), made);
    }
    Json::Object(record)
}

pub(super) fn value(ty: &FieldType) -> Json {
    match ty {
        FieldType::Text | FieldType::Ref(_) => json!("1001"),
        FieldType::Integer => json!(1),
        FieldType::Bool => json!(true),
        FieldType::Decimal | FieldType::Quantity => json!("2"),
        FieldType::Money => json!({ "amount_minor": 950, "currency": "EUR" }),
        FieldType::UnitPrice => json!({ "amount": "9.50", "currency": "EUR" }),
        FieldType::Timestamp => json!(MOMENT),
        FieldType::Date => json!("2026-11-20"),
        FieldType::Currency => json!("EUR"),
        FieldType::Status(set) => json!(set.values.first()),
        FieldType::Object(_) => json!({}),
        FieldType::List(_) => json!([]),
    }
}
