//! Products and variations: reading them, and what a body says about their stock.
//!
//! Not here: making products, and who hears of a changed quantity (`vendor`).

use serde_json::Value;

use super::api::{document, not_found};
use super::json::{parent_json, product_json};
use super::ledger::{WooItem, WooLedger};
use super::lists::{Listed, invalid_param, page};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::catalogue::{Catalogue, Product};

/// Simple products, and variable ones without their variations.
pub fn list(ledger: &WooLedger, catalogue: &Catalogue, call: &Call) -> Answer {
    let skus: Option<Vec<&str>> = call.param("sku").map(|list| list.split(',').collect());
    let rows = articles(ledger, catalogue).map(|(item, product)| match item.parent_id {
        None => listed(item.id, item, product_json(item, product)),
        Some(parent) => listed(parent, item, parent_json(item, product)),
    });
    let named =
        |row: &Listed| skus.as_ref().is_none_or(|skus| row.value["sku"].as_str().is_some_and(|s| skus.contains(&s)));
    page(call, rows.filter(named).collect())
}

/// A variation is answered under a product's address, too (unverified).
pub fn one(ledger: &WooLedger, catalogue: &Catalogue, id: i64) -> Answer {
    let of = |at: usize| Some((ledger.items.get(at)?, catalogue.product(at)?));
    if let Some((item, product)) = ledger.item(id).and_then(of) {
        return Answer::json(200, &product_json(item, product));
    }
    match ledger.parent(id).and_then(of) {
        Some((item, product)) => Answer::json(200, &parent_json(item, product)),
        None => not_found("product"),
    }
}

pub fn variations(ledger: &WooLedger, catalogue: &Catalogue, parent: Option<i64>, call: &Call) -> Answer {
    let rows = articles(ledger, catalogue)
        .filter(|(item, _)| item.parent_id.is_some() && (parent.is_none() || item.parent_id == parent))
        .map(|(item, product)| listed(item.id, item, product_json(item, product)));
    page(call, rows.collect())
}

pub fn variation(ledger: &WooLedger, catalogue: &Catalogue, parent: i64, id: i64) -> Answer {
    match articles(ledger, catalogue).find(|(item, _)| item.id == id && item.parent_id == Some(parent)) {
        Some((item, product)) => Answer::json(200, &product_json(item, product)),
        None => not_found("product_variation"),
    }
}

/// The article that a write is about and the quantity it states, if it states one.
pub fn stock_write(
    ledger: &WooLedger,
    call: &Call,
    id: i64,
    parent: Option<i64>,
) -> Result<(usize, Option<i64>), Answer> {
    let body = document(call)?;
    let kind = if parent.is_some() { "product_variation" } else { "product" };
    let at = ledger.item(id).ok_or_else(|| not_found(kind))?;
    // Below its own parent, or as a simple product; nothing else is an address of it.
    if ledger.items.get(at).is_none_or(|item| item.parent_id != parent) {
        return Err(not_found(kind));
    }
    match &body["stock_quantity"] {
        Value::Null => Ok((at, None)),
        quantity => {
            quantity.as_i64().map(|quantity| (at, Some(quantity))).ok_or_else(|| invalid_param("stock_quantity"))
        }
    }
}

fn articles<'a>(ledger: &'a WooLedger, catalogue: &'a Catalogue) -> impl Iterator<Item = (&'a WooItem, &'a Product)> {
    ledger.items.iter().zip(catalogue.products())
}

fn listed(id: i64, item: &WooItem, value: Value) -> Listed {
    Listed { id, created_s: item.modified_s.min(1_700_000_000), modified_s: item.modified_s, value }
}
