//! `webhooks.json`: who wants to hear of what.
//!
//! Not here: delivery (`courier`).

use serde_json::{Value, json};

use super::ledger::{ShopLedger, Subscription};
use super::orders_api::not_found;
use super::pages::bad_request;
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::clock::{self, shop_time};

/// The topics this shop sends.
pub const TOPICS: &[&str] = &["orders/create", "orders/updated", "orders/cancelled", "inventory_levels/update"];

pub fn list(ledger: &ShopLedger, call: &Call) -> Answer {
    let asked = |name: &str, value: &str| call.param(name).is_none_or(|wanted| wanted == value);
    let shown: Vec<Value> = ledger
        .subscriptions
        .iter()
        .filter(|s| asked("topic", &s.topic) && asked("address", &s.address))
        .map(subscription_json)
        .collect();
    Answer::json(200, &json!({ "webhooks": shown }))
}

pub fn create(ledger: &mut ShopLedger, call: &Call) -> Answer {
    let body = match call.json() {
        Ok(body) => body,
        Err(cause) => return bad_request("base", &cause),
    };
    let text = |name: &str| body["webhook"][name].as_str().unwrap_or_default().to_owned();
    let (topic, address) = (text("topic"), text("address"));
    let refuse = |field: &str, message: &str| Answer::json(422, &json!({ "errors": { field: [message] } }));
    if !TOPICS.contains(&topic.as_str()) {
        return refuse("topic", "Invalid topic specified");
    }
    if !address.starts_with("http") {
        return refuse("address", "is not a valid URL");
    }
    if ledger.subscriptions.iter().any(|s| s.topic == topic && s.address == address) {
        return refuse("address", "for this topic has already been taken");
    }
    let subscription = Subscription { id: ledger.next_id(), topic, address, created_s: clock::now_s() };
    let answer = Answer::json(201, &json!({ "webhook": subscription_json(&subscription) }));
    ledger.subscriptions.push(subscription);
    answer
}

pub fn delete(ledger: &mut ShopLedger, id: i64) -> Answer {
    let before = ledger.subscriptions.len();
    ledger.subscriptions.retain(|subscription| subscription.id != id);
    if ledger.subscriptions.len() == before { not_found() } else { Answer::json(200, &json!({})) }
}

fn subscription_json(subscription: &Subscription) -> Value {
    json!({
        "id": subscription.id,
        "topic": subscription.topic,
        "address": subscription.address,
        "format": "json",
        "created_at": shop_time(subscription.created_s),
        "updated_at": shop_time(subscription.created_s),
        "api_version": super::api::API_VERSION,
    })
}
