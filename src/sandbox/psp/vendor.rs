//! The processor as the rest of the sandbox sees it: payments are opened and moved on, and the hub is told.
//!
//! Not here: routes (`api`) and when a customer pays (`traffic`).

use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use serde_json::json;

use super::ledger::{Event, Intent, PayState, PspLedger};
use super::objects::{charge_json, event_json, intent_json};
use crate::sandbox::bucket::LeakyBucket;
use crate::sandbox::clock;
use crate::sandbox::courier::{Ack, Courier, Label, Parcel, Vendor};
use crate::sandbox::money::Currency;
use crate::sandbox::options::{Credentials, SandboxOptions};
use crate::sandbox::sync::locked;

/// What can happen to an open payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Authorise,
    Fail,
    Capture,
    Cancel,
    /// In ISO minor units.
    Refund(i64),
}

#[derive(Debug)]
pub struct Psp {
    ledger: Mutex<PspLedger>,
    bucket: Mutex<LeakyBucket>,
    key: String,
    courier: Arc<Courier>,
    target: Mutex<Option<String>>,
}

impl Psp {
    pub fn new(options: &SandboxOptions, credentials: &Credentials, courier: Arc<Courier>) -> Self {
        let per_s = options.psp_calls_per_s;
        Psp {
            ledger: Mutex::default(),
            bucket: Mutex::new(LeakyBucket::new(per_s, per_s, Instant::now())),
            key: credentials.psp_key.clone(),
            courier,
            target: Mutex::default(),
        }
    }

    pub fn ledger(&self) -> &Mutex<PspLedger> {
        &self.ledger
    }

    pub(super) fn bucket(&self) -> &Mutex<LeakyBucket> {
        &self.bucket
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub fn set_target(&self, address: Option<String>) {
        *locked(&self.target) = address;
    }

    pub fn target(&self) -> Option<String> {
        locked(&self.target).clone()
    }

    /// A customer starts to pay for an order; returns the payment's number in the ledger.
    pub fn open(&self, order_name: &str, currency: Currency, amount_minor: i64, silently: bool) -> usize {
        let mut ledger = locked(&self.ledger);
        let index = ledger.open(order_name, currency, amount_minor, clock::now_s());
        self.record(&mut ledger, index, "payment_intent.created", silently);
        index
    }

    pub fn advance(&self, index: usize, step: Step, silently: bool) {
        let (state, refund_minor, kind) = match step {
            Step::Authorise => (PayState::Authorised, 0, "payment_intent.amount_capturable_updated"),
            Step::Fail => (PayState::Failed, 0, "payment_intent.payment_failed"),
            Step::Capture => (PayState::Captured, 0, "payment_intent.succeeded"),
            Step::Cancel => (PayState::Cancelled, 0, "payment_intent.canceled"),
            Step::Refund(minor) => (PayState::Captured, minor, "charge.refunded"),
        };
        let mut ledger = locked(&self.ledger);
        if ledger.advance(index, state, refund_minor, clock::now_s()).is_some() {
            self.record(&mut ledger, index, kind, silently);
        }
    }

    /// Appends the event that tells of the payment's current state, and sends it.
    fn record(&self, ledger: &mut PspLedger, index: usize, kind: &'static str, silently: bool) {
        let Some(intent) = ledger.intents.get(index) else { return };
        let (object, previous) = if kind == "charge.refunded" {
            (charge_json(intent), previous_refund(intent))
        } else {
            (intent_json(intent, false), None)
        };
        let id = format!("evt_sbx{:08}", ledger.events.len());
        let json: Arc<str> = event_json(&id, kind, intent.current.at_s, &object, previous).to_string().into();
        let ack = Ack { vendor: Vendor::Psp, kind: kind.to_owned(), id: id.clone(), key: intent.id.clone() };
        let created_s = intent.current.at_s;
        ledger.events.push(Event { id, kind, created_s, json: Arc::clone(&json) });
        if let Some(address) = self.target().filter(|_| !silently) {
            let body = Bytes::from(json.as_bytes().to_vec());
            self.courier.send(Parcel { address, body, label: Label::Psp, ack });
        }
    }
}

fn previous_refund(intent: &Intent) -> Option<serde_json::Value> {
    let before = intent.versions.iter().rev().nth(1)?;
    Some(json!({ "amount_refunded": intent.currency.psp_amount(before.refunded_minor) }))
}
