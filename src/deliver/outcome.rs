//! The one place that decides, from a failure's class alone, what becomes of a job and of its lane; pure.

use std::time::Duration;

use super::policy::RetryPolicy;
use crate::connector::call::CallError;
use crate::model::ErrorClass;
use crate::store::{AckOutcome, DeadLetter};

/// What a failure means for everything else bound for the same destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneEffect {
    /// The destination answered: it works.
    Works,
    /// It did not answer, or cannot work.
    Fails,
    /// It wants nothing for this long.
    Pause(Duration),
    /// It refuses our credentials: a person must act.
    Locked,
    /// Nothing was learnt about it.
    Silent,
}

impl LaneEffect {
    /// Whether it holds although another record of the same call was taken: a wish for peace, a refused credential.
    pub(super) fn outweighs_success(self) -> bool {
        match self {
            LaneEffect::Pause(_) | LaneEffect::Locked => true,
            LaneEffect::Works | LaneEffect::Fails | LaneEffect::Silent => false,
        }
    }
}

/// The facts a decision needs besides the failure itself.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub flow: &'a str,
    pub record: &'a str,
    pub failures: u32,
    /// Since the job's first attempt.
    pub age: Duration,
    pub policy: RetryPolicy,
    pub now: i64,
    pub jitter: u32,
}

/// Decides about a job whose call failed.
pub fn after_failure(error: &CallError, facts: Facts<'_>) -> (AckOutcome, LaneEffect) {
    let text = error.to_string();
    let pause = facts.policy.pause(facts.failures, facts.jitter);
    let later = |pause: Duration| facts.now.saturating_add(i64::try_from(pause.as_micros()).unwrap_or(i64::MAX));
    let spent = facts.age >= facts.policy.give_up_after;
    match error.class {
        ErrorClass::RateLimited => {
            let wait = error.retry_after.unwrap_or(pause);
            (AckOutcome::Retry { run_at: later(wait), counts: false, error: text }, LaneEffect::Pause(wait))
        }
        ErrorClass::Auth => {
            let wait = Duration::from_secs(30);
            (AckOutcome::Retry { run_at: later(wait), counts: false, error: text }, LaneEffect::Locked)
        }
        ErrorClass::UnknownOutcome if spent => (AckOutcome::Dead(dead(error, facts)), LaneEffect::Fails),
        ErrorClass::UnknownOutcome => (AckOutcome::Unknown { run_at: later(pause), error: text }, LaneEffect::Fails),
        ErrorClass::Transient if spent => (AckOutcome::Dead(dead(error, facts)), LaneEffect::Fails),
        ErrorClass::Transient => {
            let wait = error.retry_after.unwrap_or(pause);
            (AckOutcome::Retry { run_at: later(wait), counts: true, error: text }, LaneEffect::Fails)
        }
        // Somebody else changed it at the same time: the next attempt reads again before it writes.
        ErrorClass::Conflict if spent => (AckOutcome::Dead(dead(error, facts)), LaneEffect::Works),
        ErrorClass::Conflict => {
            (AckOutcome::Retry { run_at: later(pause), counts: true, error: text }, LaneEffect::Works)
        }
        ErrorClass::Data
        | ErrorClass::Permission
        | ErrorClass::NotFound
        | ErrorClass::UnmappedValue
        | ErrorClass::Bug => {
            let lane = if error.status.is_some() { LaneEffect::Works } else { LaneEffect::Silent };
            (AckOutcome::Dead(dead(error, facts)), lane)
        }
    }
}

/// Same flow, same class, same message without its particulars: one issue.
fn dead(error: &CallError, facts: Facts<'_>) -> DeadLetter {
    let gist = gist(&error.message);
    DeadLetter {
        scope: facts.flow.to_owned(),
        class: error.class,
        fingerprint: format!("{}/{}/{}/{gist}", facts.flow, error.class.as_str(), error.status.unwrap_or(0)),
        title: format!("{}: {}", error.system, shorten(&error.message)),
        detail: format!("{}: {error}", facts.record),
        next_step: error.next_step.clone(),
    }
}

/// A message without what differs from record to record: digits and quoted values.
pub fn gist(message: &str) -> String {
    let mut gist = String::with_capacity(message.len().min(120));
    let mut quoted = false;
    for c in message.chars() {
        match c {
            '\'' | '"' | '`' => {
                quoted = !quoted;
                gist.push('\'');
            }
            _ if quoted => {}
            c if c.is_ascii_digit() => {
                if !gist.ends_with('9') {
                    gist.push('9');
                }
            }
            c => gist.push(c),
        }
        if gist.len() >= 120 {
            break;
        }
    }
    gist
}

fn shorten(message: &str) -> String {
    let mut short: String = message.chars().take(140).collect();
    if short.len() < message.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(class: ErrorClass) -> CallError {
        CallError {
            class,
            system: "erp".into(),
            what: "POST /api/orders".into(),
            status: None,
            message: "order '4711' is closed since 2026".into(),
            next_step: "open it".into(),
            retry_after: None,
            sent: true,
            request_excerpt: String::new(),
            response_excerpt: String::new(),
        }
    }

    const POLICY: RetryPolicy = RetryPolicy {
        first: Duration::from_millis(200),
        cap: Duration::from_secs(5),
        give_up_after: Duration::from_secs(60),
    };

    fn facts(age_s: u64) -> Facts<'static> {
        let age = Duration::from_secs(age_s);
        Facts { flow: "orders", record: "shop order 1", failures: 0, age, policy: POLICY, now: 1_000_000, jitter: 1000 }
    }

    #[test]
    fn the_class_alone_decides() {
        for class in ErrorClass::ALL {
            let (outcome, lane) = after_failure(&error(*class), facts(0));
            let expected = match class {
                ErrorClass::Transient => ("retry", LaneEffect::Fails),
                ErrorClass::RateLimited => ("retry", LaneEffect::Pause(Duration::from_millis(200))),
                ErrorClass::Auth => ("retry", LaneEffect::Locked),
                ErrorClass::Conflict => ("retry", LaneEffect::Works),
                ErrorClass::UnknownOutcome => ("unknown", LaneEffect::Fails),
                ErrorClass::Data
                | ErrorClass::Permission
                | ErrorClass::NotFound
                | ErrorClass::UnmappedValue
                | ErrorClass::Bug => ("dead", LaneEffect::Silent),
            };
            let got = match outcome {
                AckOutcome::Retry { .. } => "retry",
                AckOutcome::Unknown { .. } => "unknown",
                AckOutcome::Dead(_) => "dead",
                AckOutcome::Done { .. }
                | AckOutcome::Superseded
                | AckOutcome::Ignored(_)
                | AckOutcome::Wait { .. }
                | AckOutcome::Released { .. } => "other",
            };
            assert_eq!((got, lane), expected, "{class}");
        }
    }

    #[test]
    fn the_vendors_own_wish_comes_before_our_backoff() {
        let mut limited = error(ErrorClass::RateLimited);
        limited.retry_after = Some(Duration::from_secs(7));
        let (outcome, lane) = after_failure(&limited, facts(3));
        assert!(matches!(outcome, AckOutcome::Retry { run_at: 8_000_000, counts: false, .. }));
        assert_eq!(lane, LaneEffect::Pause(Duration::from_secs(7)));
    }

    #[test]
    fn patience_ends_in_a_dead_letter() {
        let (outcome, _) = after_failure(&error(ErrorClass::Transient), facts(60));
        assert!(matches!(outcome, AckOutcome::Dead(_)));
    }

    #[test]
    fn siblings_share_a_fingerprint() {
        assert_eq!(gist("order '4711' is closed since 2026"), gist("order '12' is closed since 1999"));
        assert_ne!(gist("order '4711' is closed"), gist("order '4711' is open"));
    }
}
