//! Times and durations as people read them: "3 min ago", "1 h 05 min"; pure. Not here: clocks.

use jiff::Timestamp;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Microseconds of one UTC day.
pub const DAY_US: i64 = DAY;

/// RFC 3339 in UTC, to the millisecond; a time outside the calendar is shown as its number.
pub fn rfc3339(at_us: i64) -> String {
    match Timestamp::from_microsecond(at_us) {
        Ok(at) => format!("{at:.3}"),
        Err(_) => at_us.to_string(),
    }
}

/// "2026-11-22 10:15:00 UTC"
pub fn absolute(at_us: i64) -> String {
    match Timestamp::from_microsecond(at_us) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => at_us.to_string(),
    }
}

/// The calendar date of a day number of the ledger.
pub fn date_of_day(day: i64) -> String {
    match Timestamp::from_microsecond(day.saturating_mul(DAY)) {
        Ok(at) => at.strftime("%Y-%m-%d").to_string(),
        Err(_) => day.to_string(),
    }
}

pub fn day_of(at_us: i64) -> i64 {
    at_us.div_euclid(DAY)
}

/// Reads what [`rfc3339`] writes, or any RFC 3339 time with an offset.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
}

/// "3 min ago", "in 20 s", "now"
pub fn relative(at_us: i64, now_us: i64) -> String {
    let past = now_us.saturating_sub(at_us);
    match past.saturating_abs() {
        0..SECOND => "now".to_owned(),
        distance if past > 0 => format!("{} ago", duration(distance)),
        distance => format!("in {}", duration(distance)),
    }
}

/// Two units at most: "850 ms", "12 s", "3 min", "1 h 05 min", "2 d 3 h".
pub fn duration(us: i64) -> String {
    match us.max(0) {
        us @ 0..1_000 => format!("{us} µs"),
        us @ 1_000..SECOND => format!("{} ms", us / 1_000),
        us @ SECOND..MINUTE => format!("{} s", us / SECOND),
        us @ MINUTE..HOUR => match (us / MINUTE, us % MINUTE / SECOND) {
            (minutes @ 0..10, seconds @ 1..) => format!("{minutes} min {seconds:02} s"),
            (minutes, _) => format!("{minutes} min"),
        },
        us @ HOUR..DAY => match (us / HOUR, us % HOUR / MINUTE) {
            (hours, 0) => format!("{hours} h"),
            (hours, minutes) => format!("{hours} h {minutes:02} min"),
        },
        us => match (us / DAY, us % DAY / HOUR) {
            (days, 0) => format!("{days} d"),
            (days, hours) => format!("{days} d {hours} h"),
        },
    }
}

/// "12 345": thousands apart by a narrow space.
pub fn grouped(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(us: i64, expected: &str) {
        assert_eq!(duration(us), expected);
    }

    #[test]
    fn durations_have_two_units_at_most() {
        check(-1, "0 µs");
        check(999, "999 µs");
        check(1_500, "1 ms");
        check(59 * SECOND, "59 s");
        check(60 * SECOND, "1 min");
        check(95 * SECOND, "1 min 35 s");
        check(42 * MINUTE + 7 * SECOND, "42 min");
        check(HOUR + 5 * MINUTE, "1 h 05 min");
        check(2 * DAY + 3 * HOUR, "2 d 3 h");
    }

    #[test]
    fn moments_are_told_from_now() {
        assert_eq!(relative(0, 5 * SECOND), "5 s ago");
        assert_eq!(relative(5 * SECOND, 0), "in 5 s");
        assert_eq!(relative(5, 0), "now");
    }

    #[test]
    fn written_times_are_read_back() {
        let at = 1_795_000_000_123_000;
        assert_eq!(parse_rfc3339(&rfc3339(at)), Some(at));
        assert_eq!(absolute(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(date_of_day(day_of(-1)), "1969-12-31");
        assert_eq!(rfc3339(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!([0, 999, 1000, -1_234_567].map(grouped), ["0", "999", "1\u{202f}000", "-1\u{202f}234\u{202f}567"]);
    }
}
