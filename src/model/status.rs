//! The closed status vocabularies: independent axes, never one flat status.
//!
//! Not here: vendors' words for them (`mappings/<connector>/values.yaml`), transitions.

/// One vocabulary as data, for schemas, crosswalk checks and forms.
#[derive(Debug)]
pub struct StatusSet {
    /// Name of the axis, e.g. `order lifecycle`.
    pub name: &'static str,
    pub values: &'static [&'static str],
}

impl StatusSet {
    /// The vocabulary's own copy of `text`; `None` if it is not one of its values.
    pub fn find(&self, text: &str) -> Option<&'static str> {
        self.values.iter().copied().find(|value| *value == text)
    }
}

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident, $label:literal { $($variant:ident = $text:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($variant,)+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];
            pub const SET: StatusSet = StatusSet { name: $label, values: &[$($text,)+] };

            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }

            pub fn parse(text: &str) -> Option<$name> {
                match text { $($text => Some($name::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+};
}

statuses! {
    /// Where an order stands as a promise between merchant and customer.
    OrderLifecycle, "order lifecycle" {
        Draft = "draft", Pending = "pending", Confirmed = "confirmed", OnHold = "on_hold",
        Completed = "completed", Cancelled = "cancelled", Failed = "failed",
    }
    /// Where an order's money stands.
    OrderFinancial, "order financial" {
        Unpaid = "unpaid", Pending = "pending", Authorised = "authorised", PartiallyPaid = "partially_paid",
        Paid = "paid", PartiallyRefunded = "partially_refunded", Refunded = "refunded", Voided = "voided",
        Disputed = "disputed",
    }
    /// Where an order's goods stand.
    OrderFulfilment, "order fulfilment" {
        Unfulfilled = "unfulfilled", InProgress = "in_progress", PartiallyFulfilled = "partially_fulfilled",
        Fulfilled = "fulfilled", Delivered = "delivered", Returned = "returned", NotRequired = "not_required",
        OnHold = "on_hold",
    }
    /// Where one payment stands with its processor.
    PaymentStatus, "payment" {
        Created = "created", RequiresAction = "requires_action", Pending = "pending", Authorised = "authorised",
        PartiallyCaptured = "partially_captured", Captured = "captured", PartiallyRefunded = "partially_refunded",
        Refunded = "refunded", Failed = "failed", Cancelled = "cancelled", Expired = "expired",
        Disputed = "disputed", DisputeWon = "dispute_won", DisputeLost = "dispute_lost",
    }
    RefundStatus, "refund" {
        Pending = "pending", Succeeded = "succeeded", Failed = "failed", Cancelled = "cancelled",
    }
    PayoutStatus, "payout" {
        Scheduled = "scheduled", InTransit = "in_transit", Paid = "paid", Failed = "failed",
        Cancelled = "cancelled", Returned = "returned",
    }
    /// Whether a bank line counts for the balance.
    BookingStatus, "booking" {
        Booked = "booked", Pending = "pending", Information = "information",
    }
    DisputeStatus, "dispute" {
        Inquiry = "inquiry", NeedsResponse = "needs_response", UnderReview = "under_review", Won = "won",
        Lost = "lost", Accepted = "accepted", Closed = "closed",
    }
    /// Where one parcel stands.
    ShipmentStatus, "shipment" {
        LabelCreated = "label_created", InTransit = "in_transit", OutForDelivery = "out_for_delivery",
        Delivered = "delivered", Exception = "exception", Returned = "returned", Cancelled = "cancelled",
    }
    InvoiceKind, "invoice kind" {
        Invoice = "invoice", CreditNote = "credit_note",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_reads_back_and_nothing_else_does() {
        for status in PaymentStatus::ALL {
            assert_eq!(PaymentStatus::parse(status.as_str()), Some(*status));
            assert_eq!(PaymentStatus::SET.find(status.as_str()), Some(status.as_str()));
        }
        assert_eq!(PaymentStatus::SET.values.len(), PaymentStatus::ALL.len());
        assert_eq!(OrderFinancial::parse("PAID"), None);
        assert_eq!(OrderFinancial::SET.find(""), None);
    }
}
