//! The ERP's front door: Basic auth and routes.
//!
//! Not here: idempotency; this ERP has none, and a second POST makes a second document.

use http::Method;
use serde_json::{Value, json};

use super::body::{ErpBody, Refusal};
use super::ledger::ErpOrder;
use super::order_json::order_json;
use super::payment_body::ErpPayment;
use super::vendor::Erp;
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::clock;
use crate::sandbox::serve::Endpoint;
use crate::sandbox::sync::locked;

const DEFAULT_LIMIT: usize = 100;
const LARGEST_LIMIT: usize = 500;

impl Endpoint for Erp {
    fn answer(&self, call: &Call) -> Answer {
        let (user, password) = self.login();
        if call.basic().is_none_or(|given| given != (user.to_owned(), password.to_owned())) {
            let answer = error(401, "unauthorised", "user or password is wrong");
            return answer.header("www-authenticate", "Basic realm=\"ERP\"");
        }
        let segments: Vec<&str> = call.path.trim_start_matches('/').split('/').collect();
        match (&call.method, segments.as_slice()) {
            (&Method::GET, ["api", "ping"]) => Answer::json(200, &json!({ "status": "ok", "system": "ERP01" })),
            (&Method::GET, ["api", "orders"]) => self.list(call),
            (&Method::GET, ["api", "orders", id]) => match locked(self.ledger()).order(id) {
                Some(order) => Answer::json(200, &order_json(order)),
                None => unknown_order(id),
            },
            (&Method::POST, ["api", "orders"]) => self.create(call),
            (&Method::PUT, ["api", "orders", id]) => self.replace(call, id),
            (&Method::PUT, ["api", "orders", id, "payment"]) => self.set_payment(call, id),
            _ => error(404, "not_found", &format!("no {} {}", call.method, call.path)),
        }
    }

    fn throttled(&self) -> Answer {
        error(429, "too_many_requests", "slow down").header("retry-after", "1")
    }

    fn unavailable(&self) -> Answer {
        error(503, "unavailable", "nightly run in progress")
    }
}

impl Erp {
    /// By `reference`, or all of them by id with `limit` and `after`.
    fn list(&self, call: &Call) -> Answer {
        let ledger = locked(self.ledger());
        if let Some(reference) = call.param("reference") {
            let items: Vec<Value> = ledger.by_reference(reference).map(order_json).collect();
            return Answer::json(200, &json!({ "items": items }));
        }
        let limit = match call.param("limit").map(str::parse::<usize>) {
            None => DEFAULT_LIMIT,
            Some(Ok(limit)) if (1..=LARGEST_LIMIT).contains(&limit) => limit,
            Some(_) => return Refusal::new("invalid", "limit", "must be a number from 1 to 500").answer(),
        };
        let after = call.param("after").unwrap_or_default();
        let rest: Vec<&ErpOrder> = ledger.shown().skip_while(|order| order.id.as_str() <= after).collect();
        let items: Vec<Value> = rest.iter().take(limit).map(|order| order_json(order)).collect();
        let next = rest.get(limit - 1).filter(|_| rest.len() > limit).map(|order| order.id.as_str());
        Answer::json(200, &json!({ "items": items, "next": next }))
    }

    fn create(&self, call: &Call) -> Answer {
        match document(call).and_then(|body| ErpBody::read(&body, self.catalogue())) {
            Ok(body) => {
                let mut ledger = locked(self.ledger());
                let order = ledger.create(body, self.catalogue(), clock::now_s());
                let location = format!("/api/orders/{}", order.id);
                Answer::json(201, &order_json(order)).header("location", location)
            }
            Err(refusal) => refusal.answer(),
        }
    }

    fn replace(&self, call: &Call, id: &str) -> Answer {
        let mut ledger = locked(self.ledger());
        let Some(before) = ledger.order(id) else { return unknown_order(id) };
        let body = match document(call).and_then(|body| ErpBody::read(&body, self.catalogue())) {
            Ok(body) => body,
            Err(refusal) => return refusal.answer(),
        };
        if body.reference != before.body.reference {
            return Refusal::new("immutable", "reference", "cannot change").answer();
        }
        match ledger.replace(id, body, self.catalogue(), clock::now_s()) {
            Some(order) => Answer::json(200, &order_json(order)),
            None => unknown_order(id),
        }
    }

    fn set_payment(&self, call: &Call, id: &str) -> Answer {
        let mut ledger = locked(self.ledger());
        let Some(order) = ledger.order(id) else { return unknown_order(id) };
        let payment = match document(call).and_then(|body| ErpPayment::read(&body, order.body.currency)) {
            Ok(payment) => payment,
            Err(refusal) => return refusal.answer(),
        };
        match ledger.set_payment(id, payment, clock::now_s()) {
            Some(order) => Answer::json(200, &order_json(order)),
            None => unknown_order(id),
        }
    }
}

fn document(call: &Call) -> Result<Value, Refusal> {
    let body = call.json().map_err(|cause| Refusal::new("malformed", "", format!("not JSON: {cause}")))?;
    if body.is_object() { Ok(body) } else { Err(Refusal::new("malformed", "", "must be a JSON object")) }
}

fn unknown_order(id: &str) -> Answer {
    error(404, "unknown_order", &format!("no order {id:?}"))
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": { "code": code, "message": message, "field": null } }))
}
