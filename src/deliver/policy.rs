//! When a failed delivery is tried again: exponential, jittered, bounded; pure. Not here: deciding that it may be.

use std::time::Duration;

/// Persisted retries of a job. In-call retries of safe reads are the connector's own affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    pub first: Duration,
    pub cap: Duration,
    /// How long after its first attempt a job that keeps failing becomes a dead letter.
    pub give_up_after: Duration,
}

impl RetryPolicy {
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
        let policy =
            RetryPolicy { first: Duration::from_secs(1), cap: Duration::from_secs(60), give_up_after: Duration::ZERO };
        assert_eq!(policy.pause(0, 1000), Duration::from_secs(1));
        assert_eq!(policy.pause(3, 1000), Duration::from_secs(8));
        assert_eq!(policy.pause(3, 0), Duration::from_secs(4));
        assert_eq!(policy.pause(29, 1000), Duration::from_secs(60));
        assert_eq!(policy.pause(u32::MAX, 500), Duration::from_secs(45));
    }
}
