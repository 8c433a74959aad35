//! Whether a file stood still: pure bookkeeping over what successive scans saw, by our own clock only.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

/// Size and time stamp, compared for equality only: the share's clock may be wrong.
pub(in crate::connector::file) type Look = (u64, Option<SystemTime>);

#[derive(Debug, Default)]
pub(in crate::connector::file) struct Stability {
    since: HashMap<String, (Look, Instant)>,
}

impl Stability {
    /// Records what a scan saw and says for how long it has been the same.
    pub(in crate::connector::file) fn observe(&mut self, name: &str, look: Look, at: Instant) -> Duration {
        match self.since.get(name) {
            Some((before, since)) if *before == look => at.saturating_duration_since(*since),
            Some(_) | None => {
                self.since.insert(name.to_owned(), (look, at));
                Duration::ZERO
            }
        }
    }

    /// Forgets names that are gone.
    pub(in crate::connector::file) fn keep(&mut self, present: impl Fn(&str) -> bool) {
        self.since.retain(|name, _| present(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_starts_the_wait_again() {
        let (mut stability, start) = (Stability::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(stability.observe("a", (1, None), start), Duration::ZERO);
        assert_eq!(stability.observe("a", (1, None), after(5)), Duration::from_secs(5));
        assert_eq!(stability.observe("a", (2, None), after(6)), Duration::ZERO);
        assert_eq!(stability.observe("a", (2, None), after(16)), Duration::from_secs(10));
        stability.keep(|_| false);
        assert_eq!(stability.observe("a", (2, None), after(20)), Duration::ZERO);
    }
}
