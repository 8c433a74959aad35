//! A moment as the API writes it: RFC 3339 in UTC, to the millisecond; not here: how people read it (`telemetry::moment`).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::telemetry::moment;

/// Microseconds since the epoch inside, text outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&moment::rfc3339(self.0))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        let parsed = moment::parse_rfc3339(&text).map(Time);
        parsed.ok_or_else(|| {
            serde::de::Error::custom(format_args!("{text:?} is not a time such as 2026-11-22T10:15:00Z"))
        })
    }
}
