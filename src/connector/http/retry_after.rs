//! The vendor's wish to be left alone for a while.
//!
//! Not here: who waits (`budget` for the whole connection, the job table for the job).

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use jiff::Timestamp;
use jiff::fmt::strtime;

/// The longest wait that a vendor can impose; beyond it a person should look.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads `Retry-After` in any of its written forms. Nonsense and negative numbers are as good as no header;
/// a date in the past means now. A date is measured against the vendor's own clock where it shows it.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    parse(text, server_time(headers).unwrap_or(now))
}

/// The vendor's clock.
pub fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

/// Seconds, seconds with a fraction, or an HTTP date.
pub fn parse(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = if text.starts_with(|first: char| first.is_ascii_digit()) {
        seconds(text)?
    } else {
        let until = http_date(text)?;
        Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// Seconds that a body states.
pub fn stated_seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.starts_with(|first: char| first.is_ascii_digit()) { parse(text, Timestamp::UNIX_EPOCH) } else { None }
}

fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // More digits than fit mean longer than the cap.
    let Ok(whole) = whole.parse::<u64>() else { return Some(MAX_RETRY_AFTER) };
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some(Duration::from_secs(whole).saturating_add(Duration::from_millis(millis.parse().ok()?)))
}

/// The three forms that RFC 9110 asks recipients to read.
fn http_date(text: &str) -> Option<Timestamp> {
    const FORMS: [&str; 3] = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    FORMS.iter().find_map(|form| {
        let civil = strtime::parse(form, text).ok()?.to_datetime().ok()?;
        civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected_ms: Option<u64>) {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        assert_eq!(parse(text, now), expected_ms.map(Duration::from_millis), "{text}");
    }

    #[test]
    fn every_written_form() {
        const DAY_MS: u64 = 86_400_000;
        check("0", Some(0));
        check("2", Some(2_000));
        check(" 120 ", Some(120_000));
        check("2.0", Some(2_000));
        check("0.25", Some(250));
        check("1.0009", Some(1_000));
        check("Sun, 22 Nov 2026 10:00:30 GMT", Some(30_000));
        check("Sunday, 22-Nov-26 10:00:30 GMT", Some(30_000));
        check("Sun Nov 22 10:00:30 2026", Some(30_000));
        check("Sun, 22 Nov 2026 09:00:00 GMT", Some(0));
        check("Wed, 22 Nov 2028 10:00:00 GMT", Some(DAY_MS));
        check("86401", Some(DAY_MS));
        check("999999999999", Some(DAY_MS));
        check("99999999999999999999999999", Some(DAY_MS));
        check("18446744073709551615.9", Some(DAY_MS));
        for nonsense in ["-1", "-1.5", "soon", "", "1e3", "1,5", "0x10", "2026-11-22T10:00:30Z", "1.2.3", "NaN"] {
            check(nonsense, None);
        }
    }

    #[test]
    fn a_date_is_measured_by_the_vendors_clock() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "Sun, 22 Nov 2026 10:00:30 GMT".parse().unwrap());
        headers.insert(DATE, "Sun, 22 Nov 2026 10:00:00 GMT".parse().unwrap());
        let skewed: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        assert_eq!(retry_after(&headers, skewed), Some(Duration::from_secs(30)));
    }
}
