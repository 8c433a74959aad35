//! The processor's truth: payment intents with every state they have had, and the events that told of them.
//!
//! Not here: HTTP, webhooks, JSON shapes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::sandbox::money::Currency;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayState {
    Created,
    Failed,
    Authorised,
    Captured,
    Cancelled,
}

/// One state of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayVersion {
    pub state: PayState,
    /// In ISO minor units, like every amount of the ledger.
    pub refunded_minor: i64,
    pub at_s: i64,
}

#[derive(Debug, Clone)]
pub struct Intent {
    pub id: String,
    pub charge_id: String,
    /// `metadata.order_id`, the shop's order number.
    pub order_name: String,
    pub currency: Currency,
    pub amount_minor: i64,
    pub created_s: i64,
    /// Oldest first, never empty.
    pub versions: Vec<PayVersion>,
    pub current: PayVersion,
}

impl Intent {
    /// The ERP's word for a version of this payment, by the status vocabulary.
    pub fn erp_word(&self, version: &PayVersion) -> &'static str {
        match version.state {
            PayState::Created => "created",
            PayState::Failed => "failed",
            PayState::Authorised => "authorised",
            PayState::Cancelled => "cancelled",
            PayState::Captured if version.refunded_minor == 0 => "captured",
            PayState::Captured if version.refunded_minor < self.amount_minor => "partially_refunded",
            PayState::Captured => "refunded",
        }
    }

    /// Whether the charge was refused; an intent given up after that stays so.
    pub fn declined(&self) -> bool {
        let outcome = self.versions.iter().rev().find_map(|version| match version.state {
            PayState::Failed => Some(true),
            PayState::Authorised | PayState::Captured => Some(false),
            PayState::Created | PayState::Cancelled => None,
        });
        outcome == Some(true)
    }

    /// Whether a charge was tried, so that there is one to show.
    pub fn charged(&self) -> bool {
        self.versions.iter().any(|v| matches!(v.state, PayState::Authorised | PayState::Captured | PayState::Failed))
    }
}

/// An event, serialised once: the list and the webhook show the same bytes.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    pub kind: &'static str,
    pub created_s: i64,
    pub json: Arc<str>,
}

#[derive(Debug, Default)]
pub struct PspLedger {
    pub intents: Vec<Intent>,
    by_id: BTreeMap<String, usize>,
    by_charge: BTreeMap<String, usize>,
    /// Oldest first.
    pub events: Vec<Event>,
}

impl PspLedger {
    pub fn open(&mut self, order_name: &str, currency: Currency, amount_minor: i64, now_s: i64) -> usize {
        let index = self.intents.len();
        let (id, charge_id) = (format!("pi_sbx{index:08}"), format!("ch_sbx{index:08}"));
        self.by_id.insert(id.clone(), index);
        self.by_charge.insert(charge_id.clone(), index);
        let first = PayVersion { state: PayState::Created, refunded_minor: 0, at_s: now_s };
        self.intents.push(Intent {
            id,
            charge_id,
            order_name: order_name.to_owned(),
            currency,
            amount_minor,
            created_s: now_s,
            versions: vec![first],
            current: first,
        });
        index
    }

    /// Moves a payment on; `None` if there is no such payment.
    pub fn advance(&mut self, index: usize, state: PayState, refund_minor: i64, now_s: i64) -> Option<&Intent> {
        let intent = self.intents.get_mut(index)?;
        let version = PayVersion {
            state,
            refunded_minor: (intent.current.refunded_minor + refund_minor).min(intent.amount_minor),
            at_s: now_s.max(intent.current.at_s),
        };
        intent.versions.push(version);
        intent.current = version;
        Some(intent)
    }

    pub fn intent(&self, id: &str) -> Option<&Intent> {
        self.by_id.get(id).and_then(|index| self.intents.get(*index))
    }

    pub fn charge(&self, id: &str) -> Option<&Intent> {
        self.by_charge.get(id).and_then(|index| self.intents.get(*index)).filter(|intent| intent.charged())
    }
}
