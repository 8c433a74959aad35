//! Compares a delivery with what the order says: a fast pipe that mangles fields has not been measured.

use serde_json::Value;

use crate::order;

/// What is wrong, in words; empty if nothing.
pub fn wrong_fields(index: u64, body: &[u8]) -> Vec<String> {
    let found: Value = match serde_json::from_slice(body) {
        Ok(found) => found,
        Err(error) => return vec![format!("order {index}: the delivery is not JSON: {error}")],
    };
    let wrong = |(name, expected): (&str, String)| {
        let value = found.pointer(&format!("/{}", name.replace('.', "/")));
        let value = match value {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        // 10:00:00Z and 10:00:00+00:00 are one instant.
        let same = value == expected || (name.ends_with("_at") && value.starts_with(&expected));
        (!same).then(|| format!("order {index}: {name} is {value:?}, expected {expected:?}"))
    };
    order::expected(index).into_iter().filter_map(wrong).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_and_a_mangled_field_are_told() {
        let mut delivery = serde_json::json!({ "lines": [{}, {}] });
        for (name, value) in order::expected(5) {
            if let Some(place) = delivery.pointer_mut(&format!("/{}", name.rsplit_once('.').map_or("", |_| "lines/0")))
                && name != "lines.2"
                && !name.starts_with("lines.1")
            {
                place[name.rsplit('.').next().unwrap_or(name)] = value.into();
            }
        }
        delivery["lines"][1] = serde_json::json!({ "sku": "TEA-250G", "quantity": 2, "unit_price": "34.75" });
        assert_eq!(wrong_fields(5, delivery.to_string().as_bytes()), Vec::<String>::new());
        delivery["total"] = "129.50".into();
        delivery["city"] = Value::Null;
        assert_eq!(wrong_fields(5, delivery.to_string().as_bytes()).len(), 2);
    }
}
