//! Days as statements write them: two-digit years, days without a year, and February's that no calendar has.
//!
//! Not here: which day means what.

use jiff::civil::Date;

use super::StatementCause;

/// `YYMMDD`; 80 to 99 are of the last century.
pub(in crate::connector::file) fn short_date(field: &'static str, text: &str) -> Result<Date, StatementCause> {
    let bad = |reason| StatementCause::field(field, text, reason);
    let [year, month, day] = pairs(text).ok_or_else(|| bad("not a date YYMMDD"))?;
    let year = if year < 80 { 2000 + i16::from(year) } else { 1900 + i16::from(year) };
    Date::new(year, month, day).or_else(|_| thirty_day_february(year, month, day)).map_err(|_| bad("no such day"))
}

/// Banks that count 30 days to each month write 29 and 30 February in any year: its last day.
fn thirty_day_february(year: i16, month: i8, day: i8) -> Result<Date, jiff::Error> {
    let first = Date::new(year, month, 1)?;
    if month == 2 && matches!(day, 29 | 30) { Ok(first.last_of_month()) } else { Date::new(year, month, day) }
}

/// `MMDD` of the year that puts it nearest to `to`, so that a booking around New Year gets its own year.
pub(in crate::connector::file) fn near(field: &'static str, text: &str, to: Date) -> Result<Date, StatementCause> {
    let bad = |reason| StatementCause::field(field, text, reason);
    let [_, month, day] = pairs(&format!("00{text}")).ok_or_else(|| bad("not a day MMDD"))?;
    let candidates = (to.year().saturating_sub(1)..=to.year().saturating_add(1))
        .filter_map(|year| Date::new(year, month, day).or_else(|_| thirty_day_february(year, month, day)).ok());
    let distance = |date: &Date| to.since(*date).map_or(i32::MAX, |span| span.get_days().abs());
    candidates.min_by_key(distance).ok_or_else(|| bad("no such day"))
}

fn pairs(text: &str) -> Option<[i8; 3]> {
    if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let pair = |at: usize| text.get(at..at + 2)?.parse().ok();
    Some([pair(0)?, pair(2)?, pair(4)?])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_day_without_a_year_is_the_nearest() {
        let near = |text: &str, to: &str| near("day", text, to.parse().unwrap()).unwrap().to_string();
        assert_eq!(near("1231", "2027-01-02"), "2026-12-31");
        assert_eq!(near("0102", "2026-12-31"), "2027-01-02");
        assert_eq!(near("1120", "2026-11-20"), "2026-11-20");
        assert_eq!(near("0229", "2028-02-28"), "2028-02-29");
    }

    #[test]
    fn days_that_no_calendar_has() {
        assert_eq!(short_date("day", "260230").unwrap().to_string(), "2026-02-28");
        assert_eq!(short_date("day", "280230").unwrap().to_string(), "2028-02-29");
        assert_eq!(short_date("day", "991231").unwrap().to_string(), "1999-12-31");
        assert!(short_date("day", "260231").is_err());
        assert!(short_date("day", "261301").is_err());
        assert!(short_date("day", "26130").is_err());
        assert!(short_date("day", "２６").is_err());
    }
}
