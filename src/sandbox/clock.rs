//! Wall-clock seconds and the forms in which the vendors write them.
//!
//! Not here: durations and sleeping.

use jiff::Timestamp;
use jiff::tz::{self, TimeZone};

/// Seconds since the epoch: the granularity of the shop and the payment processor, so ties are common.
pub fn now_s() -> i64 {
    Timestamp::now().as_second()
}

/// The shop's form, whole seconds with its offset: `2026-11-20T11:00:00+01:00`.
pub fn shop_time(at_s: i64) -> String {
    formatted(at_s, &TimeZone::fixed(tz::offset(1)), "%Y-%m-%dT%H:%M:%S%:z")
}

/// UTC with `Z`, for the ERP's documents and Shopify's triggered-at header.
pub fn utc_time(at_s: i64) -> String {
    formatted(at_s, &TimeZone::UTC, "%Y-%m-%dT%H:%M:%SZ")
}

/// `20261120`, in UTC.
pub fn compact_date(at_s: i64) -> String {
    formatted(at_s, &TimeZone::UTC, "%Y%m%d")
}

/// `061500`, in UTC.
pub fn compact_time(at_s: i64) -> String {
    formatted(at_s, &TimeZone::UTC, "%H%M%S")
}

/// WordPress' `_gmt` form, UTC without saying so: `2026-11-20T10:00:00`.
pub fn bare_time(at_s: i64) -> String {
    formatted(at_s, &TimeZone::UTC, "%Y-%m-%dT%H:%M:%S")
}

/// The site's local time in the same form; its zone is two hours ahead, so that a reader of the wrong twin is far off.
pub fn site_time(at_s: i64) -> String {
    formatted(at_s, &TimeZone::fixed(tz::offset(2)), "%Y-%m-%dT%H:%M:%S")
}

/// Odoo's form, UTC without saying so: `2026-11-20 10:00:00`.
pub fn spaced_time(at_s: i64) -> String {
    formatted(at_s, &TimeZone::UTC, "%Y-%m-%d %H:%M:%S")
}

/// Seconds of a time without zone, taken for UTC; a `T` or a blank between date and time.
pub fn parse_bare_s(text: &str) -> Option<i64> {
    text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp().as_second())
}

/// Seconds of an RFC 3339 time with offset; `None` if it is anything else.
pub fn parse_s(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

fn formatted(at_s: i64, zone: &TimeZone, form: &str) -> String {
    let at = Timestamp::from_second(at_s).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(zone.clone()).strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_forms_of_the_vendors() {
        let at_s = 1_763_800_000; // 2025-11-22T08:26:40Z
        assert_eq!(shop_time(at_s), "2025-11-22T09:26:40+01:00");
        assert_eq!(utc_time(at_s), "2025-11-22T08:26:40Z");
        assert_eq!(compact_date(at_s), "20251122");
        assert_eq!(compact_time(at_s), "082640");
        assert_eq!(bare_time(at_s), "2025-11-22T08:26:40");
        assert_eq!(site_time(at_s), "2025-11-22T10:26:40");
        assert_eq!(spaced_time(at_s), "2025-11-22 08:26:40");
    }

    #[test]
    fn reads_any_offset_but_insists_on_one() {
        assert_eq!(parse_s("2025-11-22T09:26:40+01:00"), Some(1_763_800_000));
        assert_eq!(parse_s("2025-11-22T08:26:40Z"), Some(1_763_800_000));
        assert_eq!(parse_s("2025-11-22T08:26:40"), None);
        assert_eq!(parse_s("yesterday"), None);
        assert_eq!(parse_bare_s("2025-11-22T08:26:40"), Some(1_763_800_000));
        assert_eq!(parse_bare_s("2025-11-22 08:26:40"), Some(1_763_800_000));
        assert_eq!(parse_bare_s("2025-11-22 25:00:00"), None);
    }
}
