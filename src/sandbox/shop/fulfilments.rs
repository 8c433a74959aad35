//! Fulfilment orders and fulfilments.
//!
//! Not here: who decides to ship (the ERP).

use serde_json::{Value, json};

use super::ledger::{Fulfilment, LOCATION_ID, ShopLedger};
use super::order::ShopOrder;
use super::orders_api::not_found;
use super::pages::bad_request;
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::clock::{self, shop_time};

pub fn fulfilment_orders(ledger: &ShopLedger, catalogue: &Catalogue, order_id: i64) -> Answer {
    let Some(order) = ledger.order(order_id) else { return not_found() };
    Answer::json(200, &json!({ "fulfillment_orders": [fulfilment_order_json(order, catalogue)] }))
}

fn fulfilment_order_json(order: &ShopOrder, catalogue: &Catalogue) -> Value {
    let id = order.fulfilment_order_id();
    let status = match (order.current.cancelled, order.current.fulfilled) {
        (true, _) => "cancelled",
        (false, true) => "closed",
        (false, false) => "open",
    };
    let lines: Vec<Value> = order
        .lines
        .iter()
        .filter_map(|line| {
            let product = catalogue.product(line.product)?;
            Some(json!({
                "id": line.id + 7,
                "fulfillment_order_id": id,
                "line_item_id": line.id,
                "inventory_item_id": product.inventory_item_id,
                "variant_id": product.variant_id,
                "quantity": line.quantity,
                "fulfillable_quantity": if order.current.fulfilled { 0 } else { line.quantity },
            }))
        })
        .collect();
    json!({
        "id": id,
        "order_id": order.id,
        "assigned_location_id": LOCATION_ID,
        "request_status": "unsubmitted",
        "status": status,
        "line_items": lines,
    })
}

pub fn of_order(ledger: &ShopLedger, order_id: i64) -> Answer {
    let Some(order) = ledger.order(order_id) else { return not_found() };
    let shown: Vec<Value> =
        ledger.fulfilments_of(order_id).enumerate().map(|(at, f)| fulfilment_json(order, at, f)).collect();
    Answer::json(200, &json!({ "fulfillments": shown }))
}

/// Creates a fulfilment; on success also the order's id, which the caller must mark fulfilled.
///
/// A second fulfilment of the same order is accepted on purpose: a shop that refused it would hide a hub that ships
/// twice, and seeing that is what the sandbox is for.
pub fn create(ledger: &mut ShopLedger, call: &Call) -> Result<(i64, Answer), Answer> {
    let refuse = |message: &str| Answer::json(422, &json!({ "errors": [message] }));
    let body = call.json().map_err(|cause| bad_request("base", &cause))?;
    let wanted = &body["fulfillment"]["line_items_by_fulfillment_order"];
    let fulfilment_order = wanted
        .as_array()
        .filter(|entries| entries.len() == 1)
        .and_then(|entries| entries[0]["fulfillment_order_id"].as_i64())
        .ok_or_else(|| refuse("line_items_by_fulfillment_order must name exactly one fulfillment_order_id"))?;
    let order = ledger.order_by_fulfilment_order(fulfilment_order).ok_or_else(not_found)?.clone();
    if order.current.cancelled {
        return Err(refuse("Fulfillment order has an unfulfillable status = cancelled"));
    }
    let tracking = &body["fulfillment"]["tracking_info"];
    let text = |name: &str| tracking[name].as_str().map(str::to_owned);
    let fulfilment = Fulfilment {
        id: ledger.next_id(),
        order_id: order.id,
        tracking_number: text("number"),
        tracking_company: text("company"),
        created_s: clock::now_s(),
    };
    let position = ledger.fulfilments_of(order.id).count();
    let answer = Answer::json(201, &json!({ "fulfillment": fulfilment_json(&order, position, &fulfilment) }));
    ledger.fulfilments.push(fulfilment);
    Ok((order.id, answer))
}

fn fulfilment_json(order: &ShopOrder, position: usize, fulfilment: &Fulfilment) -> Value {
    let numbers: Vec<&String> = fulfilment.tracking_number.iter().collect();
    json!({
        "id": fulfilment.id,
        "order_id": order.id,
        "name": format!("{}.{}", order.name(), position + 1),
        "status": "success",
        "created_at": shop_time(fulfilment.created_s),
        "updated_at": shop_time(fulfilment.created_s),
        "location_id": LOCATION_ID,
        "shipment_status": null,
        "tracking_company": fulfilment.tracking_company,
        "tracking_number": fulfilment.tracking_number,
        "tracking_numbers": numbers,
        "line_items": order.lines.iter().map(|line| json!({ "id": line.id, "quantity": line.quantity })).collect::<Vec<_>>(),
    })
}
