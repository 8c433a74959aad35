//! What calls teach about a destination, applied to its lane: breaker, holds, the stored state; not here: deciding what a
//! failure means (see `outcome`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::breaker::{Breaker, BreakerChange};
use super::outcome::LaneEffect;
use crate::model::clock::Clock;
use crate::queue::{Lanes, QueueHandle};
use crate::store::{ConnectionHealth, ConnectionStateRow, Store};

/// How long a destination that refuses our credentials is left alone.
const LOCKED: Duration = Duration::from_secs(30);

/// The lanes of all destinations, as deliveries find them.
pub(super) struct LaneWatch {
    store: Arc<dyn Store>,
    lanes: Arc<Lanes>,
    queue: QueueHandle,
    clock: Clock,
    breakers: Mutex<HashMap<String, Breaker>>,
}

impl LaneWatch {
    pub(super) fn new(store: Arc<dyn Store>, lanes: Arc<Lanes>, queue: QueueHandle, clock: Clock) -> LaneWatch {
        LaneWatch { store, lanes, queue, clock, breakers: Mutex::default() }
    }

    /// Applies what a call that began at `begun` taught about its destination to the lane, and keeps what must survive a
    /// restart.
    pub(super) async fn apply(&self, lane: &str, effect: LaneEffect, begun: i64, reason: &str) {
        let now = self.clock.now_us();
        let until = |pause: Duration| now.saturating_add(i64::try_from(pause.as_micros()).unwrap_or(i64::MAX));
        let (change, open, stale) = {
            let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
            let breaker = breakers.entry(lane.to_owned()).or_default();
            let stale = breaker.knows(begun);
            let change = match effect {
                LaneEffect::Works => breaker.succeeded(),
                LaneEffect::Fails => breaker.failed(begun, now),
                LaneEffect::Pause(_) | LaneEffect::Locked | LaneEffect::Silent => BreakerChange::Unchanged,
            };
            (change, breaker.is_open(), stale)
        };
        let row = |state, until, reason: &str| ConnectionStateRow {
            connection: lane.to_owned(),
            state,
            reason: reason.to_owned(),
            until,
            failures: 0,
            changed_at: now,
        };
        let state = match (change, effect) {
            (BreakerChange::Opened(until), _) => {
                self.lanes.hold(lane, until, true);
                let pause = Duration::from_micros((until - now).max(0).unsigned_abs());
                tracing::warn!(connection = %lane, ?pause, reason, "the destination keeps failing; it is left alone for a while");
                row(ConnectionHealth::Open, Some(until), reason)
            }
            (BreakerChange::Closed, _) => self.works_again(lane, &row),
            // Held by the former life of the hub, or by refused credentials: the breaker itself never opened.
            (BreakerChange::Unchanged, LaneEffect::Works) if self.lanes.tries_one(lane) => self.works_again(lane, &row),
            (BreakerChange::Unchanged, LaneEffect::Pause(_)) if stale => return,
            (BreakerChange::Unchanged, LaneEffect::Pause(pause)) => {
                self.lanes.hold(lane, until(pause), open);
                return;
            }
            (BreakerChange::Unchanged, LaneEffect::Locked) => {
                self.lanes.hold(lane, until(LOCKED), true);
                tracing::error!(connection = %lane, reason, "the destination refuses our credentials");
                row(ConnectionHealth::Auth, Some(until(LOCKED)), reason)
            }
            (BreakerChange::Unchanged, LaneEffect::Works | LaneEffect::Fails | LaneEffect::Silent) => return,
        };
        if let Err(error) = self.store.set_connection_state(state).await {
            tracing::error!(%error, connection = %lane, "could not store the connection's state");
        }
        self.queue.wake();
    }

    fn works_again(
        &self,
        lane: &str,
        row: &impl Fn(ConnectionHealth, Option<i64>, &str) -> ConnectionStateRow,
    ) -> ConnectionStateRow {
        self.lanes.release(lane);
        tracing::info!(connection = %lane, "the destination works again");
        row(ConnectionHealth::Ok, None, "")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BinaryHeap;

    use super::*;
    use crate::queue::LaneLimits;

    const MS: i64 = 1_000;

    /// When a lane of `workers` is back at full width, in milliseconds after a vendor that was dead from the start is back. Dead,
    /// it takes `hangs` for each call to fail.
    fn recovery(workers: u32, hangs: i64, back: i64) -> i64 {
        let lanes = Lanes::new([("erp".to_owned(), LaneLimits { concurrency: workers })]);
        let mut breaker = Breaker::default();
        // Calls under way: when they end, when they began, and the hold that they belong to.
        let mut calls: BinaryHeap<std::cmp::Reverse<(i64, i64, u64)>> = BinaryHeap::new();
        let mut now = 0;
        while now < 3_600_000 * MS {
            for (lane, room) in lanes.room(now) {
                for _ in 0..room {
                    // No two calls hang equally long.
                    let jitter = i64::try_from(calls.len()).unwrap() * 7 * MS;
                    let ends = if now < back { now + hangs + jitter } else { now + 10 * MS };
                    calls.push(std::cmp::Reverse((ends, now, lanes.started(&lane))));
                }
            }
            let probing = lanes.tries_one("erp");
            if now >= back && !probing {
                return (now - back) / MS;
            }
            let Some(std::cmp::Reverse((ends, begun, hold))) = calls.peek().copied() else {
                now = lanes.next_open(now).unwrap();
                continue;
            };
            if let Some(open) = lanes.next_open(now).filter(|open| *open < ends) {
                now = open;
                continue;
            }
            calls.pop();
            now = ends;
            let change = if begun < back { breaker.failed(begun, now) } else { breaker.succeeded() };
            match change {
                BreakerChange::Opened(until) => lanes.hold("erp", until, true),
                BreakerChange::Closed => lanes.release("erp"),
                BreakerChange::Unchanged => {}
            }
            lanes.ended("erp", hold);
        }
        panic!("it never recovered");
    }

    #[test]
    fn many_workers_recover_within_one_cool_down() {
        for workers in [1, 4, 48, 64] {
            for hangs in [1, 500, 5_000, 30_000] {
                // Dead for less than the first calls take: the first opening is 2 s. What hangs ends first.
                let soon = recovery(workers, hangs * MS, hangs * MS + 1_000 * MS);
                assert!(soon <= 2_000 + 2 * hangs + 1_000, "{workers} workers, {hangs} ms: {soon} ms");
                // Dead for long: at most the longest opening, and the call that was under way.
                let late = recovery(workers, hangs * MS, 1_500_000 * MS);
                assert!(late <= 300_000 + 2 * hangs + 1_000, "{workers} workers, {hangs} ms: {late} ms");
            }
        }
        // 48 failures at once are one opening, not 43 of them.
        assert!(recovery(48, 100 * MS, 1_000 * MS) <= 2_000);
    }

    #[test]
    fn one_job_tries_and_no_second_one() {
        let lanes = Lanes::new([("erp".to_owned(), LaneLimits { concurrency: 48 })]);
        let old: Vec<u64> = (0..20).map(|_| lanes.started("erp")).collect();
        lanes.hold("erp", 100, true);
        assert_eq!(lanes.room(99), []);
        assert_eq!(lanes.room(100), [("erp".to_owned(), 1)]);
        let probe = lanes.started("erp");
        assert_eq!(lanes.room(100), []);
        // Old calls that end make no room for a second one.
        old.iter().for_each(|hold| lanes.ended("erp", *hold));
        assert_eq!(lanes.room(100), []);
        lanes.ended("erp", probe);
        assert_eq!(lanes.room(100), [("erp".to_owned(), 1)]);
    }
}
