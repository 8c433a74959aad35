//! The shop's front door: access token, leaky bucket, routes.
//!
//! Not here: what a route does (its own file) and the faults before it (`serve`).

use std::time::Instant;

use http::Method;
use serde_json::json;

use super::vendor::Shop;
use super::{fulfilments, levels, orders_api, subscriptions};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::serve::Endpoint;
use crate::sandbox::sync::locked;

pub const API_VERSION: &str = "2026-10";

impl Endpoint for Shop {
    fn answer(&self, call: &Call) -> Answer {
        if call.header("x-shopify-access-token") != Some(self.token()) {
            let message = "[API] Invalid API key or access token (unrecognized login or wrong password)";
            return Answer::json(401, &json!({ "errors": message }));
        }
        let (poured, usage) = {
            let mut bucket = locked(self.bucket());
            (bucket.pour(Instant::now()), bucket.usage())
        };
        let answer = match poured {
            Ok(()) => self.route(call),
            Err(wait) => {
                let tenths = wait.as_millis().div_ceil(100);
                exceeded(format!("{}.{}", tenths / 10, tenths % 10))
            }
        };
        answer.header("x-shopify-shop-api-call-limit", usage).header("x-shopify-api-version", API_VERSION)
    }

    fn throttled(&self) -> Answer {
        exceeded("1.0".to_owned())
    }

    fn unavailable(&self) -> Answer {
        Answer::json(503, &json!({ "errors": "Service Unavailable" }))
    }
}

fn exceeded(retry_after: String) -> Answer {
    let message = "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service.";
    Answer::json(429, &json!({ "errors": message })).header("retry-after", retry_after)
}

impl Shop {
    fn route(&self, call: &Call) -> Answer {
        let prefix = format!("/admin/api/{API_VERSION}/");
        let Some(resource) = call.path.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".json")) else {
            return orders_api::not_found();
        };
        let segments: Vec<&str> = resource.split('/').collect();
        if segments.first() == Some(&"webhooks") {
            self.forget_given_up();
        }
        if call.method == Method::GET { self.read(call, &segments) } else { self.write(call, &segments) }
    }

    fn read(&self, call: &Call, segments: &[&str]) -> Answer {
        let (ledger, catalogue) = (locked(self.ledger()), self.catalogue());
        match segments {
            ["shop"] => Answer::json(200, &shop_json()),
            ["orders"] => orders_api::list(&ledger, catalogue, call),
            ["orders", id] => with_id(id, |id| orders_api::one(&ledger, catalogue, id)),
            ["orders", id, "fulfillment_orders"] => {
                with_id(id, |id| fulfilments::fulfilment_orders(&ledger, catalogue, id))
            }
            ["orders", id, "fulfillments"] => with_id(id, |id| fulfilments::of_order(&ledger, id)),
            ["products"] => levels::products(catalogue, call),
            ["locations"] => levels::locations(),
            ["inventory_levels"] => levels::list(&ledger, catalogue, call),
            ["inventory_items"] => levels::inventory_items(catalogue, call),
            ["webhooks"] => subscriptions::list(&ledger, call),
            _ => orders_api::not_found(),
        }
    }

    fn write(&self, call: &Call, segments: &[&str]) -> Answer {
        match (call.method.as_str(), segments) {
            ("POST", ["inventory_levels", "set"]) => self.set_level(call),
            ("POST", ["fulfillments"]) => self.fulfil(call),
            ("POST", ["webhooks"]) => subscriptions::create(&mut locked(self.ledger()), call),
            ("DELETE", ["webhooks", id]) => with_id(id, |id| subscriptions::delete(&mut locked(self.ledger()), id)),
            _ => orders_api::not_found(),
        }
    }
}

fn with_id(text: &str, then: impl FnOnce(i64) -> Answer) -> Answer {
    text.parse().map_or_else(|_| orders_api::not_found(), then)
}

fn shop_json() -> serde_json::Value {
    json!({ "shop": {
        "id": 548_380_009,
        "name": "Sandbox Haushaltswaren",
        "myshopify_domain": "sandbox.myshopify.com",
        "currency": "EUR",
        "iana_timezone": "Etc/GMT-1",
        "country_code": "DE",
    } })
}
