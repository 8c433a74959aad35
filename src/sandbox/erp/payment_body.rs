//! The payment state the ERP keeps with an order.
//!
//! Not here: the order itself (`body`).

use serde_json::{Value, json};

use super::body::{Refusal, amount, currency, one_of, required_text, time};
use super::words;
use crate::sandbox::clock::utc_time;
use crate::sandbox::money::Currency;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErpPayment {
    pub status: String,
    /// The payment's whole amount, whatever its state.
    pub amount_minor: i64,
    pub refunded_minor: i64,
    pub currency: Currency,
    pub psp_reference: String,
    pub changed_s: i64,
}

impl ErpPayment {
    /// `amount_refunded` may be left out (or null) unless the status says that money went back.
    pub fn read(body: &Value, order_currency: Currency) -> Result<Self, Refusal> {
        let currency = currency(body)?;
        if currency != order_currency {
            let message = format!("the order is in {}", order_currency.code());
            return Err(Refusal::new("currency_mismatch", "currency", message));
        }
        let status = required_text(body, "status")?;
        one_of("status", &status, words::PAYMENT_STATUSES)?;
        let needs_refund = matches!(status.as_str(), "partially_refunded" | "refunded");
        let refunded_minor = match &body["amount_refunded"] {
            Value::Null if needs_refund => {
                let message = format!("is required when the status is {status}");
                return Err(Refusal::new("required", "amount_refunded", message));
            }
            Value::Null => 0,
            refunded => amount(refunded, "amount_refunded", currency)?,
        };
        Ok(ErpPayment {
            status,
            amount_minor: amount(&body["amount"], "amount", currency)?,
            refunded_minor,
            currency,
            psp_reference: required_text(body, "psp_reference")?,
            changed_s: time(body, "changed_at")?,
        })
    }

    pub fn json(&self) -> Value {
        json!({
            "status": self.status,
            "amount": self.currency.decimal(self.amount_minor),
            "amount_refunded": self.currency.decimal(self.refunded_minor),
            "currency": self.currency.code(),
            "psp_reference": self.psp_reference,
            "changed_at": utc_time(self.changed_s),
        })
    }
}
