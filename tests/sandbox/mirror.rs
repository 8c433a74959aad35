//! The simplest hub that is right: copies everything through the vendors' public doors, in one go, with nothing kept.

use std::collections::BTreeMap;
use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, json, status, walk};

/// An ERP order as the hub must write it.
pub fn erp_document(order: &Value) -> Value {
    let lines: Vec<Value> = order["line_items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            let discount = line["discount_allocations"][0]["amount"].as_str();
            let mut document = json!({ "sku": line["sku"], "quantity": line["quantity"], "unit_price": line["price"] });
            if let Some(discount) = discount {
                document["discount"] = json!(discount);
            }
            document
        })
        .collect();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let name = format!("{} {}", text(&order["customer"]["first_name"]), text(&order["customer"]["last_name"]));
    json!({
        "reference": order["name"],
        "placed_at": order["created_at"],
        "currency": order["currency"],
        "total": order["total_price"],
        "customer": { "email": order["email"], "name": name },
        "status": if order["cancelled_at"].is_null() { "confirmed" } else { "cancelled" },
        "payment_status": match order["financial_status"].as_str().unwrap() {
            "authorized" => "authorised",
            same => same,
        },
        "lines": lines,
    })
}

/// Copies orders and payments to the ERP; returns the ERP's ids by order name.
pub async fn copy_orders(world: &World) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for order in walk(world, "/orders.json?status=any&limit=250", "orders").await {
        let name = order["name"].as_str().unwrap().to_owned();
        ids.insert(name.clone(), copy_order(world, &name, &erp_document(&order)).await);
    }
    for intent in psp_list(world, "/v1/payment_intents").await {
        let id = &ids[intent["metadata"]["order_id"].as_str().unwrap()];
        let put = world.erp(Method::PUT, &format!("/orders/{id}/payment")).json(&erp_payment(&intent));
        assert_eq!(status(put).await, 200);
    }
    ids
}

async fn copy_order(world: &World, name: &str, document: &Value) -> String {
    let found = json(world.erp(Method::GET, "/orders").query(&[("reference", name)])).await;
    let written = match found["items"][0]["id"].as_str() {
        Some(id) => json(world.erp(Method::PUT, &format!("/orders/{id}")).json(document)).await,
        None => json(world.erp(Method::POST, "/orders").json(document)).await,
    };
    written["id"].as_str().unwrap().to_owned()
}

/// Every element of a processor list, charges expanded.
pub async fn psp_list(world: &World, path: &str) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    loop {
        let mut query = vec![("limit", "100".to_owned()), ("expand[]", "data.latest_charge".to_owned())];
        if let Some(last) = found.last() {
            query.push(("starting_after", last["id"].as_str().unwrap().to_owned()));
        }
        let page = json(world.psp_get(path).query(&query)).await;
        found.extend(page["data"].as_array().unwrap().iter().cloned());
        if !page["has_more"].as_bool().unwrap() {
            return found;
        }
    }
}

pub fn erp_payment(intent: &Value) -> Value {
    let currency = intent["currency"].as_str().unwrap().to_uppercase();
    let exponent = match currency.as_str() {
        "EUR" => 2,
        "JPY" => 0,
        "KWD" => 3,
        other => panic!("{other}"),
    };
    let amount = intent["amount"].as_i64().unwrap();
    let refunded = intent["latest_charge"]["amount_refunded"].as_i64().unwrap_or(0);
    let state = match intent["status"].as_str().unwrap() {
        "requires_payment_method" if intent["last_payment_error"].is_null() => "created",
        "requires_payment_method" => "failed",
        "requires_capture" => "authorised",
        "canceled" => "cancelled",
        "succeeded" if refunded == 0 => "captured",
        "succeeded" if refunded < amount => "partially_refunded",
        "succeeded" => "refunded",
        other => panic!("{other}"),
    };
    json!({
        "status": state,
        "amount": decimal(amount, exponent),
        "amount_refunded": decimal(refunded, exponent),
        "currency": currency,
        "psp_reference": intent["id"],
        "changed_at": "2026-11-22T10:00:00Z",
    })
}

fn decimal(minor: i64, exponent: usize) -> String {
    let digits = format!("{minor:0width$}", width = exponent + 1);
    let (whole, fraction) = digits.split_at(digits.len() - exponent);
    if exponent == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// Complete files whose name begins so, in order of their names.
pub fn files(world: &World, prefix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(world.drop_dir.path()).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let complete = |name: &&String| name.starts_with(prefix) && names.contains(&format!("{name}.done"));
    names.iter().filter(complete).map(|name| world.drop_dir.path().join(name)).collect()
}

/// A stock file's rows as (sku, available), or why it must be refused.
pub fn read_stock(path: &PathBuf) -> Result<Vec<(String, i64)>, String> {
    let bytes = std::fs::read(path).unwrap();
    let (text, _, _) = encoding_rs::WINDOWS_1252.decode(&bytes);
    let mut reader =
        csv::ReaderBuilder::new().delimiter(b';').has_headers(false).flexible(true).from_reader(text.as_bytes());
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let quantity = |text: &str| match text.strip_suffix('-') {
        Some(digits) => -digits.parse::<i64>().unwrap(),
        None => text.parse().unwrap(),
    };
    let rows: Vec<&csv::StringRecord> = records.iter().filter(|record| &record[0] == "D").collect();
    let trailer = records.last().unwrap();
    assert_eq!(&trailer[0], "T");
    let total: i64 = rows.iter().map(|row| quantity(&row[4]).max(0)).sum();
    if trailer[1].parse::<usize>().unwrap() != rows.len() || trailer[2].parse::<i64>().unwrap() != total {
        return Err(format!("trailer {trailer:?} against {} rows, total {total}", rows.len()));
    }
    Ok(rows.iter().map(|row| (row[1].to_owned(), (quantity(&row[4]) - quantity(&row[5])).max(0))).collect())
}

/// Applies the last good stock file to the shop.
pub async fn copy_stock(world: &World) {
    let products = walk(world, "/products.json?limit=7", "products").await;
    let location = &json(world.shop_get("/locations.json")).await["locations"][0]["id"];
    let stock = files(world, "BESTAND_").iter().rev().find_map(|path| read_stock(path).ok()).unwrap();
    for (sku, available) in stock {
        let product = products.iter().find(|product| product["variants"][0]["sku"] == sku.as_str()).unwrap();
        let item = &product["variants"][0]["inventory_item_id"];
        let body = json!({ "location_id": location, "inventory_item_id": item, "available": available });
        json(world.shop_post("/inventory_levels/set.json", &body)).await;
    }
}

/// Tells the shop of every delivery it does not know yet.
pub async fn copy_deliveries(world: &World) {
    for file in files(world, "DESADV_") {
        let xml = std::fs::read_to_string(file).unwrap();
        for delivery in xml.split("<E1EDL20 ").skip(1) {
            copy_delivery(world, field(delivery, "BSTNR"), field(delivery, "TRAID"), field(delivery, "TRATY")).await;
        }
    }
}

async fn copy_delivery(world: &World, reference: &str, tracking: &str, carrier: &str) {
    let found = json(world.shop_get("/orders.json").query(&[("status", "any"), ("name", reference)])).await;
    let id = found["orders"][0]["id"].as_i64().unwrap();
    let known = json(world.shop_get(&format!("/orders/{id}/fulfillments.json"))).await;
    if known["fulfillments"].as_array().unwrap().iter().any(|f| f["tracking_number"] == tracking) {
        return;
    }
    assert_eq!(status(fulfil(world, id, tracking, carrier).await).await, 201);
}

pub async fn fulfil(world: &World, order_id: i64, tracking: &str, carrier: &str) -> reqwest::RequestBuilder {
    let open = json(world.shop_get(&format!("/orders/{order_id}/fulfillment_orders.json"))).await;
    let body = json!({ "fulfillment": {
        "line_items_by_fulfillment_order": [{ "fulfillment_order_id": open["fulfillment_orders"][0]["id"] }],
        "tracking_info": { "number": tracking, "company": carrier },
    } });
    world.shop_post("/fulfillments.json", &body)
}

pub fn field<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap();
    rest.split_once(&format!("</{name}>")).unwrap().0
}
