//! The one shape in which business events leave the hub: CloudEvents 1.0, by the API and by event sinks alike; pure.
//!
//! Not here: reading events, sending them, the names of what happened (see `EventKind`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Entity;

/// An event of the log, as far as its envelope tells it.
#[derive(Clone, Copy, Debug)]
pub struct Happened<'a> {
    pub id: i64,
    pub connection: &'a str,
    pub stream: &'a str,
    pub key: &'a str,
    pub entity: Entity,
    pub revision: i64,
    /// `OrderPaid`
    pub kind: &'a str,
    /// The vendor's clock, in microseconds, where it told a time.
    pub occurred_at: Option<i64>,
    /// Ours.
    pub recorded_at: i64,
}

/// Required and optional attributes by the specification, then ours: extensions have lower-case alphanumeric names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent {
    pub specversion: String,
    /// The event's number and when it was recorded: the same on every delivery, and never used again, not even by a hub that
    /// was restored from a backup and counts from there.
    pub id: String,
    /// `/connections/shop/streams/orders`: together with `id` unique.
    pub source: String,
    /// `com.syncline.OrderPaid`
    #[serde(rename = "type")]
    pub kind: String,
    /// The record's key at its source.
    pub subject: String,
    /// When it happened by the vendor's clock, or when the hub learned of it.
    pub time: String,
    pub datacontenttype: String,
    /// `order`
    pub entity: String,
    /// Of the record, counted by the hub: 1 when it was seen first.
    pub revision: i64,
    /// When the hub learned of it.
    pub recordedtime: String,
    /// The record in canonical form; absent in what sinks put around their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

const TYPE_PREFIX: &str = "com.syncline.";

impl CloudEvent {
    pub fn new(event: Happened<'_>, data: Option<Value>) -> CloudEvent {
        CloudEvent {
            specversion: "1.0".to_owned(),
            id: format!("{}-{:x}", event.id, event.recorded_at),
            source: format!("/connections/{}/streams/{}", event.connection, event.stream),
            kind: format!("{TYPE_PREFIX}{}", event.kind),
            subject: event.key.to_owned(),
            time: rfc3339(event.occurred_at.unwrap_or(event.recorded_at)),
            datacontenttype: "application/json".to_owned(),
            entity: event.entity.as_str().to_owned(),
            revision: event.revision,
            recordedtime: rfc3339(event.recorded_at),
            data,
        }
    }
}

/// Times of the log are within what a timestamp can say; a damaged one is told as the nearest that is.
fn rfc3339(at_us: i64) -> String {
    let nearest = if at_us < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(at_us).unwrap_or(nearest).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn paid() -> CloudEvent {
        let event = Happened {
            id: 42,
            connection: "shop",
            stream: "orders",
            key: "450001001",
            entity: Entity::Order,
            revision: 2,
            kind: "OrderPaid",
            occurred_at: Some(1_763_632_800_000_000),
            recorded_at: 1_763_632_801_250_000,
        };
        CloudEvent::new(event, Some(serde_json::json!({"number": "#1001"})))
    }

    #[test]
    fn the_shape_is_as_documented() {
        let told = serde_json::to_string_pretty(&paid()).unwrap();
        let docs = include_str!("../../docs/events.md");
        assert!(docs.contains(&told), "docs/events.md shows another event than\n{told}");
    }

    #[test]
    fn attributes_follow_the_specification() {
        let told = serde_json::to_value(paid()).unwrap();
        for (name, value) in told.as_object().unwrap() {
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{name}");
            assert!(name.len() <= 20, "{name}: extensions should be short");
            assert!(
                name == "data" || value.is_number() || value.as_str().is_some_and(|text| !text.is_empty()),
                "{name}"
            );
        }
        for required in ["specversion", "id", "source", "type"] {
            assert!(told[required].is_string(), "{required}");
        }
        assert_eq!(told["time"], "2025-11-20T10:00:00Z");
    }

    #[test]
    fn an_id_is_never_used_again() {
        let event = Happened {
            id: 42,
            connection: "shop",
            stream: "orders",
            key: "1",
            entity: Entity::Order,
            revision: 1,
            kind: "OrderPlaced",
            occurred_at: None,
            recorded_at: 1_763_632_801_250_000,
        };
        let id = |event| CloudEvent::new(event, None).id;
        assert_eq!(id(event), id(event), "on every delivery the same");
        assert_ne!(id(event), id(Happened { recorded_at: event.recorded_at + 1, ..event }), "after a restore another");
    }
}
