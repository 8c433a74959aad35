//! Moments as databases hold them: with a zone, without one, as text; all of them RFC 3339 in records.
//!
//! Not here: the binary forms of the wire (`postgres`, `mysql`).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The zone of timestamps without one, where the manifest states it.
#[derive(Debug, Clone)]
pub(super) struct Naive(Option<TimeZone>);

impl Naive {
    /// `Err` for a name that no zone has.
    pub fn new(name: Option<&str>) -> Result<Naive, String> {
        let zone = name.map(TimeZone::get).transpose().map_err(|error| error.to_string())?;
        Ok(Naive(zone))
    }

    /// A local time that happens twice is the earlier one, one that is skipped lies after the gap.
    pub fn moment(&self, local: DateTime) -> Result<String, String> {
        let zone = self.0.as_ref().ok_or("is a timestamp without time zone; state its zone with `sql.naive`")?;
        let zoned = zone.to_zoned(local).map_err(|error| error.to_string())?;
        Ok(zoned.timestamp().to_string())
    }

    pub fn local(&self, moment: Timestamp) -> Result<DateTime, String> {
        let zone =
            self.0.as_ref().ok_or("is compared with a timestamp without time zone; state its zone with `sql.naive`")?;
        Ok(zone.to_datetime(moment))
    }

    /// As MySQL reads it. Without a stated zone only columns of type TIMESTAMP are read, and those are in UTC here.
    pub fn text(&self, moment: Timestamp) -> String {
        let zone = self.0.clone().unwrap_or(TimeZone::UTC);
        zone.to_datetime(moment).strftime("%Y-%m-%d %H:%M:%S.%6f").to_string()
    }
}

/// As `strftime('%Y-%m-%dT%H:%M:%fZ', ...)` writes it in SQLite, so that texts compare as moments do.
pub(super) fn sqlite_text(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn local_times_are_of_the_stated_zone_or_refused() {
        let local: DateTime = "2026-07-01T12:00:00.000001".parse().unwrap();
        assert!(Naive::new(None).unwrap().moment(local).unwrap_err().contains("sql.naive"));
        let berlin = Naive::new(Some("Europe/Berlin")).unwrap();
        assert_eq!(berlin.moment(local).unwrap(), "2026-07-01T10:00:00.000001Z");
        let moment: Timestamp = "2026-07-01T10:00:00.000001Z".parse().unwrap();
        assert_eq!(berlin.local(moment).unwrap(), local);
        assert_eq!(berlin.text(moment), "2026-07-01 12:00:00.000001");
        assert!(Naive::new(Some("Mars/Base")).is_err());
    }

    #[test]
    fn texts_compare_as_moments_do() {
        let text = |moment: &str| sqlite_text(moment.parse().unwrap());
        assert_eq!(text("2026-07-01T10:00:00Z"), "2026-07-01T10:00:00.000Z");
        assert!(text("2026-07-01T10:00:00Z") < text("2026-07-01T10:00:00.5Z"));
    }
}
