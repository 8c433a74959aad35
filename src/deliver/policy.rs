//! When a failed delivery is tried again: exponential, jittered, bounded; pure. Not here: deciding that it may be.

use std::time::Duration;

/// Persisted retries of a job. In-call retries of safe reads are the connector's own affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    pub first: Duration,
    pub cap: Duration,
    /// Counted failures after which the job becomes a dead letter.
    pub tries: u32,
}

impl RetryPolicy {
    /// About a day of patience: 1 s, 2 s, 4 s ... 15 min.
    pub const STANDARD: RetryPolicy =
        RetryPolicy { first: Duration::from_secs(1), cap: Duration::from_secs(900), tries: 100 };
    /// For demonstrations and tests, where a minute is a long time.
    pub const QUICK: RetryPolicy =
        RetryPolicy { first: Duration::from_millis(200), cap: Duration::from_secs(5), tries: 60 };
    /// Gives up within about a quarter of an hour.
    pub const IMPATIENT: RetryPolicy =
        RetryPolicy { first: Duration::from_secs(1), cap: Duration::from_secs(120), tries: 12 };

    pub fn named(name: &str) -> Option<RetryPolicy> {
        match name {
            "standard" => Some(RetryPolicy::STANDARD),
            "quick" => Some(RetryPolicy::QUICK),
            "impatient" => Some(RetryPolicy::IMPATIENT),
            _ => None,
        }
    }

    pub const NAMES: [&str; 3] = ["standard", "quick", "impatient"];

    /// The pause after `failures` counted failures; `jitter` in 0..=1000 spreads it over the upper half, so that a
    /// thousand jobs that failed together do not come back together.
    pub fn pause(&self, failures: u32, jitter: u32) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(failures.min(30)));
        let whole = doubled.min(self.cap);
        let half = whole / 2;
        half + half * jitter.min(1000) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap_and_stay_within_half_and_whole() {
        let policy = RetryPolicy { first: Duration::from_secs(1), cap: Duration::from_secs(60), tries: 10 };
        assert_eq!(policy.pause(0, 1000), Duration::from_secs(1));
        assert_eq!(policy.pause(3, 1000), Duration::from_secs(8));
        assert_eq!(policy.pause(3, 0), Duration::from_secs(4));
        assert_eq!(policy.pause(29, 1000), Duration::from_secs(60));
        assert_eq!(policy.pause(u32::MAX, 500), Duration::from_secs(45));
    }
}
