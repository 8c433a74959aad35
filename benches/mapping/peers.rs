//! The same 20 fields by hand: the limit, and the naive way.
//!
//! Neither checks an amount, a time or a status: that is part of what the engine's price buys.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Outcome;

#[derive(Deserialize)]
struct ShopOrder<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    created_at: &'a str,
    updated_at: &'a str,
    currency: &'a str,
    total_price: &'a str,
    subtotal_price: &'a str,
    total_tax: &'a str,
    total_shipping_price_set: PriceSet<'a>,
    total_discounts: &'a str,
    financial_status: &'a str,
    fulfillment_status: Option<&'a str>,
    #[serde(borrow)]
    email: Cow<'a, str>,
    customer: ShopCustomer,
    phone: &'a str,
    shipping_address: ShopAddress<'a>,
    line_items: Vec<ShopLine<'a>>,
}

#[derive(Deserialize)]
struct PriceSet<'a> {
    #[serde(borrow)]
    shop_money: ShopMoney<'a>,
}

#[derive(Deserialize)]
struct ShopMoney<'a> {
    amount: &'a str,
}

#[derive(Deserialize)]
struct ShopCustomer {
    id: u64,
}

#[derive(Deserialize)]
struct ShopAddress<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    address1: Cow<'a, str>,
    zip: &'a str,
    #[serde(borrow)]
    city: Cow<'a, str>,
    country_code: &'a str,
}

#[derive(Deserialize)]
struct ShopLine<'a> {
    #[serde(borrow)]
    sku: Cow<'a, str>,
    quantity: u64,
    price: &'a str,
}

#[derive(Serialize)]
struct TargetOrder<'a> {
    number: &'a str,
    placed_at: &'a str,
    updated_at: &'a str,
    currency: &'a str,
    total: &'a str,
    subtotal: &'a str,
    tax_total: &'a str,
    shipping_total: &'a str,
    discount_total: &'a str,
    payment_status: &'a str,
    fulfilment_status: &'a str,
    email: &'a str,
    customer: u64,
    phone: &'a str,
    ship_name: &'a str,
    street: &'a str,
    postal_code: &'a str,
    city: &'a str,
    country: &'a str,
    lines: Vec<TargetLine<'a>>,
}

#[derive(Serialize)]
struct TargetLine<'a> {
    sku: &'a str,
    quantity: u64,
    unit_price: &'a str,
}

impl<'a> TargetLine<'a> {
    fn of(line: &'a ShopLine<'a>) -> TargetLine<'a> {
        TargetLine { sku: &line.sku, quantity: line.quantity, unit_price: line.price }
    }
}

pub fn typed(payload: &[u8]) -> Outcome<Vec<u8>> {
    let order: ShopOrder<'_> = serde_json::from_slice(payload)?;
    let address = &order.shipping_address;
    Ok(serde_json::to_vec(&TargetOrder {
        number: &order.name,
        placed_at: order.created_at,
        updated_at: order.updated_at,
        currency: order.currency,
        total: order.total_price,
        subtotal: order.subtotal_price,
        tax_total: order.total_tax,
        shipping_total: order.total_shipping_price_set.shop_money.amount,
        discount_total: order.total_discounts,
        payment_status: order.financial_status,
        fulfilment_status: order.fulfillment_status.unwrap_or("unfulfilled"),
        email: &order.email,
        customer: order.customer.id,
        phone: order.phone,
        ship_name: &address.name,
        street: &address.address1,
        postal_code: address.zip,
        city: &address.city,
        country: address.country_code,
        lines: order.line_items.iter().map(TargetLine::of).collect(),
    })?)
}

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

/// What `value` pays before it maps.
pub fn parse(payload: &[u8]) -> Outcome<Vec<u8>> {
    std::hint::black_box(serde_json::from_slice::<Value>(payload)?);
    Ok(Vec::new())
}

pub fn value(payload: &[u8]) -> Outcome<Vec<u8>> {
    let order: Value = serde_json::from_slice(payload)?;
    let mut out = pick(&order, &FIELDS)?;
    let status = order["fulfillment_status"].as_str().unwrap_or("unfulfilled");
    out.insert("fulfilment_status".to_owned(), status.into());
    let lines = order["line_items"].as_array().ok_or("the order has no line_items")?;
    let lines: Outcome<Vec<Value>> = lines.iter().map(|line| pick(line, &LINE).map(Value::Object)).collect();
    out.insert("lines".to_owned(), Value::Array(lines?));
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
