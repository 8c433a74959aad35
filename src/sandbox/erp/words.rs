//! The closed vocabularies of the ERP's API.
//!
//! Not here: what other systems call the same things.

pub const ORDER_STATUSES: &[&str] = &["pending", "confirmed", "on_hold", "completed", "cancelled"];

pub const PAYMENT_STATUSES_OF_ORDERS: &[&str] = &[
    "unpaid",
    "pending",
    "authorised",
    "partially_paid",
    "paid",
    "partially_refunded",
    "refunded",
    "voided",
    "disputed",
];

pub const PAYMENT_STATUSES: &[&str] = &[
    "created",
    "requires_action",
    "pending",
    "authorised",
    "captured",
    "partially_refunded",
    "refunded",
    "failed",
    "cancelled",
];
