//! The canonical model: what an order, a payment or a stock level *is*, in the hub's own words.
//!
//! Not here: I/O, vendor words, how a vendor's payload becomes a record (see `mapping`).

mod canonical_json;
pub mod clock;
mod cloud_event;
mod content_hash;
mod currency;
mod diff;
mod entity;
mod error_class;
mod event;
mod exact;
mod json_schema;
mod json_text;
mod masked;
mod money;
mod path;
mod quantity;
mod record;
mod schema;
mod status;
mod tables;
mod time;
mod value;

pub(crate) use canonical_json::object_scope;
pub use cloud_event::{CloudEvent, Happened};
pub use content_hash::ContentHash;
pub use currency::Currency;
pub use diff::FieldChange;
pub use entity::Entity;
pub use error_class::ErrorClass;
pub use event::{EventKind, event_for};
pub use exact::{Exact, ValueError};
pub use json_schema::json_schema;
pub use json_text::JsonFault;
pub(crate) use json_text::JsonText;
pub use masked::MASKED;
pub use money::{Money, MoneyError, UnitPrice};
pub use path::{FieldPath, PathError};
pub use quantity::Quantity;
pub(crate) use record::extra_from_raw as extra_value;
pub use record::{Extra, Record, RecordError, RecordFault};
pub(crate) use schema::find as find_field;
pub use schema::{Field, FieldType, Schema, schema};
pub use status::{
    BookingStatus, DisputeStatus, InvoiceKind, OrderFinancial, OrderFulfilment, OrderLifecycle, PaymentStatus,
    PayoutStatus, RefundStatus, ShipmentStatus, StatusSet,
};
pub use time::{Date, Timestamp, Version};
pub use value::{Object, Raw, Value};
