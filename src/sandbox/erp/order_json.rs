//! An ERP order on the wire.
//!
//! Not here: reading one (`body`).

use serde_json::{Value, json};

use super::ledger::ErpOrder;
use super::payment_body::ErpPayment;
use crate::sandbox::clock::utc_time;

pub fn order_json(order: &ErpOrder) -> Value {
    let body = &order.body;
    let amount = |minor: i64| body.currency.decimal(minor);
    let lines: Vec<Value> = body
        .lines
        .iter()
        .map(|line| {
            json!({
                "sku": line.sku,
                "quantity": line.quantity,
                "unit_price": amount(line.unit_minor),
                "discount": amount(line.discount_minor),
            })
        })
        .collect();
    json!({
        "id": order.id,
        "reference": body.reference,
        "revision": order.writes.len(),
        "created_at": utc_time(order.created_s),
        "updated_at": utc_time(order.updated_s),
        "placed_at": utc_time(body.placed_s),
        "currency": body.currency.code(),
        "total": amount(body.total_minor),
        "customer": { "email": body.email, "name": body.name },
        "status": body.status,
        "payment_status": body.payment_status,
        "lines": lines,
        "payment": order.payments.last().map(ErpPayment::json),
    })
}
