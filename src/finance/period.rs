//! Periods: `2026-10`, `2026-10-05`, `2026-W41`, or `2026-10-01..2026-10-15`, both ends inside.
//!
//! Not here: which zone's days they are.

use jiff::civil::{self, Weekday};

use crate::model::Date;

/// A span of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub from: Date,
    pub to: Date,
}

/// Text that is no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no period: {reason}; write a month `2026-10`, a day `2026-10-05`, a week `2026-W41` or a span `2026-10-01..2026-10-15`"
)]
pub struct PeriodError {
    text: String,
    reason: String,
}

impl Period {
    pub fn parse(text: &str) -> Result<Period, PeriodError> {
        let refuse = |reason: &str| PeriodError { text: text.to_owned(), reason: reason.to_owned() };
        let day = |text: &str| Date::parse(text).map_err(|error| refuse(&error.to_string()));
        if let Some((from, to)) = text.split_once("..") {
            let (from, to) = (day(from)?, day(to)?);
            return if from <= to { Ok(Period { from, to }) } else { Err(refuse("it ends before it begins")) };
        }
        if let Some((year, week)) = text.split_once("-W") {
            return week_of(year, week).ok_or_else(|| refuse("there is no such week"));
        }
        if text.len() == 7 {
            let from = day(&format!("{text}-01"))?;
            return Ok(Period { from, to: Date::from(from.civil().last_of_month()) });
        }
        day(text).map(|day| Period { from: day, to: day })
    }
}

fn week_of(year: &str, week: &str) -> Option<Period> {
    let week = civil::ISOWeekDate::new(year.parse().ok()?, week.parse().ok()?, Weekday::Monday).ok()?;
    let from = week.date();
    Some(Period { from: Date::from(from), to: Date::from(from.checked_add(jiff::Span::new().days(6)).ok()?) })
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.from == self.to { write!(f, "{}", self.from) } else { write!(f, "{}..{}", self.from, self.to) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(Period::parse(text).unwrap().to_string(), expected);
    }

    #[test]
    fn months_weeks_days_and_spans() {
        check("2026-10", "2026-10-01..2026-10-31");
        check("2028-02", "2028-02-01..2028-02-29");
        check("2026-10-05", "2026-10-05");
        check("2026-W01", "2025-12-29..2026-01-04");
        check("2026-10-01..2026-10-15", "2026-10-01..2026-10-15");
        for text in ["", "october", "2026-13", "2026-10-32", "2026-W54", "2026-10-15..2026-10-01"] {
            assert!(Period::parse(text).unwrap_err().to_string().contains("write a month"), "{text}");
        }
    }
}
