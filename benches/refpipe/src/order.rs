//! The map of 20 fields, generic over `serde_json::Value`: what one writes without thinking about speed.

use serde_json::{Map, Value, json};

use crate::Outcome;

const FIELDS: [(&str, &str); 18] = [
    ("number", "/name"),
    ("placed_at", "/created_at"),
    ("updated_at", "/updated_at"),
    ("currency", "/currency"),
    ("total", "/total_price"),
    ("subtotal", "/subtotal_price"),
    ("tax_total", "/total_tax"),
    ("shipping_total", "/total_shipping_price_set/shop_money/amount"),
    ("discount_total", "/total_discounts"),
    ("payment_status", "/financial_status"),
    ("email", "/email"),
    ("customer", "/customer/id"),
    ("phone", "/phone"),
    ("ship_name", "/shipping_address/name"),
    ("street", "/shipping_address/address1"),
    ("postal_code", "/shipping_address/zip"),
    ("city", "/shipping_address/city"),
    ("country", "/shipping_address/country_code"),
];
const LINE: [(&str, &str); 3] = [("sku", "/sku"), ("quantity", "/quantity"), ("unit_price", "/price")];

/// Shopify's order in, the target's order out.
pub fn map(payload: &[u8]) -> Outcome<Vec<u8>> {
    let order: Value = serde_json::from_slice(payload)?;
    let mut out = pick(&order, &FIELDS)?;
    out.insert("fulfilment_status".into(), json!(order["fulfillment_status"].as_str().unwrap_or("unfulfilled")));
    let lines = order["line_items"].as_array().ok_or("the order has no line_items")?;
    let lines: Outcome<Vec<Value>> = lines.iter().map(|line| pick(line, &LINE).map(Value::Object)).collect();
    out.insert("lines".into(), Value::Array(lines?));
    Ok(serde_json::to_vec(&out)?)
}

fn pick(from: &Value, fields: &[(&str, &str)]) -> Outcome<Map<String, Value>> {
    let mut out = Map::new();
    for (name, pointer) in fields {
        let value = from.pointer(pointer).ok_or_else(|| format!("the order has no {pointer}"))?;
        out.insert((*name).to_owned(), value.clone());
    }
    Ok(out)
}
