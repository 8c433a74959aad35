//! Names for what happened in the business when a record changed.
//!
//! Not here: the event log, the CloudEvents envelope, who subscribes.

use std::fmt;

use super::{
    DisputeStatus, Entity, OrderFinancial, OrderFulfilment, OrderLifecycle, PaymentStatus, PayoutStatus, Record,
    RefundStatus, ShipmentStatus,
};

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
        Entity::Refund => match newly(before, after, "status", RefundStatus::parse) {
            Some(RefundStatus::Succeeded) => EventKind::RefundSucceeded,
            Some(RefundStatus::Failed | RefundStatus::Cancelled) => EventKind::RefundFailed,
            Some(RefundStatus::Pending) | None => birth_or(EventKind::RefundCreated, EventKind::RefundUpdated),
        },
        Entity::InventoryLevel => EventKind::InventoryUpdated,
        Entity::Product => birth_or(EventKind::ProductCreated, EventKind::ProductUpdated),
        Entity::Price => EventKind::PriceUpdated,
        Entity::Customer => birth_or(EventKind::CustomerCreated, EventKind::CustomerUpdated),
        Entity::Fulfilment if first => EventKind::FulfilmentCreated,
        Entity::Fulfilment => fulfilment_event(before, after),
        Entity::Dispute => match newly(before, after, "status", DisputeStatus::parse) {
            Some(DisputeStatus::Won) => EventKind::DisputeWon,
            Some(DisputeStatus::Lost | DisputeStatus::Accepted) => EventKind::DisputeLost,
            Some(
                DisputeStatus::Inquiry
                | DisputeStatus::NeedsResponse
                | DisputeStatus::UnderReview
                | DisputeStatus::Closed,
            )
            | None => birth_or(EventKind::DisputeOpened, EventKind::DisputeUpdated),
        },
        Entity::Payout => match newly(before, after, "status", PayoutStatus::parse) {
            Some(PayoutStatus::Paid) => EventKind::PayoutPaid,
            Some(PayoutStatus::Failed | PayoutStatus::Returned) => EventKind::PayoutFailed,
            Some(PayoutStatus::Scheduled | PayoutStatus::InTransit | PayoutStatus::Cancelled) | None => {
                birth_or(EventKind::PayoutCreated, EventKind::PayoutUpdated)
            }
        },
        Entity::BalanceTransaction => EventKind::BalanceTransactionBooked,
        Entity::Invoice if first => EventKind::InvoiceIssued,
        Entity::Invoice => match newly(before, after, "payment_status", OrderFinancial::parse) {
            Some(OrderFinancial::Paid) => EventKind::InvoicePaid,
            Some(
                OrderFinancial::Unpaid
                | OrderFinancial::Pending
                | OrderFinancial::Authorised
                | OrderFinancial::PartiallyPaid
                | OrderFinancial::PartiallyRefunded
                | OrderFinancial::Refunded
                | OrderFinancial::Voided
                | OrderFinancial::Disputed,
            )
            | None => EventKind::InvoiceUpdated,
        },
        Entity::BankLine => EventKind::BankLineBooked,
    }
}

/// Several axes of an order may change at once; the gravest is named.
fn order_event(before: Option<&Record>, after: &Record) -> EventKind {
    let cancelled = |record: &Record| {
        status(record, "status", OrderLifecycle::parse) == Some(OrderLifecycle::Cancelled)
            || record.get("cancelled_at").is_some()
    };
    if cancelled(after) && !before.is_some_and(cancelled) {
        return EventKind::OrderCancelled;
    }
    match newly(before, after, "payment_status", OrderFinancial::parse) {
        Some(OrderFinancial::Refunded | OrderFinancial::PartiallyRefunded) => return EventKind::OrderRefunded,
        Some(OrderFinancial::Paid) => return EventKind::OrderPaid,
        Some(
            OrderFinancial::Unpaid
            | OrderFinancial::Pending
            | OrderFinancial::Authorised
            | OrderFinancial::PartiallyPaid
            | OrderFinancial::Voided
            | OrderFinancial::Disputed,
        )
        | None => {}
    }
    match newly(before, after, "fulfilment_status", OrderFulfilment::parse) {
        Some(OrderFulfilment::Fulfilled | OrderFulfilment::Delivered) => EventKind::OrderFulfilled,
        Some(
            OrderFulfilment::Unfulfilled
            | OrderFulfilment::InProgress
            | OrderFulfilment::PartiallyFulfilled
            | OrderFulfilment::Returned
            | OrderFulfilment::NotRequired
            | OrderFulfilment::OnHold,
        )
        | None => EventKind::OrderUpdated,
    }
}

fn payment_event(before: Option<&Record>, after: &Record) -> EventKind {
    match newly(before, after, "status", PaymentStatus::parse) {
        Some(PaymentStatus::Authorised) => return EventKind::PaymentAuthorised,
        Some(PaymentStatus::Captured | PaymentStatus::PartiallyCaptured) => return EventKind::PaymentCaptured,
        Some(PaymentStatus::Refunded | PaymentStatus::PartiallyRefunded) => return EventKind::PaymentRefunded,
        Some(PaymentStatus::Failed | PaymentStatus::Expired) => return EventKind::PaymentFailed,
        Some(PaymentStatus::Cancelled) => return EventKind::PaymentCancelled,
        Some(PaymentStatus::Disputed) => return EventKind::PaymentDisputed,
        Some(
            PaymentStatus::Created
            | PaymentStatus::RequiresAction
            | PaymentStatus::Pending
            | PaymentStatus::DisputeWon
            | PaymentStatus::DisputeLost,
        )
        | None => {}
    }
    match before {
        None => EventKind::PaymentCreated,
        // A second partial refund leaves the status as it was.
        Some(before) if before.get("refunded") != after.get("refunded") => EventKind::PaymentRefunded,
        Some(_) => EventKind::PaymentUpdated,
    }
}

fn fulfilment_event(before: Option<&Record>, after: &Record) -> EventKind {
    match newly(before, after, "status", ShipmentStatus::parse) {
        Some(ShipmentStatus::Delivered) => EventKind::FulfilmentDelivered,
        Some(ShipmentStatus::Cancelled) => EventKind::FulfilmentCancelled,
        Some(
            ShipmentStatus::LabelCreated
            | ShipmentStatus::InTransit
            | ShipmentStatus::OutForDelivery
            | ShipmentStatus::Exception
            | ShipmentStatus::Returned,
        )
        | None => EventKind::FulfilmentUpdated,
    }
}

fn status<S>(record: &Record, field: &str, parse: fn(&str) -> Option<S>) -> Option<S> {
    record.get(field)?.as_text().and_then(parse)
}

/// The status now, if it was not the same before.
fn newly<S: PartialEq>(
    before: Option<&Record>,
    after: &Record,
    field: &str,
    parse: fn(&str) -> Option<S>,
) -> Option<S> {
    let now = status(after, field, parse)?;
    (before.and_then(|record| status(record, field, parse)).as_ref() != Some(&now)).then_some(now)
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
