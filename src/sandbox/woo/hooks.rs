//! Webhooks: their register, and the delivery, which is late, unrepeated and built only when it leaves.
//!
//! Not here: which change is told (`vendor`).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::api::{document, not_found};
use super::json::{customer_json, order_json, product_json};
use super::ledger::{Hook, WooLedger};
use super::lists::{Listed, error, page};
use super::vendor::Woo;
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::clock::{self, bare_time};
use crate::sandbox::faults::Fault;
use crate::sandbox::signature::Signer;
use crate::sandbox::sync::locked;

/// A delivery that fails when this many have failed in a row disables its webhook.
const FORGIVEN_FAILURES: u32 = 5;

/// What happened, without its content: that is read when the delivery leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Order(i64),
    Product(usize),
    Customer(usize),
}

pub fn list(ledger: &WooLedger, call: &Call) -> Answer {
    let wanted = call.param("status").unwrap_or("all");
    let hooks = ledger.hooks.iter().filter(|hook| wanted == "all" || hook.status == wanted);
    let row = |hook: &Hook| Listed {
        id: hook.id,
        created_s: hook.created_s,
        modified_s: hook.created_s,
        value: hook_json(hook),
    };
    page(call, hooks.map(row).collect())
}

pub fn one(ledger: &WooLedger, id: i64) -> Answer {
    match ledger.hooks.iter().find(|hook| hook.id == id) {
        Some(hook) => Answer::json(200, &hook_json(hook)),
        None => not_found("shop_webhook"),
    }
}

pub fn change(ledger: &mut WooLedger, id: i64, call: &Call) -> Answer {
    let body = match document(call) {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let Some(hook) = ledger.hooks.iter_mut().find(|hook| hook.id == id) else { return not_found("shop_webhook") };
    match status_word(&body) {
        Ok(None) => {}
        Ok(Some(status)) => (hook.status, hook.failures) = (status, 0),
        Err(refusal) => return refusal,
    }
    Answer::json(200, &hook_json(hook))
}

pub fn delete(ledger: &mut WooLedger, id: i64) -> Answer {
    match ledger.hooks.iter().position(|hook| hook.id == id) {
        Some(at) => Answer::json(200, &hook_json(&ledger.hooks.remove(at))),
        None => not_found("shop_webhook"),
    }
}

fn status_word(body: &Value) -> Result<Option<&'static str>, Answer> {
    match &body["status"] {
        Value::Null => Ok(None),
        word => ["active", "paused", "disabled"]
            .into_iter()
            .find(|known| word.as_str() == Some(known))
            .map(Some)
            .ok_or_else(|| super::lists::invalid_param("status")),
    }
}

/// Reads what a new webhook shall be; it is active unless it says otherwise.
pub fn create(ledger: &mut WooLedger, call: &Call) -> Result<Hook, Answer> {
    let body = document(call)?;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let topic = text("topic");
    let (resource, event) = topic.split_once('.').unwrap_or_default();
    let known = ["coupon", "customer", "order", "product"].contains(&resource)
        && ["created", "updated", "deleted", "restored"].contains(&event);
    if !known {
        return Err(error(400, "woocommerce_rest_shop_webhook_invalid_topic", "Webhook topic must be valid."));
    }
    if !text("delivery_url").starts_with("http") {
        let message = "Webhook delivery URL must be a valid URL starting with http:// or https://.";
        return Err(error(400, "woocommerce_rest_shop_webhook_invalid_delivery_url", message));
    }
    let hook = Hook {
        id: ledger.next_id(),
        name: text("name"),
        topic,
        address: text("delivery_url"),
        secret: text("secret"),
        status: status_word(&body)?.unwrap_or("active"),
        failures: 0,
        created_s: clock::now_s(),
    };
    ledger.hooks.push(hook.clone());
    Ok(hook)
}

/// As the API shows it: the secret is never told again.
pub fn hook_json(hook: &Hook) -> Value {
    let (resource, event) = hook.topic.split_once('.').unwrap_or_default();
    json!({
        "id": hook.id, "name": hook.name, "status": hook.status, "topic": hook.topic, "resource": resource,
        "event": event, "hooks": [], "delivery_url": hook.address, "date_created_gmt": bare_time(hook.created_s),
        "date_modified_gmt": bare_time(hook.created_s),
    })
}

impl Woo {
    /// Tells every active webhook of this topic, each in its own time; returns at once.
    pub(super) fn tell(self: &Arc<Self>, topic: &'static str, news: News) {
        let hooks: Vec<i64> = {
            let ledger = locked(self.ledger());
            ledger.hooks.iter().filter(|hook| hook.status == "active" && hook.topic == topic).map(|h| h.id).collect()
        };
        for id in hooks {
            if self.desk().strikes(Fault::WebhookDropped) {
                continue;
            }
            let delay = if self.desk().strikes(Fault::WebhookDelayed) {
                self.desk().pause_up_to(self.desk().rates().webhook_delay_max)
            } else {
                Duration::ZERO
            };
            if self.desk().strikes(Fault::WebhookDuplicated) {
                let later = self.desk().pause_up_to(Duration::from_secs(1));
                self.dispatch(id, news, later);
            }
            self.dispatch(id, news, delay);
        }
    }

    fn dispatch(self: &Arc<Self>, hook: i64, news: News, delay: Duration) {
        let this = Arc::clone(self);
        self.spawn(async move {
            tokio::time::sleep(delay).await;
            this.deliver(hook, news).await;
        });
    }

    /// One try, and no other: a failure only counts against the webhook.
    async fn deliver(&self, id: i64, news: News) {
        let Some((hook, body)) = self.parcel(id, news) else { return };
        let Ok(signer) = Signer::new("woocommerce", &hook.secret) else { return };
        let (resource, event) = hook.topic.split_once('.').unwrap_or_default();
        let request = self
            .client()
            .post(&hook.address)
            .header("Content-Type", "application/json")
            .header("User-Agent", "WooCommerce/10.3.0 Hookshot (WordPress/6.8)")
            .header("X-WC-Webhook-Source", "http://shop.example/")
            .header("X-WC-Webhook-Topic", &hook.topic)
            .header("X-WC-Webhook-Resource", resource)
            .header("X-WC-Webhook-Event", event)
            .header("X-WC-Webhook-Signature", signer.woo(body.as_bytes()))
            .header("X-WC-Webhook-ID", hook.id.to_string())
            // Of webhook and second only: two events of one second share it.
            .header("X-WC-Webhook-Delivery-ID", format!("{:x}{:x}", hook.id, clock::now_s()))
            .body(body);
        self.count_attempt();
        let good = request.send().await.is_ok_and(|answer| matches!(answer.status().as_u16(), 200..=299 | 301 | 302));
        let mut ledger = locked(self.ledger());
        let Some(hook) = ledger.hooks.iter_mut().find(|hook| hook.id == id) else { return };
        if good {
            hook.failures = 0;
        } else if hook.failures >= FORGIVEN_FAILURES {
            hook.status = "disabled";
        } else {
            hook.failures += 1;
        }
    }

    fn parcel(&self, id: i64, news: News) -> Option<(Hook, String)> {
        let ledger = locked(self.ledger());
        let hook = ledger.hooks.iter().find(|hook| hook.id == id && hook.status == "active")?.clone();
        let body = match news {
            News::Order(id) => order_json(&ledger, ledger.order(id)?, self.catalogue()),
            News::Product(at) => product_json(ledger.items.get(at)?, self.catalogue().product(at)?),
            News::Customer(at) => customer_json(ledger.customers.get(at)?),
        };
        Some((hook, body.to_string()))
    }

    /// The greeting of a new webhook: form-encoded, unsigned, without any header of its own.
    pub(super) fn greet(self: &Arc<Self>, hook: &Hook) {
        let (this, address, body) = (Arc::clone(self), hook.address.clone(), format!("webhook_id={}", hook.id));
        self.spawn(async move {
            let request = this.client().post(&address).header("Content-Type", "application/x-www-form-urlencoded");
            let status = request.body(body).send().await.map(|answer| answer.status().as_u16());
            this.note_greeting(status.unwrap_or_default());
        });
    }
}
