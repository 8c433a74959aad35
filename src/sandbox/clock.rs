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
    }

    #[test]
    fn reads_any_offset_but_insists_on_one() {
        assert_eq!(parse_s("2025-11-22T09:26:40+01:00"), Some(1_763_800_000));
        assert_eq!(parse_s("2025-11-22T08:26:40Z"), Some(1_763_800_000));
        assert_eq!(parse_s("2025-11-22T08:26:40"), None);
        assert_eq!(parse_s("yesterday"), None);
    }
}
