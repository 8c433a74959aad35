//! A connection's circuit breaker: after failures in a row nothing is sent for a while, then one job tries; pure.
//!
//! Not here: persisting its state, holding the lane.

use std::time::Duration;

/// Failures in a row that open the breaker.
const THRESHOLD: u32 = 5;
const FIRST_OPEN: Duration = Duration::from_secs(2);
const LONGEST_OPEN: Duration = Duration::from_secs(300);

/// State of one connection's breaker. Times are microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Failures in a row since the last success.
    failures: u32,
    /// How often it has opened in a row.
    openings: u32,
    /// Open: nothing is sent before this; what begins later is the one job that tries.
    open_until: Option<i64>,
}

/// What a report changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerChange {
    Unchanged,
    /// Hold the lane until then, and let one job try.
    Opened(i64),
    Closed,
}

impl Breaker {
    pub fn is_open(&self) -> bool {
        self.open_until.is_some()
    }

    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether a call tells nothing new: it began before the one job may try, and what it met is what opened the breaker.
    pub fn knows(&self, begun: i64) -> bool {
        self.open_until.is_some_and(|until| begun < until)
    }

    /// The vendor answered, whatever it said about the record, and whenever it was asked.
    pub fn succeeded(&mut self) -> BreakerChange {
        let was_open = self.is_open();
        *self = Breaker::default();
        if was_open { BreakerChange::Closed } else { BreakerChange::Unchanged }
    }

    /// A call that began then did not get an answer, or one that says that the vendor cannot work.
    pub fn failed(&mut self, begun: i64, now: i64) -> BreakerChange {
        if self.knows(begun) {
            return BreakerChange::Unchanged;
        }
        self.failures = self.failures.saturating_add(1);
        if !self.is_open() && self.failures < THRESHOLD {
            return BreakerChange::Unchanged;
        }
        let pause = FIRST_OPEN.saturating_mul(2_u32.saturating_pow(self.openings.min(16))).min(LONGEST_OPEN);
        let until = now.saturating_add(i64::try_from(pause.as_micros()).unwrap_or(i64::MAX));
        self.openings = self.openings.saturating_add(1);
        self.open_until = Some(until);
        BreakerChange::Opened(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    #[test]
    fn opens_after_failures_in_a_row_and_longer_each_time_until_a_success() {
        let mut breaker = Breaker::default();
        for at in 1..i64::from(THRESHOLD) {
            assert_eq!(breaker.failed(at, at), BreakerChange::Unchanged);
        }
        // What a call that began then comes to, and when.
        for (begun, now, change) in [
            (0, 10 * S, BreakerChange::Opened(12 * S)),
            (0, 11 * S, BreakerChange::Unchanged),
            (11 * S, 11 * S, BreakerChange::Unchanged),
            (0, 13 * S, BreakerChange::Unchanged),
            (12 * S, 13 * S, BreakerChange::Opened(17 * S)),
            (12 * S, 18 * S, BreakerChange::Unchanged),
            (17 * S, 18 * S, BreakerChange::Opened(26 * S)),
        ] {
            assert_eq!(breaker.failed(begun, now), change, "begun at {begun}, failed at {now}");
        }
        assert_eq!(breaker.failures(), THRESHOLD + 2);
        assert_eq!(breaker.succeeded(), BreakerChange::Closed);
        assert_eq!(breaker.failed(27 * S, 27 * S), BreakerChange::Unchanged);
        assert_eq!(breaker.succeeded(), BreakerChange::Unchanged);
    }

    #[test]
    fn never_stays_open_longer_than_the_limit() {
        let (mut breaker, mut now, mut longest) = (Breaker::default(), 0, 0);
        for _ in 0..100 {
            if let BreakerChange::Opened(until) = breaker.failed(now, now) {
                longest = longest.max(until - now);
                now = until;
            }
        }
        assert_eq!(longest, 300 * S);
    }
}
