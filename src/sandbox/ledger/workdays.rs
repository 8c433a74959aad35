//! The days of one month, and business days: Monday to Friday.
//!
//! Not here: holidays; times of day.

/// A month; days count from 0 and may run into the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workdays {
    year: i16,
    month: i8,
    days: i32,
    /// Of day 0, Monday is 0.
    weekday: i32,
}

impl Workdays {
    /// Nothing if there is no such month.
    pub fn of(year: i16, month: i8) -> Option<Workdays> {
        let first = jiff::civil::Date::new(year, month, 1).ok()?;
        let weekday = i32::from(first.weekday().to_monday_zero_offset());
        Some(Workdays { year, month, days: i32::from(first.days_in_month()), weekday })
    }

    /// The month's last day.
    pub fn last(&self) -> i32 {
        self.days - 1
    }

    pub fn is_open(&self, day: i32) -> bool {
        (self.weekday + day).rem_euclid(7) < 5
    }

    /// So many business days after `day`; a closed day counts as the next open one.
    pub fn after(&self, day: i32, count: u16) -> i32 {
        let open = |mut day: i32| {
            while !self.is_open(day) {
                day += 1;
            }
            day
        };
        (0..count).fold(open(day), |day, _| open(day + 1))
    }

    /// `2026-11-30`; up to the end of the next month.
    pub fn text(&self, day: i32) -> String {
        let (year, month, day) = match (day < self.days, self.month) {
            (true, month) => (self.year, month, day),
            (false, 12) => (self.year + 1, 1, day - self.days),
            (false, month) => (self.year, month + 1, day - self.days),
        };
        format!("{year:04}-{month:02}-{:02}", day + 1)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn business_days_leave_out_weekends_and_cross_the_end_of_the_month() {
        // 1 November 2026 is a Sunday.
        let november = Workdays::of(2026, 11).unwrap();
        assert_eq!(
            (november.last(), november.text(29), november.text(30)),
            (29, "2026-11-30".into(), "2026-12-01".into())
        );
        assert_eq!(
            [november.after(0, 0), november.after(0, 1), november.after(5, 1), november.after(4, 1)],
            [1, 2, 8, 5]
        );
        assert_eq!(november.after(27, 2), 31);
        assert_eq!(Workdays::of(2028, 2).unwrap().last(), 28);
        assert_eq!(Workdays::of(2026, 12).unwrap().text(31), "2027-01-01");
        assert_eq!(Workdays::of(2026, 13), None);
    }
}
