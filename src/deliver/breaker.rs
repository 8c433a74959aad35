//! A connection's circuit breaker: after failures in a row nothing is sent for a while, then one job tries; pure.
//!
//! Not here: persisting its state, holding the lane.

use std::time::Duration;

/// Failures in a row that open the breaker.
const THRESHOLD: u32 = 5;
const FIRST_OPEN: Duration = Duration::from_secs(2);
const LONGEST_OPEN: Duration = Duration::from_secs(300);

/// State of one connection's breaker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Failures in a row since the last success.
    failures: u32,
    /// How often it has opened in a row.
    openings: u32,
    open: bool,
}

/// What a report changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerChange {
    Unchanged,
    /// Hold the lane for this long, then let one job try.
    Opened(Duration),
    Closed,
}

impl Breaker {
    pub fn is_open(&self) -> bool {
        self.open
    }

    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The vendor answered, whatever it said about the record.
    pub fn succeeded(&mut self) -> BreakerChange {
        let was_open = self.open;
        *self = Breaker::default();
        if was_open { BreakerChange::Closed } else { BreakerChange::Unchanged }
    }

    /// The vendor did not answer, or answered that it cannot work.
    pub fn failed(&mut self) -> BreakerChange {
        self.failures = self.failures.saturating_add(1);
        if !self.open && self.failures < THRESHOLD {
            return BreakerChange::Unchanged;
        }
        self.open = true;
        let pause = FIRST_OPEN.saturating_mul(2_u32.saturating_pow(self.openings.min(16))).min(LONGEST_OPEN);
        self.openings = self.openings.saturating_add(1);
        BreakerChange::Opened(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_in_a_row_and_longer_each_time_until_a_success() {
        let mut breaker = Breaker::default();
        for _ in 1..THRESHOLD {
            assert_eq!(breaker.failed(), BreakerChange::Unchanged);
        }
        assert_eq!(breaker.failed(), BreakerChange::Opened(FIRST_OPEN));
        assert_eq!(breaker.failed(), BreakerChange::Opened(FIRST_OPEN * 2));
        assert_eq!(breaker.succeeded(), BreakerChange::Closed);
        assert_eq!(breaker.failed(), BreakerChange::Unchanged);
        assert_eq!(breaker.succeeded(), BreakerChange::Unchanged);
    }

    #[test]
    fn never_stays_open_longer_than_the_limit() {
        let mut breaker = Breaker::default();
        let longest = (0..100).fold(Duration::ZERO, |longest, _| match breaker.failed() {
            BreakerChange::Opened(pause) => longest.max(pause),
            BreakerChange::Unchanged | BreakerChange::Closed => longest,
        });
        assert_eq!(longest, LONGEST_OPEN);
    }
}
