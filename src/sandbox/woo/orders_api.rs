//! Orders, their notes and refunds: reading them.
//!
//! Not here: changing an order (`vendor`).

use super::api::not_found;
use super::json::{note_json, order_json, refund_json};
use super::ledger::WooLedger;
use super::lists::{Listed, invalid_param, page};
use super::order::{Refund, Status, WooOrder};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::catalogue::Catalogue;

pub fn list(ledger: &WooLedger, catalogue: &Catalogue, call: &Call) -> Answer {
    let wanted: Vec<&str> = call.param("status").unwrap_or("any").split(',').collect();
    if wanted.iter().any(|word| *word != "any" && Status::from_word(word).is_none()) {
        return invalid_param("status");
    }
    let search = call.param("search");
    let admits = |order: &&WooOrder| {
        (wanted.contains(&"any") || wanted.contains(&order.status().word()))
            && search.is_none_or(|text| order.email.contains(text))
    };
    let row = |order: &WooOrder| Listed {
        id: order.id,
        created_s: order.created_s,
        modified_s: order.modified_s(),
        value: order_json(ledger, order, catalogue),
    };
    page(call, ledger.orders.iter().filter(admits).map(row).collect())
}

pub fn one(ledger: &WooLedger, catalogue: &Catalogue, id: i64) -> Answer {
    match ledger.order(id) {
        Some(order) => Answer::json(200, &order_json(ledger, order, catalogue)),
        None => not_found("shop_order"),
    }
}

/// All of them: this list has no pages.
pub fn notes(ledger: &WooLedger, id: i64) -> Answer {
    let Some(order) = ledger.order(id) else { return not_found("shop_order") };
    let shown: Vec<_> = order.notes.iter().rev().map(note_json).collect();
    Answer::json(200, &serde_json::json!(shown))
}

pub fn refunds_of(ledger: &WooLedger, id: i64, call: &Call) -> Answer {
    match ledger.order(id) {
        Some(order) => page(call, rows(order).collect()),
        None => not_found("shop_order"),
    }
}

pub fn refunds(ledger: &WooLedger, call: &Call) -> Answer {
    page(call, ledger.orders.iter().flat_map(rows).collect())
}

fn rows(order: &WooOrder) -> impl Iterator<Item = Listed> {
    order.refunds.iter().map(move |refund: &Refund| Listed {
        id: refund.id,
        created_s: refund.created_s,
        modified_s: refund.created_s,
        value: refund_json(order, refund),
    })
}
