//! Declared forms of times and dates: Unix counts, and patterns read in a named time zone.
//!
//! Not here: RFC 3339, which needs no declaration (see `model::Timestamp`).

use jiff::fmt::strtime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::model::{Date, Timestamp, ValueError};

crate::choice! {
    /// Which of two instants a local time means that occurs twice when clocks are put back.
    pub enum Ambiguous ("choice for times that occur twice") { Earlier = "earlier", Later = "later" }
}

/// How a payload writes an instant.
#[derive(Debug, Clone)]
pub enum TimeFormat {
    UnixSeconds,
    UnixMilliseconds,
    UnixMicroseconds,
    /// A strftime pattern. Without an offset in the pattern, the zone says whose local time it is.
    Pattern {
        pattern: String,
        zone: Option<TimeZone>,
        ambiguous: Option<Ambiguous>,
    },
}

impl TimeFormat {
    /// `unix_s`, `unix_ms`, `unix_us`, or a pattern such as `%d.%m.%Y %H:%M`. The error says what is wrong with it.
    pub fn parse(text: &str, zone: Option<&str>, ambiguous: Option<Ambiguous>) -> Result<TimeFormat, String> {
        match text {
            "unix_s" => return Ok(TimeFormat::UnixSeconds),
            "unix_ms" => return Ok(TimeFormat::UnixMilliseconds),
            "unix_us" => return Ok(TimeFormat::UnixMicroseconds),
            pattern if pattern.contains('%') => {}
            other => return Err(format!("`{other}` is neither unix_s, unix_ms, unix_us nor a pattern with `%`")),
        }
        // Formatting a fixed instant finds every directive that does not exist, before any payload does.
        strtime::format(text, &jiff::Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC))
            .map_err(|error| format!("the pattern is not understood: {error}"))?;
        let zone = match zone {
            Some(name) => Some(TimeZone::get(name).map_err(|_| format!("there is no time zone `{name}`"))?),
            None => None,
        };
        Ok(TimeFormat::Pattern { pattern: text.to_owned(), zone, ambiguous })
    }

    pub fn has_zone(&self) -> bool {
        match self {
            TimeFormat::UnixSeconds | TimeFormat::UnixMilliseconds | TimeFormat::UnixMicroseconds => true,
            TimeFormat::Pattern { pattern, zone, .. } => {
                zone.is_some() || pattern.contains("%z") || pattern.contains("%:z")
            }
        }
    }

    pub fn read_timestamp(&self, text: &str) -> Result<Timestamp, ValueError> {
        let whole =
            || text.parse::<i64>().map_err(|_| ValueError::new("a Unix time", text, "it is not a whole number"));
        match self {
            TimeFormat::UnixSeconds => Timestamp::from_unix_seconds(whole()?),
            TimeFormat::UnixMilliseconds => Timestamp::from_unix_milliseconds(whole()?),
            TimeFormat::UnixMicroseconds => Timestamp::from_unix_microseconds(whole()?),
            TimeFormat::Pattern { pattern, zone, ambiguous } => {
                let refuse = |reason: String| ValueError::new(format!("a time of the form {pattern}"), text, reason);
                let parsed = strtime::parse(pattern, text).map_err(|error| refuse(error.to_string()))?;
                if parsed.offset().is_some() {
                    return parsed.to_timestamp().map(Timestamp::from).map_err(|error| refuse(error.to_string()));
                }
                let zone = zone.as_ref().ok_or_else(|| refuse("the mapping names no time zone".to_owned()))?;
                let local = parsed
                    .to_datetime()
                    .or_else(|_| parsed.to_date().map(|date| date.to_datetime(jiff::civil::Time::midnight())))
                    .map_err(|error| refuse(error.to_string()))?;
                let instant = zone.to_ambiguous_timestamp(local);
                let resolved = match (instant.offset(), ambiguous) {
                    (AmbiguousOffset::Gap { .. }, _) => {
                        return Err(refuse(
                            "no clock showed this time: it lies in the hour that summer time skips".to_owned(),
                        ));
                    }
                    (AmbiguousOffset::Fold { .. }, None) => {
                        let reason = "clocks showed this time twice; say `ambiguous: earlier` or `later`";
                        return Err(refuse(reason.to_owned()));
                    }
                    (AmbiguousOffset::Fold { .. }, Some(Ambiguous::Later)) => instant.later(),
                    (AmbiguousOffset::Fold { .. } | AmbiguousOffset::Unambiguous { .. }, _) => instant.earlier(),
                };
                resolved.map(Timestamp::from).map_err(|error| refuse(error.to_string()))
            }
        }
    }

    pub fn read_date(&self, text: &str) -> Result<Date, ValueError> {
        match self {
            TimeFormat::Pattern { pattern, .. } => strtime::parse(pattern, text)
                .and_then(|parsed| parsed.to_date())
                .map(Date::from)
                .map_err(|error| ValueError::new(format!("a date of the form {pattern}"), text, error.to_string())),
            TimeFormat::UnixSeconds | TimeFormat::UnixMilliseconds | TimeFormat::UnixMicroseconds => self
                .read_timestamp(text)
                .map(|timestamp| Date::from(timestamp.instant().to_zoned(TimeZone::UTC).date())),
        }
    }

    /// A count for the Unix forms, text for patterns; whole units only, nothing is rounded away unseen but the fraction
    /// of a second that the form has no place for.
    pub fn write_timestamp(&self, timestamp: Timestamp) -> Result<Written, String> {
        Ok(match self {
            TimeFormat::UnixSeconds => Written::Count(timestamp.unix_seconds()),
            TimeFormat::UnixMilliseconds => Written::Count(timestamp.unix_milliseconds()),
            TimeFormat::UnixMicroseconds => Written::Count(timestamp.unix_microseconds()),
            TimeFormat::Pattern { pattern, zone, .. } => {
                let zone = zone.clone().unwrap_or(TimeZone::UTC);
                let zoned = timestamp.instant().to_zoned(zone);
                Written::Text(strtime::format(pattern, &zoned).map_err(|error| error.to_string())?)
            }
        })
    }

    pub fn write_date(&self, date: Date) -> Result<Written, String> {
        match self {
            TimeFormat::Pattern { pattern, .. } => {
                strtime::format(pattern, date.civil()).map(Written::Text).map_err(|error| error.to_string())
            }
            TimeFormat::UnixSeconds | TimeFormat::UnixMilliseconds | TimeFormat::UnixMicroseconds => {
                Err("a date has no Unix time".to_owned())
            }
        }
    }
}

/// A written time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    Count(i64),
    Text(String),
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: &str, zone: Option<&str>, text: &str, expected: Result<&str, &str>) {
        let found = TimeFormat::parse(format, zone, None).unwrap().read_timestamp(text);
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.to_string(), expected, "{text}"),
            (Err(found), Err(expected)) => assert!(found.to_string().contains(expected), "{text}: {found}"),
            (found, expected) => panic!("{text}: {found:?} against {expected:?}"),
        }
    }

    #[test]
    fn local_times_are_read_in_their_zone() {
        let berlin = Some("Europe/Berlin");
        check("%d.%m.%Y %H:%M", berlin, "20.11.2026 06:15", Ok("2026-11-20T05:15:00Z"));
        check("%Y%m%d%H%M%S", berlin, "20260720061500", Ok("2026-07-20T04:15:00Z"));
        check("%Y%m%d", berlin, "20260720", Ok("2026-07-19T22:00:00Z"));
        check("%d.%m.%Y %H:%M", berlin, "29.03.2026 02:30", Err("no clock showed this time"));
        check("%d.%m.%Y %H:%M", berlin, "25.10.2026 02:30", Err("clocks showed this time twice"));
        check("%d.%m.%Y", berlin, "30.02.2026", Err("30.02.2026"));
        check("%d.%m.%Y", berlin, "00.00.0000", Err("00.00.0000"));
        check("%Y-%m-%d %H:%M:%S %z", None, "2026-11-20 06:15:00 +0100", Ok("2026-11-20T05:15:00Z"));
        check("unix_s", None, "1763800000", Ok("2025-11-22T08:26:40Z"));
        check("unix_ms", None, "1763800000", Err("seconds?"));
        check("unix_s", None, "1763800000.5", Err("whole number"));
    }

    #[test]
    fn a_fold_is_resolved_as_declared() {
        let read = |ambiguous| {
            let format = TimeFormat::parse("%d.%m.%Y %H:%M", Some("Europe/Berlin"), Some(ambiguous)).unwrap();
            format.read_timestamp("25.10.2026 02:30").unwrap().to_string()
        };
        assert_eq!(read(Ambiguous::Earlier), "2026-10-25T00:30:00Z");
        assert_eq!(read(Ambiguous::Later), "2026-10-25T01:30:00Z");
    }

    #[test]
    fn formats_are_checked_before_they_are_used() {
        assert!(TimeFormat::parse("iso", None, None).is_err());
        assert!(TimeFormat::parse("%d.%m.%Y", Some("Europe/Atlantis"), None).is_err());
        assert!(TimeFormat::parse("%J%!", None, None).is_err());
    }
}
