//! Business events in CloudEvents form (cloudevents.io, JSON format 1.0); pure. Not here: reading them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::time::Time;
use crate::store::EventRow;

/// `id` is unique per hub and grows: a subscriber goes on after the last one it has seen. Delivering it twice is
/// harmless to whoever remembers that number.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CloudEvent {
    pub specversion: String,
    pub id: String,
    /// `/connections/shop/streams/orders`
    pub source: String,
    /// `com.syncline.OrderPaid`
    #[serde(rename = "type")]
    pub kind: String,
    /// The record's key at its source.
    pub subject: String,
    /// When it happened by the vendor's clock, or when the hub learned of it.
    pub time: Time,
    pub datacontenttype: String,
    pub entity: String,
    pub revision: i64,
    pub recordedtime: Time,
    pub data: Value,
}

pub(super) fn cloud_event(row: EventRow) -> CloudEvent {
    CloudEvent {
        specversion: "1.0".to_owned(),
        id: row.id.to_string(),
        source: format!("/connections/{}/streams/{}", row.record.connection, row.record.stream),
        kind: format!("com.syncline.{}", row.kind),
        subject: row.record.key,
        time: Time(row.occurred_at.unwrap_or(row.recorded_at)),
        datacontenttype: "application/json".to_owned(),
        entity: row.entity.as_str().to_owned(),
        revision: row.revision,
        recordedtime: Time(row.recorded_at),
        data: document(&row.doc),
    }
}

/// A stored document as JSON; one that is none stays text, so that it can be looked at.
pub(super) fn document(doc: &str) -> Value {
    serde_json::from_str(doc).unwrap_or_else(|_| Value::String(doc.to_owned()))
}
