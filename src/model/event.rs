//! Names for what happened in the business when a record changed.
//!
//! Not here: the event log, the CloudEvents envelope, who subscribes.

use std::fmt;

use super::{Entity, FieldPath, Record};

macro_rules! events {
    ($($variant:ident,)+) => {
        /// What happened. The text form is the variant's name; it ends the `type` of a CloudEvent.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind { $($variant,)+ }

        impl EventKind {
            pub const ALL: &'static [EventKind] = &[$(EventKind::$variant,)+];

            pub const fn as_str(self) -> &'static str {
                match self { $(EventKind::$variant => stringify!($variant),)+ }
            }

            pub fn parse(text: &str) -> Option<EventKind> {
                EventKind::ALL.iter().copied().find(|kind| kind.as_str() == text)
            }
        }
    };
}

events! {
    OrderPlaced, OrderUpdated, OrderPaid, OrderRefunded, OrderFulfilled, OrderCancelled,
    PaymentCreated, PaymentUpdated, PaymentAuthorised, PaymentCaptured, PaymentRefunded, PaymentFailed,
    PaymentCancelled, PaymentDisputed,
    RefundCreated, RefundUpdated, RefundSucceeded, RefundFailed,
    InventoryUpdated,
    ProductCreated, ProductUpdated,
    PriceUpdated,
    CustomerCreated, CustomerUpdated,
    FulfilmentCreated, FulfilmentUpdated, FulfilmentDelivered, FulfilmentCancelled,
    DisputeOpened, DisputeUpdated, DisputeWon, DisputeLost,
    PayoutCreated, PayoutUpdated, PayoutPaid, PayoutFailed,
    BalanceTransactionBooked,
    InvoiceIssued, InvoiceUpdated, InvoicePaid,
    BankLineBooked,
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The most telling name for the change from `before` (none: first seen) to `after`.
/// Call it only when the content hash changed. A record first seen in a late state (a paid order) is named by its birth
/// for orders, and by its state for payments, whose states *are* the business events.
pub fn event_for(before: Option<&Record>, after: &Record) -> EventKind {
    let first = before.is_none();
    let birth_or = |birth, update| if first { birth } else { update };
    match after.entity() {
        Entity::Order if first => EventKind::OrderPlaced,
        Entity::Order => order_event(before, after),
        Entity::Payment => payment_event(before, after),
        Entity::Refund => match newly(before, after, "status") {
            Some("succeeded") => EventKind::RefundSucceeded,
            Some("failed" | "cancelled") => EventKind::RefundFailed,
            _ => birth_or(EventKind::RefundCreated, EventKind::RefundUpdated),
        },
        Entity::InventoryLevel => EventKind::InventoryUpdated,
        Entity::Product => birth_or(EventKind::ProductCreated, EventKind::ProductUpdated),
        Entity::Price => EventKind::PriceUpdated,
        Entity::Customer => birth_or(EventKind::CustomerCreated, EventKind::CustomerUpdated),
        Entity::Fulfilment if first => EventKind::FulfilmentCreated,
        Entity::Fulfilment => match newly(before, after, "status") {
            Some("delivered") => EventKind::FulfilmentDelivered,
            Some("cancelled") => EventKind::FulfilmentCancelled,
            _ => EventKind::FulfilmentUpdated,
        },
        Entity::Dispute => match newly(before, after, "status") {
            Some("won") => EventKind::DisputeWon,
            Some("lost" | "accepted") => EventKind::DisputeLost,
            _ => birth_or(EventKind::DisputeOpened, EventKind::DisputeUpdated),
        },
        Entity::Payout => match newly(before, after, "status") {
            Some("paid") => EventKind::PayoutPaid,
            Some("failed" | "returned") => EventKind::PayoutFailed,
            _ => birth_or(EventKind::PayoutCreated, EventKind::PayoutUpdated),
        },
        Entity::BalanceTransaction => EventKind::BalanceTransactionBooked,
        Entity::Invoice if first => EventKind::InvoiceIssued,
        Entity::Invoice => match newly(before, after, "payment_status") {
            Some("paid") => EventKind::InvoicePaid,
            _ => EventKind::InvoiceUpdated,
        },
        Entity::BankLine => EventKind::BankLineBooked,
    }
}

/// Several axes of an order may change at once; the gravest is named.
fn order_event(before: Option<&Record>, after: &Record) -> EventKind {
    let cancelled =
        |record: &Record| word(record, "status") == Some("cancelled") || record.get("cancelled_at").is_some();
    if cancelled(after) && !before.is_some_and(cancelled) {
        return EventKind::OrderCancelled;
    }
    match (newly(before, after, "payment_status"), newly(before, after, "fulfilment_status")) {
        (Some("refunded" | "partially_refunded"), _) => EventKind::OrderRefunded,
        (Some("paid"), _) => EventKind::OrderPaid,
        (_, Some("fulfilled" | "delivered")) => EventKind::OrderFulfilled,
        _ => EventKind::OrderUpdated,
    }
}

fn payment_event(before: Option<&Record>, after: &Record) -> EventKind {
    match newly(before, after, "status") {
        Some("authorised") => EventKind::PaymentAuthorised,
        Some("captured" | "partially_captured") => EventKind::PaymentCaptured,
        Some("refunded" | "partially_refunded") => EventKind::PaymentRefunded,
        Some("failed" | "expired") => EventKind::PaymentFailed,
        Some("cancelled") => EventKind::PaymentCancelled,
        Some("disputed") => EventKind::PaymentDisputed,
        // A second partial refund leaves the status as it was.
        _ if before.is_some() && money_changed(before, after, "refunded") => EventKind::PaymentRefunded,
        _ if before.is_none() => EventKind::PaymentCreated,
        _ => EventKind::PaymentUpdated,
    }
}

fn word<'r>(record: &'r Record, field: &str) -> Option<&'r str> {
    record.get(field)?.as_text()
}

/// The status now, if it was not the same before.
fn newly<'r>(before: Option<&Record>, after: &'r Record, field: &str) -> Option<&'r str> {
    let now = word(after, field)?;
    (before.and_then(|record| word(record, field)) != Some(now)).then_some(now)
}

fn money_changed(before: Option<&Record>, after: &Record, field: &str) -> bool {
    let Ok(path) = FieldPath::parse(after.entity(), field) else { return false };
    before.and_then(|record| path.get(record)) != path.get(after)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn payment(status: &str, refunded_minor: i64) -> Record {
        let text = format!(
            r#"{{"reference":"pi_1","amount":{{"amount_minor":2935,"currency":"EUR"}},"refunded":{{"amount_minor":{refunded_minor},"currency":"EUR"}},"currency":"EUR","status":"{status}"}}"#
        );
        Record::from_canonical_json(Entity::Payment, &text).unwrap()
    }

    fn order(fields: &str) -> Record {
        let text = format!(
            r##"{{"number":"#1","placed_at":"2026-11-20T10:00:00Z","currency":"EUR","total":{{"amount_minor":1,"currency":"EUR"}}{fields}}}"##
        );
        Record::from_canonical_json(Entity::Order, &text).unwrap()
    }

    #[track_caller]
    fn check(before: Option<&Record>, after: &Record, expected: EventKind) {
        assert_eq!(event_for(before, after), expected);
        assert_eq!(EventKind::parse(expected.as_str()), Some(expected));
    }

    #[test]
    fn payments_are_named_by_their_state() {
        check(None, &payment("created", 0), EventKind::PaymentCreated);
        check(None, &payment("captured", 0), EventKind::PaymentCaptured);
        check(Some(&payment("authorised", 0)), &payment("captured", 0), EventKind::PaymentCaptured);
        check(Some(&payment("captured", 0)), &payment("partially_refunded", 5), EventKind::PaymentRefunded);
        check(Some(&payment("partially_refunded", 5)), &payment("partially_refunded", 9), EventKind::PaymentRefunded);
        check(Some(&payment("created", 0)), &payment("failed", 0), EventKind::PaymentFailed);
    }

    #[test]
    fn orders_are_named_by_the_gravest_change() {
        let placed = order("");
        let paid = order(r#","payment_status":"paid""#);
        check(None, &paid, EventKind::OrderPlaced);
        check(Some(&placed), &paid, EventKind::OrderPaid);
        check(Some(&paid), &order(r#","payment_status":"paid","note":"x""#), EventKind::OrderUpdated);
        check(Some(&placed), &order(r#","status":"cancelled","payment_status":"refunded""#), EventKind::OrderCancelled);
        check(
            Some(&paid),
            &order(r#","payment_status":"paid","fulfilment_status":"fulfilled""#),
            EventKind::OrderFulfilled,
        );
    }
}
