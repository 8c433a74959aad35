//! What several systems have for one record, field by field side by side; pure.

use serde_json::Value;

use super::SystemValue;
use crate::model::{Currency, Money};

/// Fields that one comparison shows.
const ROWS_MAX: usize = 120;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRow {
    pub path: String,
    /// In the order of the systems; a dash where one has no such field.
    pub values: Vec<String>,
    /// Two systems have it and do not agree.
    pub differs: bool,
}

pub fn side_by_side(systems: &[SystemValue]) -> Vec<FieldRow> {
    let flat: Vec<Vec<(String, String)>> = systems.iter().map(|system| flatten(&system.record)).collect();
    let mut rows: Vec<FieldRow> = Vec::new();
    for (path, _) in flat.iter().flatten() {
        if rows.len() == ROWS_MAX {
            break;
        }
        if rows.iter().any(|row| row.path == *path) {
            continue;
        }
        let found: Vec<Option<&String>> =
            flat.iter().map(|fields| fields.iter().find(|(name, _)| name == path).map(|(_, value)| value)).collect();
        let mut present = found.iter().flatten();
        let first = present.next();
        let differs = present.any(|value| Some(value) != first);
        let values = found.into_iter().map(|value| value.map_or_else(|| "–".to_owned(), Clone::clone)).collect();
        rows.push(FieldRow { path: path.clone(), values, differs });
    }
    rows
}

fn flatten(record: &Value) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    walk(record, "", &mut fields);
    fields
}

fn walk(value: &Value, path: &str, fields: &mut Vec<(String, String)>) {
    if fields.len() >= ROWS_MAX {
        return;
    }
    if let Some(money) = money(value) {
        fields.push((path.to_owned(), money));
        return;
    }
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(value, &path, fields);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                walk(value, &format!("{path}[{index}]"), fields);
            }
        }
        Value::String(text) => fields.push((path.to_owned(), text.clone())),
        Value::Null | Value::Bool(_) | Value::Number(_) => fields.push((path.to_owned(), value.to_string())),
    }
}

/// "47.90 EUR" for money and prices in the hub's own form.
fn money(value: &Value) -> Option<String> {
    let object = value.as_object().filter(|object| object.len() == 2)?;
    let currency = object.get("currency")?.as_str()?;
    if let Some(amount) = object.get("amount").and_then(Value::as_str) {
        return Some(format!("{amount} {currency}"));
    }
    let minor = object.get("amount_minor")?.as_i64()?;
    Some(format!("{} {currency}", Money::new(minor, Currency::parse(currency).ok()?).to_decimal()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Time;
    use super::*;

    fn system(record: Value) -> SystemValue {
        let text = String::new;
        SystemValue {
            connection: text(),
            stream: text(),
            key: text(),
            revision: 1,
            deleted: false,
            changed_at: Time(0),
            record,
        }
    }

    #[test]
    fn fields_are_compared_across_systems() {
        let shop = system(json!({ "number": "#1", "total": { "amount_minor": 4790, "currency": "EUR" }, "note": "x" }));
        let erp = system(
            json!({ "number": "#1", "total": { "amount_minor": 4700, "currency": "EUR" }, "lines": [{ "sku": "A" }] }),
        );
        let rows: Vec<String> = side_by_side(&[shop, erp])
            .into_iter()
            .map(|row| format!("{} {} {}", row.path, row.values.join("|"), row.differs))
            .collect();
        assert_eq!(
            rows,
            ["number #1|#1 false", "total 47.90 EUR|47.00 EUR true", "note x|– false", "lines[0].sku –|A false"]
        );
    }
}
