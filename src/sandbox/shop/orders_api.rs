//! `orders.json` and `orders/{id}.json`.
//!
//! Not here: writing orders; the hub only reads them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ledger::ShopLedger;
use super::order::ShopOrder;
use super::order_json::order_json;
use super::pages::{Walk, bad_request, page_call, with_next};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::clock;

/// The filter of a walk, frozen into its `page_info`.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
struct OrderFilter {
    status: Status,
    updated_min_s: Option<i64>,
    updated_max_s: Option<i64>,
    created_min_s: Option<i64>,
    name: Option<String>,
    financial_status: Option<String>,
    ids: Vec<i64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
enum Status {
    Open,
    Cancelled,
    Closed,
    Any,
}

/// Oldest update first, then id; both bounds of `updated_at` inclusive.
pub fn list(ledger: &ShopLedger, catalogue: &Catalogue, call: &Call) -> Answer {
    let page = match page_call(call, filter) {
        Ok(page) => page,
        Err(refusal) => return refusal,
    };
    let filter = &page.walk.filter;
    let from = filter.updated_min_s.map_or(page.walk.after, |min_s| page.walk.after.max((min_s, i64::MIN)));
    let mut found: Vec<&ShopOrder> =
        ledger.orders_after(from).filter(|order| filter.admits(order)).take(page.limit + 1).collect();
    let more = found.len() > page.limit;
    found.truncate(page.limit);
    let orders: Vec<Value> = found.iter().map(|order| order_json(order, catalogue)).collect();
    let answer = Answer::json(200, &json!({ "orders": orders }));
    match found.last() {
        Some(last) if more => {
            let walk = Walk { filter: filter.clone(), after: (last.current.updated_s, last.id) };
            with_next(answer, call, &walk, page.limit)
        }
        _ => answer,
    }
}

pub fn one(ledger: &ShopLedger, catalogue: &Catalogue, id: i64) -> Answer {
    match ledger.order(id) {
        Some(order) => Answer::json(200, &json!({ "order": order_json(order, catalogue) })),
        None => not_found(),
    }
}

pub fn not_found() -> Answer {
    Answer::json(404, &json!({ "errors": "Not Found" }))
}

fn filter(call: &Call) -> Result<OrderFilter, Answer> {
    let time = |name: &str| match call.param(name) {
        None => Ok(None),
        Some(text) => match clock::parse_s(text) {
            Some(at_s) => Ok(Some(at_s)),
            None => Err(bad_request(name, "must be an ISO 8601 time with offset")),
        },
    };
    let status = match call.param("status") {
        None | Some("open") => Status::Open,
        Some("cancelled") => Status::Cancelled,
        Some("closed") => Status::Closed,
        Some("any") => Status::Any,
        Some(_) => return Err(bad_request("status", "must be open, closed, cancelled or any")),
    };
    let ids = match call.param("ids") {
        None => Vec::new(),
        Some(list) => match list.split(',').map(|id| id.trim().parse()).collect() {
            Ok(ids) => ids,
            Err(_) => return Err(bad_request("ids", "must be numbers separated by commas")),
        },
    };
    Ok(OrderFilter {
        status,
        updated_min_s: time("updated_at_min")?,
        updated_max_s: time("updated_at_max")?,
        created_min_s: time("created_at_min")?,
        name: call.param("name").map(str::to_owned),
        financial_status: call.param("financial_status").filter(|word| *word != "any").map(str::to_owned),
        ids,
    })
}

impl OrderFilter {
    fn admits(&self, order: &ShopOrder) -> bool {
        let by_status = match self.status {
            Status::Any => true,
            Status::Open => order.cancelled_s.is_none(),
            Status::Cancelled => order.cancelled_s.is_some(),
            // No order of this shop is ever archived.
            Status::Closed => false,
        };
        by_status
            && self.updated_max_s.is_none_or(|max_s| order.current.updated_s <= max_s)
            && self.created_min_s.is_none_or(|min_s| order.placed_s >= min_s)
            && self.name.as_ref().is_none_or(|name| order.name() == format!("#{}", name.trim_start_matches('#')))
            && self.financial_status.as_ref().is_none_or(|word| order.current.financial.word() == word)
            && (self.ids.is_empty() || self.ids.contains(&order.id))
    }
}
