//! The shop's leaky bucket and the processor's per-second limit, in integers on a monotonic clock.
//!
//! Not here: which answer a full bucket leads to.

use std::time::{Duration, Instant};

/// Fills by one per call and leaks steadily; full means refused.
#[derive(Debug)]
pub struct LeakyBucket {
    size: u32,
    leak_per_s: u32,
    /// Thousandths of a call, so that a slow leak loses nothing to rounding.
    level_milli: u64,
    updated: Instant,
}

impl LeakyBucket {
    pub fn new(size: u32, leak_per_s: u32, now: Instant) -> Self {
        LeakyBucket { size, leak_per_s, level_milli: 0, updated: now }
    }

    /// Adds one call; `Err` with the time until there is room if the bucket is full.
    pub fn pour(&mut self, now: Instant) -> Result<(), Duration> {
        self.leak(now);
        let full_milli = u64::from(self.size) * 1000;
        if self.level_milli + 1000 > full_milli {
            let over_milli = self.level_milli + 1000 - full_milli;
            return Err(Duration::from_millis(over_milli.div_ceil(u64::from(self.leak_per_s.max(1)))));
        }
        self.level_milli += 1000;
        Ok(())
    }

    /// `32/40`, as the usage header writes it.
    pub fn usage(&self) -> String {
        format!("{}/{}", self.level_milli.div_ceil(1000), self.size)
    }

    fn leak(&mut self, now: Instant) {
        let elapsed_ms = u64::try_from(now.saturating_duration_since(self.updated).as_millis()).unwrap_or(u64::MAX);
        self.level_milli = self.level_milli.saturating_sub(elapsed_ms.saturating_mul(u64::from(self.leak_per_s)));
        self.updated = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_when_full_and_says_how_long_to_wait() {
        let start = Instant::now();
        let mut bucket = LeakyBucket::new(40, 2, start);
        for _ in 0..40 {
            assert!(bucket.pour(start).is_ok());
        }
        assert_eq!(bucket.usage(), "40/40");
        assert_eq!(bucket.pour(start), Err(Duration::from_millis(500)));
        assert_eq!(bucket.pour(start + Duration::from_millis(400)), Err(Duration::from_millis(100)));
        assert!(bucket.pour(start + Duration::from_millis(500)).is_ok());
    }

    #[test]
    fn a_slow_leak_is_not_lost_to_rounding() {
        let start = Instant::now();
        let mut bucket = LeakyBucket::new(1, 1, start);
        assert!(bucket.pour(start).is_ok());
        for step in 1..10 {
            assert!(bucket.pour(start + Duration::from_millis(step * 100)).is_err());
        }
        assert!(bucket.pour(start + Duration::from_millis(1000)).is_ok());
    }
}
