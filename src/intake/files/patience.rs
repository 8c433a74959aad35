//! Files that were put back: when each is looked at again, and when a person is told; bookkeeping only.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Attempts after which a file that was put back becomes an issue.
const LASTS: u32 = 3;
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

#[derive(Debug)]
struct Entry {
    size_bytes: u64,
    attempts: u32,
    next_at: Instant,
    issue: Option<i64>,
}

#[derive(Debug)]
pub(super) struct Patience {
    every: Duration,
    held: HashMap<String, Entry>,
}

impl Patience {
    pub fn new(every: Duration) -> Patience {
        Patience { every, held: HashMap::new() }
    }

    /// Whether the file may be taken now. One of another size is another file.
    pub fn is_due(&mut self, name: &str, size_bytes: u64, now: Instant) -> bool {
        match self.held.get_mut(name) {
            Some(entry) if entry.size_bytes == size_bytes => entry.next_at <= now,
            Some(entry) => {
                (entry.attempts, entry.size_bytes) = (0, size_bytes);
                true
            }
            None => true,
        }
    }

    /// Whether putting it back now is worth an issue.
    pub fn lasts(&self, name: &str) -> bool {
        self.held.get(name).is_some_and(|entry| entry.attempts + 1 >= LASTS)
    }

    pub fn issue(&self, name: &str) -> Option<i64> {
        self.held.get(name)?.issue
    }

    /// The file was put back; returns how often by now, and the pause until the next look.
    pub fn hold(&mut self, name: &str, size_bytes: u64, issue: Option<i64>, now: Instant) -> (u32, Duration) {
        let fresh = Entry { size_bytes, attempts: 0, next_at: now, issue: None };
        let entry = self.held.entry(name.to_owned()).or_insert(fresh);
        entry.size_bytes = size_bytes;
        entry.attempts = entry.attempts.saturating_add(1);
        entry.issue = issue.or(entry.issue);
        let pause = self.every.saturating_mul(2_u32.saturating_pow(entry.attempts.min(16))).min(LONGEST_PAUSE);
        entry.next_at = now + pause;
        (entry.attempts, pause)
    }

    /// A file of the stream was applied: it may have been the one that others waited for.
    pub fn hurry(&mut self, now: Instant) {
        self.held.values_mut().for_each(|entry| entry.next_at = now);
    }

    pub fn hurry_one(&mut self, name: &str, now: Instant) {
        if let Some(entry) = self.held.get_mut(name) {
            entry.next_at = now;
        }
    }

    /// A person's decision was acted upon.
    pub fn clear_issue(&mut self, name: &str) {
        if let Some(entry) = self.held.get_mut(name) {
            entry.issue = None;
        }
    }

    /// Done with it; returns its issue.
    pub fn forget(&mut self, name: &str) -> Option<i64> {
        self.held.remove(name)?.issue
    }

    /// Forgets files that the partner took back.
    pub fn keep(&mut self, present: impl Fn(&str) -> bool) {
        self.held.retain(|name, _| present(name));
    }

    pub fn count(&self) -> usize {
        self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_when_something_changed() {
        let (mut patience, now) = (Patience::new(Duration::from_secs(1)), Instant::now());
        assert!(patience.is_due("a", 1, now));
        assert_eq!(patience.hold("a", 1, None, now), (1, Duration::from_secs(2)));
        assert!(!patience.is_due("a", 1, now) && !patience.lasts("a"));
        assert!(patience.is_due("a", 1, now + Duration::from_secs(2)));
        assert_eq!(patience.hold("a", 1, None, now), (2, Duration::from_secs(4)));
        assert!(patience.lasts("a"));
        patience.hurry(now);
        assert!(patience.is_due("a", 1, now));
        patience.hold("a", 1, Some(7), now);
        assert_eq!(patience.issue("a"), Some(7));
        assert!(patience.is_due("a", 2, now), "another size is another file");
        for _ in 0..40 {
            patience.hold("a", 2, None, now);
        }
        assert!(patience.is_due("a", 2, now + LONGEST_PAUSE));
        assert_eq!(patience.forget("a"), Some(7));
        assert_eq!(patience.count(), 0);
    }
}
