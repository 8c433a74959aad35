//! The processor's front door: bearer key, rate limit, routes.
//!
//! Not here: object shapes (`objects`) and the faults before it (`serve`).

use std::time::Instant;

use http::Method;
use serde_json::json;

use super::ledger::{Event, Intent, PspLedger};
use super::lists::{ListCall, Listed};
use super::objects::{charge_json, intent_json};
use super::vendor::Psp;
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::serve::Endpoint;
use crate::sandbox::sync::locked;

impl Endpoint for Psp {
    fn answer(&self, call: &Call) -> Answer {
        if call.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) != Some(self.key()) {
            return Answer::json(
                401,
                &error("invalid_request_error", None, None, "Invalid API Key provided: sk_test_***"),
            );
        }
        if locked(self.bucket()).pour(Instant::now()).is_err() {
            return self.throttled();
        }
        if call.method != Method::GET {
            return unknown_url(call);
        }
        let segments: Vec<&str> = call.path.trim_start_matches('/').split('/').collect();
        let ledger = locked(self.ledger());
        match segments.as_slice() {
            ["v1", "events"] => events(&ledger, call),
            ["v1", "events", id] => match ledger.events.iter().find(|event| event.id == *id) {
                Some(event) => Answer::raw_json(200, event.json.to_string()),
                None => missing("event", id),
            },
            ["v1", "payment_intents"] => intents(&ledger, call),
            ["v1", "payment_intents", id] => match ledger.intent(id) {
                Some(intent) => Answer::json(200, &intent_json(intent, expands(call, "latest_charge"))),
                None => missing("payment_intent", id),
            },
            ["v1", "charges"] => charges(&ledger, call),
            ["v1", "charges", id] => match ledger.charge(id) {
                Some(intent) => Answer::json(200, &charge_json(intent)),
                None => missing("charge", id),
            },
            _ => unknown_url(call),
        }
    }

    fn throttled(&self) -> Answer {
        let body = error("invalid_request_error", Some("rate_limit"), None, "Request rate limit exceeded.");
        Answer::json(429, &body).header("retry-after", "1").header("stripe-should-retry", "true")
    }

    fn unavailable(&self) -> Answer {
        let body = error("api_error", None, None, "An unknown error occurred.");
        Answer::json(503, &body).header("stripe-should-retry", "true")
    }
}

fn events(ledger: &PspLedger, call: &Call) -> Answer {
    let list = match ListCall::read(call) {
        Ok(list) => list,
        Err(refusal) => return refusal,
    };
    let kinds: Vec<&str> = call
        .query
        .iter()
        .filter(|(name, _)| name == "type" || name.starts_with("types["))
        .map(|(_, value)| value.as_str())
        .collect();
    let wanted = |kind: &str| kinds.is_empty() || kinds.contains(&kind);
    list.page(ledger.events.iter().rev().filter(|event| wanted(event.kind)))
}

impl Listed for &Event {
    fn cursor(&self) -> &str {
        &self.id
    }

    fn created_s(&self) -> i64 {
        self.created_s
    }

    fn text(&self) -> String {
        self.json.to_string()
    }
}

struct ListedIntent<'a> {
    intent: &'a Intent,
    expanded: bool,
}

impl Listed for ListedIntent<'_> {
    fn cursor(&self) -> &str {
        &self.intent.id
    }

    fn created_s(&self) -> i64 {
        self.intent.created_s
    }

    fn text(&self) -> String {
        intent_json(self.intent, self.expanded).to_string()
    }
}

fn intents(ledger: &PspLedger, call: &Call) -> Answer {
    let expanded = expands(call, "data.latest_charge");
    match ListCall::read(call) {
        Ok(list) => list.page(ledger.intents.iter().rev().map(|intent| ListedIntent { intent, expanded })),
        Err(refusal) => refusal,
    }
}

struct ListedCharge<'a>(&'a Intent);

impl Listed for ListedCharge<'_> {
    fn cursor(&self) -> &str {
        &self.0.charge_id
    }

    fn created_s(&self) -> i64 {
        self.0.created_s
    }

    fn text(&self) -> String {
        charge_json(self.0).to_string()
    }
}

fn charges(ledger: &PspLedger, call: &Call) -> Answer {
    let of_intent = call.param("payment_intent");
    let wanted = |intent: &&Intent| intent.charged() && of_intent.is_none_or(|id| intent.id == id);
    match ListCall::read(call) {
        Ok(list) => list.page(ledger.intents.iter().rev().filter(wanted).map(ListedCharge)),
        Err(refusal) => refusal,
    }
}

fn expands(call: &Call, field: &str) -> bool {
    call.query.iter().any(|(name, value)| name.starts_with("expand[") && value == field)
}

pub fn invalid_request(param: &str, message: &str) -> Answer {
    Answer::json(400, &error("invalid_request_error", None, Some(param), message))
}

fn missing(object: &str, id: &str) -> Answer {
    let message = format!("No such {object}: '{id}'");
    Answer::json(404, &error("invalid_request_error", Some("resource_missing"), Some("id"), &message))
}

fn unknown_url(call: &Call) -> Answer {
    let message = format!("Unrecognized request URL ({}: {}).", call.method, call.path);
    Answer::json(404, &error("invalid_request_error", None, None, &message))
}

fn error(kind: &str, code: Option<&str>, param: Option<&str>, message: &str) -> serde_json::Value {
    json!({ "error": { "type": kind, "code": code, "param": param, "message": message } })
}
