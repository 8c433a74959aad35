//! The canonical JSON form of records: schema order, absent fields left out, numbers that matter as text.
//! The same bytes for the same record, on every machine and in every release with the same schema.
//!
//! Not here: validation of whole records (see `record`), the JSON Schema (see `json_schema`).

use std::fmt::Write;

use serde_json::{Map, Number, Value as Json};

use super::schema::{self, Field, FieldType};
use super::{Money, Object, Raw, RecordError, RecordFault, UnitPrice, Value, ValueError};

/// Appends `value`; with `hashed`, volatile fields are left out.
pub(crate) fn write_value(out: &mut String, value: &Value, hashed: bool) {
    match value {
        Value::Text(text) => write_text(out, text),
        Value::Status(word) => write_text(out, word),
        Value::Integer(number) => push(out, format_args!("{number}")),
        Value::Bool(value) => push(out, format_args!("{value}")),
        Value::Decimal(decimal) => push(out, format_args!("\"{decimal}\"")),
        Value::Quantity(quantity) => push(out, format_args!("\"{quantity}\"")),
        Value::Money(money) => {
            push(
                out,
                format_args!("{{\"amount_minor\":{},\"currency\":\"{}\"}}", money.amount_minor(), money.currency()),
            );
        }
        Value::UnitPrice(price) => {
            push(out, format_args!("{{\"amount\":\"{}\",\"currency\":\"{}\"}}", price.to_decimal(), price.currency()));
        }
        Value::Timestamp(timestamp) => push(out, format_args!("\"{timestamp}\"")),
        Value::Date(date) => push(out, format_args!("\"{date}\"")),
        Value::Currency(currency) => push(out, format_args!("\"{currency}\"")),
        Value::Object(object) => {
            out.push('{');
            write_fields(out, object, hashed);
            out.push('}');
        }
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(out, item, hashed);
            }
            out.push(']');
        }
    }
}

/// Appends `"name":value` pairs without braces; says whether it wrote any.
pub(crate) fn write_fields(out: &mut String, object: &Object, hashed: bool) -> bool {
    let mut written = false;
    for (field, value) in object.iter() {
        let Some(value) = value else { continue };
        if hashed && field.volatile {
            continue;
        }
        if written {
            out.push(',');
        }
        written = true;
        push(out, format_args!("\"{}\":", field.name));
        write_value(out, value, hashed);
    }
    written
}

/// A value of the extra bag: decimals are JSON numbers there, as the bag has no schema to tell them from text.
pub(crate) fn write_extra_value(out: &mut String, value: &Value) {
    match value {
        Value::Decimal(decimal) => push(out, format_args!("{decimal}")),
        value => write_value(out, value, false),
    }
}

fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail: its fmt::Write implementation always answers Ok.
    let _infallible = out.write_fmt(arguments);
}

pub(crate) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut clean_from = 0;
    for (index, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[clean_from..index]);
        clean_from = index + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => push(out, format_args!("\\u{control:04x}")),
        }
    }
    out.push_str(&text[clean_from..]);
    out.push('"');
}

/// The form that expressions and templates see: every field of the schema is there, absent ones as null; quantities
/// and decimals are numbers; money has `amount` (a decimal number) besides `amount_minor` and `currency`.
pub(crate) fn scope_value(value: &Value) -> Json {
    match value {
        Value::Text(text) => Json::String(text.clone()),
        Value::Status(word) => Json::String((*word).to_owned()),
        Value::Integer(number) => Json::from(*number),
        Value::Bool(value) => Json::Bool(*value),
        Value::Decimal(decimal) => number(decimal.to_string()),
        Value::Quantity(quantity) => number(quantity.to_string()),
        Value::Money(money) => {
            let mut object = Map::with_capacity(3);
            object.insert("amount".to_owned(), number(money.to_decimal()));
            object.insert("amount_minor".to_owned(), Json::from(money.amount_minor()));
            object.insert("currency".to_owned(), Json::from(money.currency().as_str()));
            Json::Object(object)
        }
        Value::UnitPrice(price) => {
            let mut object = Map::with_capacity(2);
            object.insert("amount".to_owned(), number(price.to_decimal()));
            object.insert("currency".to_owned(), Json::from(price.currency().as_str()));
            Json::Object(object)
        }
        Value::Timestamp(timestamp) => Json::String(timestamp.to_string()),
        Value::Date(date) => Json::String(date.to_string()),
        Value::Currency(currency) => Json::from(currency.as_str()),
        Value::Object(object) => Json::Object(scope_object(object)),
        Value::List(items) => Json::Array(items.iter().map(scope_value).collect()),
    }
}

/// An object inside a record, as `Record::to_scope` shows it.
pub(crate) fn object_scope(object: &Object) -> Json {
    Json::Object(scope_object(object))
}

pub(crate) fn scope_object(object: &Object) -> Map<String, Json> {
    object.iter().map(|(field, value)| (field.name.to_owned(), value.map_or(Json::Null, scope_value))).collect()
}

fn number(text: String) -> Json {
    // Decimal text of our own making is a valid JSON number.
    Json::Number(Number::from_string_unchecked(text))
}

/// Reads the canonical form of one value.
pub(crate) fn read_value(ty: &FieldType, json: &Json) -> Result<Value, RecordError> {
    match (ty, json) {
        (FieldType::Money, Json::Object(object)) => read_money(object).map_err(RecordError::value),
        (FieldType::UnitPrice, Json::Object(object)) => read_unit_price(object).map_err(RecordError::value),
        (FieldType::Object(fields), Json::Object(object)) => read_object(fields, object).map(Value::Object),
        (FieldType::List(item), Json::Array(items)) => items
            .iter()
            .enumerate()
            .map(|(index, json)| read_value(item, json).map_err(|error| error.under_index(index)))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::List),
        (ty, Json::Object(_)) => Err(RecordError::value(ValueError::wrong_kind(ty.name(), "an object"))),
        (ty, Json::Array(_)) => Err(RecordError::value(ValueError::wrong_kind(ty.name(), "a list"))),
        (ty, Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_)) => {
            Value::from_raw(ty, raw(json)).map_err(RecordError::value)
        }
    }
}

fn raw(json: &Json) -> Raw<'_> {
    match json {
        Json::Bool(value) => Raw::Bool(*value),
        Json::Number(number) => Raw::Number(number.as_str()),
        Json::String(text) => Raw::Text(text),
        Json::Null | Json::Array(_) | Json::Object(_) => Raw::Null,
    }
}

/// A record's own object, which besides its fields has `extra`.
pub(crate) fn read_root(fields: &'static [Field], json: &Map<String, Json>) -> Result<Object, RecordError> {
    read_entries(fields, json.iter().filter(|(name, _)| *name != "extra"))
}

fn read_object(fields: &'static [Field], json: &Map<String, Json>) -> Result<Object, RecordError> {
    read_entries(fields, json.iter())
}

fn read_entries<'j>(
    fields: &'static [Field],
    entries: impl Iterator<Item = (&'j String, &'j Json)>,
) -> Result<Object, RecordError> {
    let mut object = Object::empty(fields);
    for (name, json) in entries {
        let Some((index, field)) = schema::find(fields, name) else {
            return Err(RecordError::unknown_field(fields, name));
        };
        if !json.is_null() {
            object.set_slot(index, read_value(&field.ty, json).map_err(|error| error.under(name))?);
        }
    }
    Ok(object)
}

fn read_money(object: &Map<String, Json>) -> Result<Value, ValueError> {
    let (amount, currency) = amount_and_currency(object, "money", "amount_minor")?;
    let minor = amount.parse().map_err(|_| ValueError::new("minor units", amount, "it is no 64-bit whole number"))?;
    Ok(Value::Money(Money::new(minor, currency)))
}

fn read_unit_price(object: &Map<String, Json>) -> Result<Value, ValueError> {
    let (amount, currency) = amount_and_currency(object, "a unit price", "amount")?;
    UnitPrice::from_decimal(amount, currency).map(Value::UnitPrice)
}

fn amount_and_currency<'j>(
    object: &'j Map<String, Json>,
    expected: &str,
    amount_name: &str,
) -> Result<(&'j str, super::Currency), ValueError> {
    let amount = object.get(amount_name).and_then(|json| raw(json).literal());
    let currency = object.get("currency").and_then(Json::as_str);
    match (amount, currency, object.len()) {
        (Some(amount), Some(currency), 2) => Ok((amount, super::Currency::parse(currency)?)),
        _ => Err(ValueError::new(
            expected,
            &Json::Object(object.clone()).to_string(),
            format!("it has {amount_name} and currency and nothing else"),
        )),
    }
}

/// Reads one entry of the extra bag.
pub(crate) fn read_extra_value(json: &Json) -> Result<Value, RecordFault> {
    super::record::extra_from_raw(match json {
        Json::Array(_) => return Err(RecordFault::Value(ValueError::wrong_kind("text, a number or a bool", "a list"))),
        Json::Object(_) => {
            return Err(RecordFault::Value(ValueError::wrong_kind("text, a number or a bool", "an object")));
        }
        json => raw(json),
    })
}
