//! Instants, dates and versions as canonical records carry them.
//!
//! Not here: the clock (time is passed in), vendors' local formats and time zones (see `mapping`).

use std::fmt;

use jiff::civil;

use super::ValueError;

/// Milliseconds of 1973-03-03: an epoch count below this, said to be in milliseconds, was counted in seconds.
const SMALLEST_PLAUSIBLE_MS: i64 = 100_000_000_000;

/// An instant, written as RFC 3339 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// Reads RFC 3339 with an offset (`Z` or `+02:00`). A local time without an offset is refused: nobody knows when it was.
    pub fn parse(text: &str) -> Result<Timestamp, ValueError> {
        rfc3339(text).map(Timestamp).map_err(|reason| ValueError::new("an RFC 3339 time", text, reason))
    }

    pub fn from_unix_seconds(seconds: i64) -> Result<Timestamp, ValueError> {
        jiff::Timestamp::from_second(seconds).map(Timestamp).map_err(|_| {
            ValueError::new("a Unix time in seconds", &seconds.to_string(), "the year is beyond 9999; milliseconds?")
        })
    }

    /// Refuses counts before 1973, which are seconds mistaken for milliseconds.
    pub fn from_unix_milliseconds(milliseconds: i64) -> Result<Timestamp, ValueError> {
        let refuse = |reason: &str| ValueError::new("a Unix time in milliseconds", &milliseconds.to_string(), reason);
        if (0..SMALLEST_PLAUSIBLE_MS).contains(&milliseconds) {
            return Err(refuse("it lies before 1973; seconds?"));
        }
        jiff::Timestamp::from_millisecond(milliseconds).map(Timestamp).map_err(|_| refuse("the year is beyond 9999"))
    }

    pub fn from_unix_microseconds(microseconds: i64) -> Result<Timestamp, ValueError> {
        jiff::Timestamp::from_microsecond(microseconds).map(Timestamp).map_err(|_| {
            ValueError::new("a Unix time in microseconds", &microseconds.to_string(), "the year is beyond 9999")
        })
    }

    pub fn unix_seconds(self) -> i64 {
        self.0.as_second()
    }

    pub fn unix_milliseconds(self) -> i64 {
        self.0.as_millisecond()
    }

    pub fn unix_microseconds(self) -> i64 {
        self.0.as_microsecond()
    }

    pub fn instant(self) -> jiff::Timestamp {
        self.0
    }
}

/// The strict grammar of RFC 3339, section 5.6; jiff validates the calendar. At most nine fractional digits.
fn rfc3339(text: &str) -> Result<jiff::Timestamp, &'static str> {
    const SHAPE: &str = "the form is 2026-11-22T10:15:00Z or 2026-11-22T10:15:00+02:00";
    let bytes = text.as_bytes();
    let (Some(head), Some(rest)) = (bytes.get(..19), bytes.get(19..)) else { return Err(SHAPE) };
    let two = |from: usize| digits(&head[from..from + 2]);
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, separator)| head[at] != separator) || !matches!(head[10], b'T' | b't' | b' ') {
        return Err(SHAPE);
    }
    let (Some(year), Some(month), Some(day)) = (digits(&head[..4]), two(5), two(8)) else { return Err(SHAPE) };
    let (Some(hour), Some(minute), Some(second)) = (two(11), two(14), two(17)) else { return Err(SHAPE) };
    let (nanosecond, zone) = fraction(rest)?;
    let offset_seconds = match zone {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), hours @ .., b':', m1, m2] if hours.len() == 2 => {
            let (Some(hours), Some(minutes)) = (digits(hours), digits(&[*m1, *m2])) else { return Err(SHAPE) };
            if hours > 23 || minutes > 59 {
                return Err("the offset does not exist");
            }
            let seconds = hours * 3600 + minutes * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        b"" => return Err("it has no offset from UTC"),
        _ => return Err(SHAPE),
    };
    // A leap second is written as :60; it is counted as the last moment of its minute, as jiff and POSIX do.
    let second = if second == 60 { 59 } else { second };
    let local =
        civil::DateTime::new(year as i16, month as i8, day as i8, hour as i8, minute as i8, second as i8, nanosecond)
            .map_err(|_| "no such day or time exists")?;
    let offset = jiff::tz::Offset::from_seconds(offset_seconds).map_err(|_| "the offset does not exist")?;
    offset.to_timestamp(local).map_err(|_| "it lies outside the years 0 to 9999")
}

fn fraction(rest: &[u8]) -> Result<(i32, &[u8]), &'static str> {
    let [b'.', rest @ ..] = rest else { return Ok((0, rest)) };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, zone) = rest.split_at(length);
    match digits(fraction) {
        Some(value) if length <= 9 => Ok((value * 10_i32.pow(9 - length as u32), zone)),
        Some(_) | None => Err("a second has one to nine decimals"),
    }
}

fn digits(bytes: &[u8]) -> Option<i32> {
    if bytes.is_empty() || bytes.len() > 9 {
        return None;
    }
    bytes.iter().try_fold(0, |sum: i32, byte| byte.is_ascii_digit().then(|| sum * 10 + i32::from(byte - b'0')))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(instant: jiff::Timestamp) -> Timestamp {
        Timestamp(instant)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Timestamp::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A calendar day without a time zone, written `2026-11-22`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(civil::Date);

impl Date {
    pub fn parse(text: &str) -> Result<Date, ValueError> {
        let refuse = |reason: &str| ValueError::new("a date", text, reason);
        let bytes = text.as_bytes();
        let (Some(year), Some(month), Some(day), 10) = (
            bytes.get(..4).and_then(digits),
            bytes.get(5..7).and_then(digits),
            bytes.get(8..).and_then(digits),
            bytes.len(),
        ) else {
            return Err(refuse("the form is 2026-11-22"));
        };
        if bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(refuse("the form is 2026-11-22"));
        }
        civil::Date::new(year as i16, month as i8, day as i8).map(Date).map_err(|_| refuse("no such day exists"))
    }

    pub fn civil(self) -> civil::Date {
        self.0
    }
}

impl From<civil::Date> for Date {
    fn from(date: civil::Date) -> Date {
        Date(date)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What orders two states of one record: the vendor's change time in microseconds, or its sequence number.
/// Versions compare only within one stream, which uses one of the two throughout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Version(i64);

impl Version {
    pub const fn from_sequence(sequence: i64) -> Version {
        Version(sequence)
    }

    pub fn from_timestamp(timestamp: Timestamp) -> Version {
        Version(timestamp.unix_microseconds())
    }

    /// Reads a whole number as a sequence number, anything else as RFC 3339.
    pub fn parse(text: &str) -> Result<Version, ValueError> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        if !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
            return text
                .parse()
                .map(Version)
                .map_err(|_| ValueError::new("a version", text, "it does not fit 64 bits"));
        }
        Timestamp::parse(text)
            .map(Version::from_timestamp)
            .map_err(|_| ValueError::new("a version", text, "it is neither a whole number nor an RFC 3339 time"))
    }

    pub const fn value(self) -> i64 {
        self.0
    }
}

impl From<i64> for Version {
    fn from(value: i64) -> Version {
        Version(value)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let found = Timestamp::parse(text);
        assert_eq!(found.as_ref().ok().map(ToString::to_string).as_deref(), expected, "{text}: {found:?}");
    }

    #[test]
    fn an_offset_is_required_and_the_calendar_is_checked() {
        check("2026-11-22T10:15:00Z", Some("2026-11-22T10:15:00Z"));
        check("2026-11-22T10:15:00-05:00", Some("2026-11-22T15:15:00Z"));
        check("2026-11-22t10:15:00.123456z", Some("2026-11-22T10:15:00.123456Z"));
        check("2026-11-22 10:15:00+00:00", Some("2026-11-22T10:15:00Z"));
        check("2028-02-29T00:00:00Z", Some("2028-02-29T00:00:00Z"));
        check("2026-12-31T23:59:60Z", Some("2026-12-31T23:59:59Z"));
        for refused in [
            "2026-11-22T10:15:00",
            "2026-02-29T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22",
            "",
            "2026-11-22T10:15:00+2:00",
            "2026-11-22T10:15:00+25:00",
            "2026-11-22T10:15:00Z[Europe/Berlin]",
            "2026-11-22T10:15:00.Z",
            "2026-11-22T10:15:00.1234567890Z",
            "2026-11-2２T10:15:00Z",
            "0000-00-00T00:00:00Z",
        ] {
            check(refused, None);
        }
    }

    #[test]
    fn epoch_units_are_not_mixed_up() {
        assert_eq!(Timestamp::from_unix_seconds(1_763_800_000).unwrap().to_string(), "2025-11-22T08:26:40Z");
        assert!(Timestamp::from_unix_seconds(1_763_800_000_000).is_err());
        assert!(Timestamp::from_unix_milliseconds(1_763_800_000).is_err());
        assert_eq!(Timestamp::from_unix_milliseconds(1_763_800_000_000).unwrap().unix_seconds(), 1_763_800_000);
    }

    #[test]
    fn dates_exist() {
        assert_eq!(Date::parse("2026-11-22").unwrap().to_string(), "2026-11-22");
        for refused in ["2026-02-30", "20261122", "2026-1-22", "0000-00-00", "2026-11-222", ""] {
            assert!(Date::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn versions_come_from_numbers_or_times() {
        assert_eq!(Version::parse("42"), Ok(Version(42)));
        assert_eq!(Version::parse("1970-01-01T00:00:01Z"), Ok(Version(1_000_000)));
        assert!(Version::parse("v2").is_err());
        assert!(Version::parse("99999999999999999999").is_err());
    }
}
