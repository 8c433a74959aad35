//! The rate budget of one connection: shared by pollers, deliveries and people, fed by the vendor's own counters.
//!
//! Not here: reading the counters from an answer (`usage`), retries. The decisions are pure functions of a given instant;
//! only `acquire` waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::Notify;

/// Who asks. People get the reserved share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// A person waits for the answer.
    Person,
    /// A delivery or a poll.
    Work,
}

/// One described limit of a vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// `size` calls fit; one drains every `drain`.
    LeakyBucket { size: u32, drain: Duration },
    /// `calls` in each `window`, counted anew when it is over.
    FixedWindow { calls: u32, window: Duration },
    /// `calls` in any `window`: each call counts until it is that old.
    SlidingWindow { calls: u32, window: Duration },
    /// Calls in flight at once.
    Concurrency { calls: u32 },
}

/// The budget does not allow the call before the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the connection's rate budget is used up; the next call is possible in {} ms", retry_after.as_millis())]
pub struct RateLimited {
    pub retry_after: Duration,
}

/// What the vendor says about its own counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// `used` of `size` (a bucket's header such as `32/40`).
    Used { used: u32, size: u32 },
    /// Calls left in the window, and when it ends, if said.
    Remaining { left: u32, resets_in: Option<Duration> },
    /// Points left in a bucket of `maximum` that fills by `restore_per_s`, as far as they are said.
    Points { left: u32, maximum: Option<u32>, restore_per_s: Option<u32> },
}

/// Shared by everything that uses one connection.
pub struct RateBudget {
    state: Mutex<State>,
    freed: Notify,
    people_percent: u32,
}

/// When to come back if all slots stayed taken for as long as the caller could wait.
const SLOT_RETRY: Duration = Duration::from_secs(1);

struct State {
    limits: Vec<Counter>,
    in_flight: u32,
    /// What the calls in flight cost together.
    cost_in_flight: u32,
    blocked_until: Option<Instant>,
}

enum Counter {
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

/// What the budget says at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Go,
    Wait(Duration),
    /// Until one of the calls in flight ends.
    WaitForSlot,
}

impl RateBudget {
    /// `people_percent` of every limit is kept free for people: at least one call where the limit is larger than one.
    pub fn new(limits: &[Limit], people_percent: u8) -> Self {
        let limits = limits.iter().map(Counter::new).collect();
        let state = State { limits, in_flight: 0, cost_in_flight: 0, blocked_until: None };
        Self { state: Mutex::new(state), freed: Notify::new(), people_percent: u32::from(people_percent.min(90)) }
    }

    /// Waits for a permit, or says when to come back if that is later than `patience`.
    /// The permit counts as in flight until it is dropped.
    pub async fn acquire(
        self: &Arc<Self>,
        priority: Priority,
        cost: u32,
        patience: Duration,
    ) -> Result<Permit, RateLimited> {
        let deadline = clock_now() + patience;
        loop {
            // Listen before looking, so that a slot freed in between is not missed.
            let freed = self.freed.notified();
            let now = clock_now();
            match self.try_take(priority, cost, now) {
                Decision::Go => return Ok(Permit { budget: Arc::clone(self), cost }),
                Decision::Wait(wait) if now + wait > deadline => return Err(RateLimited { retry_after: wait }),
                Decision::Wait(wait) => tokio::time::sleep(wait).await,
                Decision::WaitForSlot => {
                    let patience = deadline.saturating_duration_since(now);
                    if tokio::time::timeout(patience, freed).await.is_err() {
                        return Err(RateLimited { retry_after: SLOT_RETRY });
                    }
                }
            }
        }
    }

    /// How long a call of this cost would have to wait now; `None` if it need not.
    pub fn wait_for(&self, priority: Priority, cost: u32) -> Option<Duration> {
        let now = clock_now();
        let mut state = self.lock();
        let reserve = |size: u32| self.reserve(priority, size);
        let waits = state.limits.iter_mut().map(|counter| counter.wait(cost, now, &reserve));
        waits.max().filter(|wait| !wait.is_zero())
    }

    /// Takes one call of this cost out of every limit, or none. Pure apart from its own counters.
    pub fn try_take(&self, priority: Priority, cost: u32, now: Instant) -> Decision {
        let mut state = self.lock();
        let in_flight = state.in_flight;
        let blocked = state.blocked_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let reserve = |size: u32| self.reserve(priority, size);
        let waits = state.limits.iter_mut().map(|counter| counter.wait(cost, now, &reserve));
        let longest = waits.max().unwrap_or_default().max(blocked);
        if !longest.is_zero() {
            return Decision::Wait(longest);
        }
        if state.limits.iter().any(|counter| counter.is_crowded(in_flight, &reserve)) {
            return Decision::WaitForSlot;
        }
        for counter in &mut state.limits {
            counter.take(cost, now);
        }
        state.in_flight += 1;
        state.cost_in_flight = state.cost_in_flight.saturating_add(cost);
        Decision::Go
    }

    /// Nobody calls before `wait` is over: the vendor's Retry-After holds for the whole connection.
    pub fn block_for(&self, wait: Duration, now: Instant) {
        let until = now + wait;
        let mut state = self.lock();
        state.blocked_until = Some(state.blocked_until.map_or(until, |known| known.max(until)));
    }

    /// Believes the vendor's counter. Calls in flight besides the one that was answered, which cost `own`, are added, since it
    /// may not have seen them.
    pub fn observe(&self, usage: Usage, own: u32, now: Instant) {
        let mut state = self.lock();
        let others = state.cost_in_flight.saturating_sub(own);
        for counter in &mut state.limits {
            counter.observe(usage, others, now);
        }
    }

    fn reserve(&self, priority: Priority, size: u32) -> u32 {
        match priority {
            Priority::Person => 0,
            Priority::Work if size <= 1 => 0,
            Priority::Work => (size.saturating_mul(self.people_percent) / 100).max(u32::from(self.people_percent > 0)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The counters stay meaningful whatever panicked elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tokio's clock, so that a paused clock in tests pauses the budget too.
pub fn clock_now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// One call in flight.
pub struct Permit {
    budget: Arc<RateBudget>,
    cost: u32,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.budget.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        state.cost_in_flight = state.cost_in_flight.saturating_sub(self.cost);
        drop(state);
        self.budget.freed.notify_waiters();
    }
}

impl Counter {
    fn new(limit: &Limit) -> Self {
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
    fn wait(&mut self, cost: u32, now: Instant, reserve: &impl Fn(u32) -> u32) -> Duration {
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
    fn is_crowded(&self, in_flight: u32, reserve: &impl Fn(u32) -> u32) -> bool {
        match self {
            Counter::Slots { calls } => in_flight >= calls.saturating_sub(reserve(*calls)),
            Counter::Bucket { .. } | Counter::Window { .. } | Counter::Sliding { .. } => false,
        }
    }

    fn take(&mut self, cost: u32, now: Instant) {
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

    fn pass_time(&mut self, now: Instant) {
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

    fn observe(&mut self, usage: Usage, others: u32, now: Instant) {
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

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
