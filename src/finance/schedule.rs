//! When a reconciliation runs by itself: cron's five fields in a time zone, and what is due of it.
//!
//! On the night that an hour is skipped, a time within it runs right after; on the night that an hour is repeated, a fixed time
//! runs once. Not here: running.

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

use crate::model::Date;

use super::period::Period;

/// Missed times are counted no further.
const MOST_COUNTED: usize = 1_000;

/// Which rows a scheduled run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covers {
    Everything,
    PreviousDay,
    PreviousWeek,
    PreviousMonth,
}

#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
    covers: Covers,
}

/// What has become due since it was last looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The latest of them.
    pub at: i64,
    /// Those before it that nobody ran.
    pub missed: usize,
}

impl Schedule {
    /// Why the text is no schedule, if it is none.
    pub fn new(text: &str, zone: TimeZone, covers: Covers) -> Result<Schedule, String> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
        let cron = parser.parse(text).map_err(|error| format!("`{text}` is no schedule: {error}"))?;
        let schedule = Schedule { cron, zone, covers };
        match schedule.next(0) {
            Some(_) => Ok(schedule),
            None => Err(format!("`{text}` never comes")),
        }
    }

    pub fn text(&self) -> String {
        let zone = self.zone.iana_name().unwrap_or("UTC");
        format!("{} {zone}", self.cron.as_str())
    }

    /// The first time after `after`, in microseconds.
    pub fn next(&self, after: i64) -> Option<i64> {
        let found = self.cron.find_next_occurrence(&self.zoned(after)?, false).ok()?;
        Some(found.timestamp().as_microsecond())
    }

    /// What became due after `after` and until `now`.
    pub fn due(&self, after: i64, now: i64) -> Option<Due> {
        let (mut at, mut count) = (self.next(after).filter(|at| *at <= now)?, 1);
        while let Some(next) = self.next(at).filter(|next| *next <= now) {
            at = next;
            count += 1;
            if count > MOST_COUNTED {
                // Whatever was missed in between, only the last is run.
                let last = self.cron.find_previous_occurrence(&self.zoned(now)?, true).ok()?;
                at = last.timestamp().as_microsecond();
                break;
            }
        }
        Some(Due { at, missed: count - 1 })
    }

    /// The days that a run at this time is about.
    pub fn period(&self, at: i64) -> Option<Period> {
        let day = self.zoned(at)?.date();
        let before = |days: i64| day.checked_sub(days.days()).ok();
        let (from, to): (civil::Date, civil::Date) = match self.covers {
            Covers::Everything => return None,
            Covers::PreviousDay => (before(1)?, before(1)?),
            Covers::PreviousWeek => {
                let monday = i64::from(day.weekday().to_monday_zero_offset());
                (before(monday + 7)?, before(monday + 1)?)
            }
            Covers::PreviousMonth => {
                let last = day.first_of_month().yesterday().ok()?;
                (last.first_of_month(), last)
            }
        };
        Some(Period { from: Date::from(from), to: Date::from(to) })
    }

    fn zoned(&self, at: i64) -> Option<Zoned> {
        Some(Timestamp::from_microsecond(at).ok()?.to_zoned(self.zone.clone()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn berlin(text: &str) -> Schedule {
        Schedule::new(text, TimeZone::get("Europe/Berlin").unwrap(), Covers::Everything).unwrap()
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    /// The next so many times after a moment, in UTC.
    fn times(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
        let mut after = at(after);
        let next = |_| {
            after = schedule.next(after).unwrap();
            Timestamp::from_microsecond(after).unwrap().to_string()
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn the_day_begins_where_the_books_are_kept() {
        let weekdays = berlin("0 6 * * 1-5");
        // Friday, then Monday; winter, then summer.
        assert_eq!(
            times(&weekdays, "2026-03-26T12:00:00Z", 3),
            ["2026-03-27T05:00:00Z", "2026-03-30T04:00:00Z", "2026-03-31T04:00:00Z"]
        );
    }

    #[test]
    fn a_skipped_hour_is_run_right_after_and_a_repeated_one_once() {
        let nightly = berlin("30 2 * * *");
        assert_eq!(
            times(&nightly, "2026-03-28T00:00:00Z", 3),
            ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        );
        assert_eq!(times(&nightly, "2026-10-24T12:00:00Z", 2), ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
        let due = nightly.due(at("2026-10-24T12:00:00Z"), at("2026-10-25T12:00:00Z")).unwrap();
        assert_eq!(due, Due { at: at("2026-10-25T00:30:00Z"), missed: 0 });
    }

    #[test]
    fn what_was_missed_is_counted_and_only_the_last_is_due() {
        let hourly = berlin("0 * * * *");
        let since = at("2026-10-05T00:00:00Z");
        assert_eq!(hourly.due(since, at("2026-10-05T00:59:59Z")), None);
        let due = hourly.due(since, at("2026-10-05T03:10:00Z")).unwrap();
        assert_eq!(due, Due { at: at("2026-10-05T03:00:00Z"), missed: 2 });
        let often = berlin("* * * * *");
        let due = often.due(since, at("2026-10-09T00:00:30Z")).unwrap();
        assert_eq!((due.at, due.missed), (at("2026-10-09T00:00:00Z"), MOST_COUNTED));
    }

    #[test]
    fn a_run_covers_the_days_before_it() {
        let covers = |covers, when: &str| {
            let zone = TimeZone::get("Europe/Berlin").unwrap();
            let period = Schedule::new("0 0 * * *", zone, covers).unwrap().period(at(when)).unwrap();
            (period.from.to_string(), period.to.to_string())
        };
        let days = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        // Midnight in Berlin is the evening before in UTC.
        assert_eq!(covers(Covers::PreviousDay, "2026-10-04T22:00:00Z"), days("2026-10-04", "2026-10-04"));
        assert_eq!(covers(Covers::PreviousWeek, "2026-10-07T22:00:00Z"), days("2026-09-28", "2026-10-04"));
        assert_eq!(covers(Covers::PreviousMonth, "2026-02-28T23:00:00Z"), days("2026-02-01", "2026-02-28"));
    }

    #[test]
    fn what_never_comes_is_refused() {
        for text in ["0 6 31 2 *", "6", "0 25 * * *", "0 0 6 * * 1-5"] {
            assert!(Schedule::new(text, TimeZone::UTC, Covers::Everything).is_err(), "{text}");
        }
    }
}
