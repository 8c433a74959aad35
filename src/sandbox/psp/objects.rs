//! Payment intents, charges and events as Stripe writes them: integers in the processor's minor units.
//!
//! Not here: lists and filters.

use serde_json::{Value, json};

use super::ledger::{Intent, PayState};

pub const API_VERSION: &str = "2026-10-28.endive";

/// A payment intent; `expanded` puts the whole charge where otherwise its id stands.
pub fn intent_json(intent: &Intent, expanded: bool) -> Value {
    let amount = intent.currency.psp_amount(intent.amount_minor);
    let state = intent.current.state;
    let charge = match (intent.charged(), expanded) {
        (false, _) => Value::Null,
        (true, false) => json!(intent.charge_id),
        (true, true) => charge_json(intent),
    };
    let failed = state == PayState::Failed;
    let cancelled = state == PayState::Cancelled;
    json!({
        "id": intent.id,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": if state == PayState::Authorised { amount } else { 0 },
        "amount_received": if state == PayState::Captured { amount } else { 0 },
        "canceled_at": if cancelled { json!(intent.current.at_s) } else { Value::Null },
        "cancellation_reason": if cancelled { json!("requested_by_customer") } else { Value::Null },
        "capture_method": "manual",
        "confirmation_method": "automatic",
        "created": intent.created_s,
        "currency": intent.currency.psp_code(),
        "customer": null,
        "description": format!("Order {}", intent.order_name),
        "last_payment_error": if failed { payment_error() } else { Value::Null },
        "latest_charge": charge,
        "livemode": false,
        "metadata": { "order_id": intent.order_name },
        "next_action": null,
        "payment_method_types": ["card"],
        "status": intent_status(state),
    })
}

fn intent_status(state: PayState) -> &'static str {
    match state {
        PayState::Created | PayState::Failed => "requires_payment_method",
        PayState::Authorised => "requires_capture",
        // Refunds never show here: a succeeded intent stays succeeded.
        PayState::Captured => "succeeded",
        PayState::Cancelled => "canceled",
    }
}

fn payment_error() -> Value {
    json!({
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "message": "Your card has insufficient funds.",
    })
}

pub fn charge_json(intent: &Intent) -> Value {
    let amount = intent.currency.psp_amount(intent.amount_minor);
    let refunded = intent.currency.psp_amount(intent.current.refunded_minor);
    let state = intent.current.state;
    let captured = state == PayState::Captured;
    let failed = intent.declined();
    json!({
        "id": intent.charge_id,
        "object": "charge",
        "amount": amount,
        "amount_captured": if captured { amount } else { 0 },
        "amount_refunded": refunded,
        "captured": captured,
        "created": intent.created_s,
        "currency": intent.currency.psp_code(),
        "disputed": false,
        "failure_code": if failed { json!("card_declined") } else { Value::Null },
        "livemode": false,
        "metadata": { "order_id": intent.order_name },
        "paid": !failed,
        "payment_intent": intent.id,
        "refunded": refunded == amount,
        "status": if failed { "failed" } else { "succeeded" },
    })
}

pub fn event_json(id: &str, kind: &str, created_s: i64, object: &Value, previous: Option<Value>) -> Value {
    let mut data = json!({ "object": object });
    if let Some(previous) = previous {
        data["previous_attributes"] = previous;
    }
    json!({
        "id": id,
        "object": "event",
        "api_version": API_VERSION,
        "created": created_s,
        "data": data,
        "livemode": false,
        "pending_webhooks": 1,
        "request": { "id": null, "idempotency_key": null },
        "type": kind,
    })
}
