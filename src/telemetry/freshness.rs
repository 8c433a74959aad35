//! How far a flow is behind what its source knows, against its objective; pure. Not here: where the facts come from.
//!
//! Computed from what is owed and from how long ago the source was read, never from "the last run succeeded": a flow
//! that has nothing to do is fresh, a flow whose source has not been read for an hour is not.

use serde::{Deserialize, Serialize};

/// What is known of a flow at one moment. Times are microseconds since the epoch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    pub now: i64,
    pub objective_us: i64,
    /// Receipt of the oldest change that its destination does not have yet.
    pub oldest_owed_at: Option<i64>,
    /// When the source was last read to its end.
    pub last_read_at: Option<i64>,
    /// How often it is meant to be read; none for sources that only push.
    pub read_every_us: Option<i64>,
    pub last_done_at: Option<i64>,
    /// Held by a person.
    pub held: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// Within its objective.
    Fresh,
    /// Nothing has flowed yet.
    Idle,
    Paused,
    /// More than three quarters of the objective are used up.
    Slipping,
    /// Beyond its objective.
    Stale,
}

impl Word {
    pub fn as_str(self) -> &'static str {
        match self {
            Word::Fresh => "fresh",
            Word::Idle => "idle",
            Word::Paused => "paused",
            Word::Slipping => "slipping",
            Word::Stale => "stale",
        }
    }
}

/// Which of the two clocks runs: the queue's or the source's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Nothing is late.
    Nothing,
    /// A change waits for its delivery.
    Delivery,
    /// The source has not been read when it should have been.
    Reading,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    pub word: Word,
    pub lag_us: i64,
    pub cause: Cause,
}

/// The greater of the two delays decides.
pub fn freshness(facts: &Facts) -> Freshness {
    let owed = facts.oldest_owed_at.map_or(0, |at| facts.now.saturating_sub(at).max(0));
    let overdue = match (facts.last_read_at, facts.read_every_us) {
        (Some(at), Some(every)) => facts.now.saturating_sub(at).saturating_sub(every).max(0),
        (Some(_) | None, _) => 0,
    };
    let (lag_us, cause) = match () {
        () if owed == 0 && overdue == 0 => (0, Cause::Nothing),
        () if overdue > owed => (overdue, Cause::Reading),
        () => (owed, Cause::Delivery),
    };
    let untouched = facts.oldest_owed_at.is_none() && facts.last_read_at.is_none() && facts.last_done_at.is_none();
    let word = match () {
        () if facts.held => Word::Paused,
        () if untouched => Word::Idle,
        () if lag_us > facts.objective_us => Word::Stale,
        () if lag_us.saturating_mul(4) > facts.objective_us.saturating_mul(3) => Word::Slipping,
        () => Word::Fresh,
    };
    Freshness { word, lag_us, cause }
}

/// How many changes, in thousandths, webhooks should have brought and did not: polling found them and no webhook came
/// afterwards. None where nothing was seen.
pub fn webhook_loss_per_mille(by_webhook: i64, by_poll: i64, late: i64) -> Option<i64> {
    let seen = by_webhook.checked_add(by_poll)?;
    if seen <= 0 {
        return None;
    }
    Some((by_poll - late).max(0).saturating_mul(1000) / seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn facts() -> Facts {
        Facts { now: 10_000 * SECOND, objective_us: 120 * SECOND, last_done_at: Some(1), ..Facts::default() }
    }

    #[track_caller]
    fn check(facts: Facts, word: Word, lag_s: i64, cause: Cause) {
        assert_eq!(freshness(&facts), Freshness { word, lag_us: lag_s * SECOND, cause });
    }

    fn ago(seconds: i64) -> Option<i64> {
        Some((10_000 - seconds) * SECOND)
    }

    #[test]
    fn the_oldest_owed_change_decides() {
        check(facts(), Word::Fresh, 0, Cause::Nothing);
        check(Facts { oldest_owed_at: ago(90), ..facts() }, Word::Fresh, 90, Cause::Delivery);
        check(Facts { oldest_owed_at: ago(91), ..facts() }, Word::Slipping, 91, Cause::Delivery);
        check(Facts { oldest_owed_at: ago(120), ..facts() }, Word::Slipping, 120, Cause::Delivery);
        check(Facts { oldest_owed_at: ago(121), ..facts() }, Word::Stale, 121, Cause::Delivery);
        check(Facts { oldest_owed_at: ago(-5), ..facts() }, Word::Fresh, 0, Cause::Nothing);
    }

    #[test]
    fn a_source_that_is_not_read_makes_its_flow_stale() {
        let read = |seconds| Facts { last_read_at: ago(seconds), read_every_us: Some(60 * SECOND), ..facts() };
        check(read(60), Word::Fresh, 0, Cause::Nothing);
        check(read(181), Word::Stale, 121, Cause::Reading);
        check(Facts { oldest_owed_at: ago(200), ..read(181) }, Word::Stale, 200, Cause::Delivery);
    }

    #[test]
    fn held_and_untouched_flows_have_words_of_their_own() {
        check(Facts { held: true, oldest_owed_at: ago(999), ..facts() }, Word::Paused, 999, Cause::Delivery);
        check(Facts { last_done_at: None, ..facts() }, Word::Idle, 0, Cause::Nothing);
    }

    #[test]
    fn webhook_loss_counts_what_never_came() {
        assert_eq!(webhook_loss_per_mille(0, 0, 0), None);
        assert_eq!(webhook_loss_per_mille(98, 2, 0), Some(20));
        assert_eq!(webhook_loss_per_mille(98, 2, 2), Some(0));
        assert_eq!(webhook_loss_per_mille(0, 5, 7), Some(0));
    }
}
