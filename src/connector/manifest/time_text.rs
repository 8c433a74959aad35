//! How a vendor writes instants, where it is not RFC 3339: read for comparing, and written back into the question.
//!
//! Not here: RFC 3339 (`model::Timestamp`), times inside records (mappings), which parts of a manifest say it (`read`, `stream`).

use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::config::yaml::{Choice, MapReader, suggest};
use crate::model::Timestamp as VendorTime;

/// `format`, and `zone` where the text does not say itself whose clock it was read from.
#[derive(Debug, Clone)]
pub struct TimeText {
    form: Form,
    zone: TimeZone,
}

#[derive(Debug, Clone)]
enum Form {
    Named(Named),
    /// A strftime pattern; `offset` tells whether the text has one of its own.
    Pattern {
        pattern: String,
        offset: bool,
    },
}

crate::choice! {
    enum Named ("time format") {
        Rfc3339 = "rfc3339",
        UnixSeconds = "unix_s",
        UnixMilliseconds = "unix_ms",
        /// `/Date(1763800000000)/`, also with an offset, which is for display only.
        JsonDate = "json_date",
    }
}

/// When a text may have been written. Local clocks show some times twice and some never; then the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub earliest: Timestamp,
    pub latest: Timestamp,
}

impl Moment {
    fn at(instant: Timestamp) -> Self {
        Self { earliest: instant, latest: instant }
    }

    /// `None` where the text leaves open which of two instants it means.
    pub fn certain(self) -> Option<Timestamp> {
        (self.earliest == self.latest).then_some(self.earliest)
    }
}

impl TimeText {
    /// The error is a message and its help.
    pub fn new(format: &str, zone: Option<&str>) -> Result<Self, (String, String)> {
        let form = form(format)?;
        let zoned = match &form {
            Form::Named(_) => false,
            Form::Pattern { pattern, offset } => !offset && !pattern.ends_with('Z'),
        };
        let zone = match (zone, zoned) {
            (Some(name), _) => TimeZone::get(name).map_err(|_| {
                (
                    format!("there is no time zone `{}`", name.escape_debug()),
                    "write `UTC` or `Europe/Berlin`".to_owned(),
                )
            })?,
            (None, true) => {
                let help = "add `zone: UTC`, or the zone of the vendor's clock, such as `zone: Europe/Berlin`";
                return Err(("nobody knows whose local time this is".to_owned(), help.to_owned()));
            }
            (None, false) => TimeZone::UTC,
        };
        Ok(Self { form, zone })
    }

    /// `format` and `zone` of a map; `zone` alone is an error. The other `keys` are formats that share the zone.
    pub(super) fn read(map: &MapReader<'_>) -> Option<Self> {
        Self::read_as(map, "format")
    }

    /// As `read`, with the format under another key.
    pub(super) fn read_as(map: &MapReader<'_>, key: &'static str) -> Option<Self> {
        let (format, zone) = (map.optional::<String>(key), map.optional::<String>("zone"));
        let made = format.map(|format| Self::new(&format, zone.as_deref()));
        match made? {
            Ok(text) => Some(text),
            Err((message, help)) => {
                map.error(key, message, help);
                None
            }
        }
    }

    pub fn read_text(&self, text: &str) -> Result<Moment, String> {
        let shown = |reason: &str| format!("`{}` {reason}", text.chars().take(60).collect::<String>().escape_debug());
        let count = |digits: &str| digits.parse::<i64>().map_err(|_| shown("is not a count since 1970"));
        match &self.form {
            Form::Named(Named::Rfc3339) => instant(VendorTime::parse(text)),
            Form::Named(Named::UnixSeconds) => instant(VendorTime::from_unix_seconds(count(text)?)),
            Form::Named(Named::UnixMilliseconds) => instant(VendorTime::from_unix_milliseconds(count(text)?)),
            Form::Named(Named::JsonDate) => {
                let inner = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/"));
                let inner = inner.ok_or_else(|| shown("is not of the form /Date(1763800000000)/"))?;
                let end = inner.char_indices().skip(1).find(|(_, c)| matches!(c, '+' | '-')).map(|(at, _)| at);
                instant(VendorTime::from_unix_milliseconds(count(&inner[..end.unwrap_or(inner.len())])?))
            }
            Form::Pattern { pattern, offset } => {
                let failed = |error: jiff::Error| shown(&format!("is not of the form {pattern}: {error}"));
                let parsed = strtime::parse(pattern, text).map_err(failed)?;
                if *offset {
                    return parsed.to_timestamp().map(Moment::at).map_err(failed);
                }
                self.local(&parsed).map_err(failed)
            }
        }
    }

    fn local(&self, parsed: &BrokenDownTime) -> Result<Moment, jiff::Error> {
        let local = parsed.to_datetime().or_else(|_| parsed.to_date().map(|date| date.at(0, 0, 0, 0)))?;
        let ambiguous = self.zone.to_ambiguous_timestamp(local);
        Ok(Moment { earliest: ambiguous.earlier()?, latest: ambiguous.later()? })
    }

    /// The vendor's text for an instant, never a later one: what the form has no place for is cut off, and within the hour
    /// that local clocks show twice it is that hour's beginning, since the vendor compares texts and cannot tell the two apart.
    /// A later instant never has an earlier text.
    pub fn write(&self, at: Timestamp) -> Result<Value, String> {
        match &self.form {
            Form::Named(Named::Rfc3339) => Ok(Value::String(at.to_string())),
            Form::Named(Named::UnixSeconds) => Ok(Value::from(at.as_second())),
            Form::Named(Named::UnixMilliseconds) => Ok(Value::from(at.as_millisecond())),
            Form::Named(Named::JsonDate) => Ok(Value::String(format!("/Date({})/", at.as_millisecond()))),
            Form::Pattern { pattern, offset } => {
                let at = if *offset { at } else { self.begin_of_fold(at).map_err(|error| error.to_string())? };
                let zoned = at.to_zoned(self.zone.clone());
                strtime::format(pattern, &zoned).map(Value::String).map_err(|error| error.to_string())
            }
        }
    }

    fn begin_of_fold(&self, at: Timestamp) -> Result<Timestamp, jiff::Error> {
        let ambiguous = self.zone.to_ambiguous_timestamp(self.zone.to_datetime(at));
        match ambiguous.offset() {
            AmbiguousOffset::Fold { before, after } => {
                let width = SignedDuration::from_secs(i64::from(before.seconds()) - i64::from(after.seconds()));
                let first = ambiguous.earlier()?;
                let turned = self.zone.following(first).next().map(|transition| transition.timestamp());
                turned.unwrap_or(first).checked_sub(width)
            }
            AmbiguousOffset::Gap { .. } | AmbiguousOffset::Unambiguous { .. } => Ok(at),
        }
    }
}

fn form(format: &str) -> Result<Form, (String, String)> {
    if let Some((_, named)) = Named::ALL.iter().find(|(word, _)| *word == format) {
        return Ok(Form::Named(*named));
    }
    if !format.contains('%') {
        let words: Vec<&str> = Named::ALL.iter().map(|(word, _)| *word).collect();
        let help = format!("{}; or a pattern such as `%Y-%m-%d %H:%M:%S`", suggest(format, &words));
        return Err((format!("`{}` is not a known {}", format.escape_debug(), Named::WHAT), help));
    }
    let offset = ["%z", "%:z", "%::z"].iter().any(|directive| format.contains(directive));
    let sample = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    // Written and read once, so that a directive that does not exist is found before any record is.
    let tried = strtime::format(format, &sample)
        .and_then(|text| strtime::parse(format, &text))
        .and_then(|parsed| if offset { parsed.to_timestamp().map(drop) } else { parsed.to_date().map(drop) });
    tried.map_err(|error| {
        let help = "write a pattern such as `%Y-%m-%d %H:%M:%S`, with `%z` where the text has an offset";
        (format!("the pattern tells no time: {error}"), help.to_owned())
    })?;
    Ok(Form::Pattern { pattern: format.to_owned(), offset })
}

fn instant(read: Result<VendorTime, crate::model::ValueError>) -> Result<Moment, String> {
    read.map(|time| Moment::at(time.instant())).map_err(|error| error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn made(format: &str, zone: &str) -> TimeText {
        TimeText::new(format, Some(zone).filter(|zone| !zone.is_empty())).unwrap()
    }

    #[track_caller]
    fn both_ways(format: &str, zone: &str, text: &str, instant: &str) {
        let form = made(format, zone);
        assert_eq!(form.read_text(text).unwrap().certain().unwrap().to_string(), instant, "{text}");
        let written = form.write(instant.parse().unwrap()).unwrap();
        assert_eq!(written.as_str().map_or_else(|| written.to_string(), str::to_owned), text);
    }

    #[test]
    fn the_vendors_text_is_read_and_written_back() {
        both_ways("%Y-%m-%d %H:%M:%S", "UTC", "2026-11-20 14:03:22", "2026-11-20T14:03:22Z");
        both_ways("%Y-%m-%d %H:%M:%S", "Europe/Berlin", "2026-11-20 14:03:22", "2026-11-20T13:03:22Z");
        both_ways("%Y-%m-%d %H:%M:%S", "Europe/Berlin", "2026-07-20 14:03:22", "2026-07-20T12:03:22Z");
        both_ways("%Y-%m-%dT%H:%M:%S%.3f%z", "", "2026-11-20T14:03:22.500+0000", "2026-11-20T14:03:22.5Z");
        both_ways("%a, %d %b %Y %H:%M:%S %z", "", "Fri, 20 Nov 2026 14:03:22 +0000", "2026-11-20T14:03:22Z");
        both_ways("%Y-%m-%dT%H:%M:%SZ", "", "2026-11-20T14:03:22Z", "2026-11-20T14:03:22Z");
        both_ways("%Y%m%d", "UTC", "20261120", "2026-11-20T00:00:00Z");
        both_ways("unix_s", "", "1795183402", "2026-11-20T14:03:22Z");
        both_ways("unix_ms", "", "1795183402500", "2026-11-20T14:03:22.5Z");
        both_ways("json_date", "", "/Date(1795183402500)/", "2026-11-20T14:03:22.5Z");
        both_ways("rfc3339", "", "2026-11-20T14:03:22Z", "2026-11-20T14:03:22Z");
        let shifted = made("%Y-%m-%dT%H:%M:%S%z", "").read_text("2026-11-20T15:03:22+0100").unwrap();
        assert_eq!(shifted.earliest.to_string(), "2026-11-20T14:03:22Z");
        let shown = made("json_date", "").read_text("/Date(1795183402500+0100)/").unwrap();
        assert_eq!(shown.earliest.to_string(), "2026-11-20T14:03:22.5Z");
    }

    #[test]
    fn what_is_written_is_never_later() {
        let at: Timestamp = "2026-11-20T14:03:22.987Z".parse().unwrap();
        assert_eq!(made("%Y-%m-%d %H:%M", "UTC").write(at).unwrap(), "2026-11-20 14:03");
        assert_eq!(made("unix_s", "").write(at).unwrap(), 1_795_183_402);
    }

    #[test]
    fn an_hour_that_is_shown_twice_or_never_is_not_skipped() {
        let berlin = made("%Y-%m-%d %H:%M:%S", "Europe/Berlin");
        let twice = berlin.read_text("2026-10-25 02:30:00").unwrap();
        assert_eq!((twice.earliest.to_string().as_str(), twice.certain()), ("2026-10-25T00:30:00Z", None));
        assert_eq!(twice.latest.to_string(), "2026-10-25T01:30:00Z");
        let never = berlin.read_text("2026-03-29 02:30:00").unwrap();
        assert_eq!((never.earliest.to_string().as_str(), never.certain()), ("2026-03-29T00:30:00Z", None));
        // The vendor compares texts: whichever of the two it was, everything from 02:00 on is asked for again.
        for second in ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"] {
            assert_eq!(berlin.write(second.parse().unwrap()).unwrap(), "2026-10-25 02:00:00");
        }
        let before = "2026-10-24T23:59:59Z".parse().unwrap();
        assert_eq!(berlin.write(before).unwrap(), "2026-10-25 01:59:59");
        let after = "2026-10-25T02:00:00Z".parse().unwrap();
        assert_eq!(berlin.write(after).unwrap(), "2026-10-25 03:00:00");
        let skipped = "2026-03-29T01:00:00Z".parse().unwrap();
        assert_eq!(berlin.write(skipped).unwrap(), "2026-03-29 03:00:00");
    }

    #[test]
    fn refusals_name_what_is_wrong() {
        for (format, zone, words) in [
            ("unix", None, "did you mean `unix_s`"),
            ("%Y-%m-%d %H:%M:%S", None, "zone: UTC"),
            ("%Y-%m-%d %H:%M:%S", Some("Europe/Atlantis"), "Europe/Berlin"),
            ("%H:%M", Some("UTC"), "%Y-%m-%d"),
            ("%J%!", Some("UTC"), "%Y-%m-%d"),
        ] {
            let (message, help) = TimeText::new(format, zone).unwrap_err();
            assert!(help.contains(words), "{format}: {message}; {help}");
        }
        let utc = made("%Y-%m-%d %H:%M:%S", "UTC");
        for odd in ["", "0000-00-00 00:00:00", "2026-02-30 00:00:00", "yesterday", "2026-11-20 14:03:22 x"] {
            assert!(utc.read_text(odd).is_err(), "{odd}");
        }
        assert!(made("unix_ms", "").read_text("1795183402").unwrap_err().contains("seconds?"));
        for odd in ["/Date()/", "/Date(x)/", "1795183402500", "/Date(1795183402500"] {
            assert!(made("json_date", "").read_text(odd).is_err(), "{odd}");
        }
    }
}
