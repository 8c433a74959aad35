//! When a counterpart is due: business days of a bank or processor, holidays left out.
//!
//! Not here: which rows use which calendar (rules), the clock.

use std::collections::BTreeSet;

use jiff::civil::{self, Weekday};

use crate::model::Date;

/// Days on which money moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// Days of the week that are not business days.
    pub weekend: Vec<Weekday>,
    pub holidays: BTreeSet<civil::Date>,
}

impl Default for Calendar {
    /// Saturday and Sunday, no holidays.
    fn default() -> Calendar {
        Calendar { weekend: vec![Weekday::Saturday, Weekday::Sunday], holidays: BTreeSet::new() }
    }
}

impl Calendar {
    /// Every day is a business day.
    pub fn every_day() -> Calendar {
        Calendar { weekend: Vec::new(), holidays: BTreeSet::new() }
    }

    pub fn is_business_day(&self, day: civil::Date) -> bool {
        !self.weekend.contains(&day.weekday()) && !self.holidays.contains(&day)
    }

    /// The day that is `days` business days after `from`; with 0, `from` or the next business day.
    /// Beyond the end of time, nothing.
    pub fn after(&self, from: Date, days: u16) -> Option<Date> {
        let mut day = from.civil();
        let mut left = days;
        // A calendar whose every day is closed would never end: a year without a business day is a mistake.
        let mut closed = 0_u16;
        loop {
            if self.is_business_day(day) {
                if left == 0 {
                    return Some(Date::from(day));
                }
                left -= 1;
                closed = 0;
            } else {
                closed += 1;
                if closed > 366 {
                    return None;
                }
            }
            day = day.tomorrow().ok()?;
        }
    }
}

/// When a row's counterpart must be there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Due {
    pub business_days: u16,
    pub calendar: Calendar,
}

impl Due {
    /// At once.
    pub fn now() -> Due {
        Due { business_days: 0, calendar: Calendar::every_day() }
    }

    pub fn of(&self, date: Date) -> Option<Date> {
        self.calendar.after(date, self.business_days)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(holidays: &[&str], from: &str, days: u16, expected: &str) {
        let holidays = holidays.iter().map(|day| Date::parse(day).unwrap().civil()).collect();
        let calendar = Calendar { holidays, ..Calendar::default() };
        assert_eq!(calendar.after(Date::parse(from).unwrap(), days).unwrap().to_string(), expected);
    }

    #[test]
    fn business_days_leave_out_weekends_and_holidays() {
        check(&[], "2026-11-20", 0, "2026-11-20");
        check(&[], "2026-11-20", 1, "2026-11-23");
        check(&[], "2026-11-21", 0, "2026-11-23");
        check(&[], "2026-11-21", 1, "2026-11-24");
        check(&["2026-12-25", "2026-12-26"], "2026-12-24", 1, "2026-12-28");
        check(&[], "2028-02-28", 1, "2028-02-29");
        check(&[], "2026-11-20", 10, "2026-12-04");
    }

    #[test]
    fn a_calendar_without_business_days_ends() {
        use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
        let weekend = vec![Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday];
        let never = Calendar { weekend, holidays: BTreeSet::new() };
        assert_eq!(never.after(Date::parse("2026-11-20").unwrap(), 1), None);
    }
}
