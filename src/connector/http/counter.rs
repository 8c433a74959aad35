//! The counters behind a rate budget: buckets, windows, slots. Pure functions of a given instant.
//!
//! Not here: who waits for them (`budget`), what vendors say (`usage`).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::budget::{Limit, Usage};

/// One limit's count.
pub(super) enum Counter {
    /// The level is kept as the time that draining it takes: integer arithmetic, no drift.
    Bucket {
        drain: Duration,
        size: u32,
        level: Duration,
        at: Option<Instant>,
    },
    Window {
        calls: u32,
        window: Duration,
        used: u32,
        ends: Option<Instant>,
    },
    /// The moments at which calls were made, oldest first, each with its cost.
    Sliding {
        calls: u32,
        window: Duration,
        log: VecDeque<(Instant, u32)>,
        used: u32,
    },
    Slots {
        calls: u32,
    },
}

impl Counter {
    pub(super) fn new(limit: &Limit) -> Self {
        match *limit {
            Limit::LeakyBucket { size, drain } => {
                Counter::Bucket { drain, size: size.max(1), level: Duration::ZERO, at: None }
            }
            Limit::FixedWindow { calls, window } => {
                Counter::Window { calls: calls.max(1), window, used: 0, ends: None }
            }
            Limit::SlidingWindow { calls, window } => {
                Counter::Sliding { calls: calls.max(1), window, log: VecDeque::new(), used: 0 }
            }
            Limit::Concurrency { calls } => Counter::Slots { calls: calls.max(1) },
        }
    }

    /// How long until one more call of this cost fits below the reserve. A call that costs more than all there is waits for
    /// all there is: the vendor may know better what it costs.
    pub(super) fn wait(&mut self, cost: u32, now: Instant, reserve: &impl Fn(u32) -> u32) -> Duration {
        self.pass_time(now);
        match self {
            Counter::Bucket { drain, size, level, .. } => {
                let room = size.saturating_sub(reserve(*size));
                (*level + drain.saturating_mul(cost.min(room))).saturating_sub(drain.saturating_mul(room))
            }
            Counter::Window { calls, used, ends, .. } => match ends {
                Some(ends) if !fits(*used, cost, calls.saturating_sub(reserve(*calls))) => {
                    ends.saturating_duration_since(now)
                }
                Some(_) | None => Duration::ZERO,
            },
            Counter::Sliding { calls, window, log, used } => {
                let room = calls.saturating_sub(reserve(*calls));
                let mut left = *used;
                let mut wait = Duration::ZERO;
                for (at, cost_then) in log.iter() {
                    if fits(left, cost, room) {
                        break;
                    }
                    left = left.saturating_sub(*cost_then);
                    wait = (*at + *window).saturating_duration_since(now);
                }
                wait
            }
            Counter::Slots { .. } => Duration::ZERO,
        }
    }

    /// Whether all slots below the reserve are taken.
    pub(super) fn is_crowded(&self, in_flight: u32, reserve: &impl Fn(u32) -> u32) -> bool {
        match self {
            Counter::Slots { calls } => in_flight >= calls.saturating_sub(reserve(*calls)),
            Counter::Bucket { .. } | Counter::Window { .. } | Counter::Sliding { .. } => false,
        }
    }

    pub(super) fn take(&mut self, cost: u32, now: Instant) {
        match self {
            Counter::Bucket { drain, level, .. } => *level = level.saturating_add(drain.saturating_mul(cost)),
            Counter::Sliding { log, used, .. } => {
                *used = used.saturating_add(cost);
                log.push_back((now, cost));
            }
            Counter::Window { window, used, ends, .. } => {
                *used = used.saturating_add(cost);
                ends.get_or_insert(now + *window);
            }
            Counter::Slots { .. } => {}
        }
    }

    pub(super) fn pass_time(&mut self, now: Instant) {
        match self {
            Counter::Bucket { level, at, .. } => {
                *level = level.saturating_sub(at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at)));
                *at = Some(at.map_or(now, |at| at.max(now)));
            }
            Counter::Window { used, ends, .. } => {
                if ends.is_some_and(|ends| ends <= now) {
                    *used = 0;
                    *ends = None;
                }
            }
            Counter::Sliding { window, log, used, .. } => {
                while let Some((_, cost)) = log.front().copied().filter(|(at, _)| *at + *window <= now) {
                    log.pop_front();
                    *used = used.saturating_sub(cost);
                }
            }
            Counter::Slots { .. } => {}
        }
    }

    pub(super) fn observe(&mut self, usage: Usage, others: u32, now: Instant) {
        self.pass_time(now);
        match (self, usage) {
            (Counter::Bucket { drain, size, level, .. }, Usage::Used { used, size: reported }) => {
                *size = reported.max(1);
                *level = drain.saturating_mul(used.saturating_add(others));
            }
            (Counter::Bucket { drain, size, level, .. }, Usage::Remaining { left, .. }) => {
                *level = drain.saturating_mul(size.saturating_sub(left).saturating_add(others));
            }
            (Counter::Window { calls, window, used, ends }, Usage::Remaining { left, resets_in }) => {
                *used = calls.saturating_sub(left).saturating_add(others);
                *ends = resets_in.map(|wait| now + wait).or(*ends).or(Some(now + *window));
            }
            (Counter::Window { calls, window, used, ends }, Usage::Used { used: reported, size }) => {
                *calls = size.max(1);
                *used = reported.saturating_add(others);
                ends.get_or_insert(now + *window);
            }
            (Counter::Bucket { drain, size, level, .. }, Usage::Points { left, maximum, restore_per_s }) => {
                *size = maximum.map_or(*size, |maximum| maximum.max(1));
                if let Some(restore) = restore_per_s.filter(|restore| *restore > 0) {
                    *drain = Duration::from_secs(1) / restore;
                }
                *level = drain.saturating_mul(size.saturating_sub(left).saturating_add(others));
            }
            (Counter::Sliding { calls, log, used, .. }, Usage::Remaining { left, .. } | Usage::Points { left, .. }) => {
                let told = calls.saturating_sub(left).saturating_add(others);
                correct(log, used, told, now);
            }
            (Counter::Sliding { calls, log, used, .. }, Usage::Used { used: reported, size }) => {
                *calls = size.max(1);
                correct(log, used, reported.saturating_add(others), now);
            }
            (Counter::Window { .. }, Usage::Points { .. })
            | (Counter::Slots { .. }, Usage::Used { .. } | Usage::Remaining { .. } | Usage::Points { .. }) => {}
        }
    }
}

/// Whether a call of this cost fits; one that costs more than the room fits an empty one.
fn fits(used: u32, cost: u32, room: u32) -> bool {
    used == 0 || used.saturating_add(cost) <= room
}

/// Brings a sliding window to what the vendor counts: what it counts more was made by others, as late as now; what it counts
/// less has left it earlier than we thought.
fn correct(log: &mut VecDeque<(Instant, u32)>, used: &mut u32, told: u32, now: Instant) {
    if told > *used {
        log.push_back((now, told - *used));
        *used = told;
        return;
    }
    while *used > told {
        let Some((at, cost)) = log.pop_front() else { break };
        let surplus = *used - told;
        if cost > surplus {
            log.push_front((at, cost - surplus));
        }
        *used -= cost.min(surplus);
    }
}
