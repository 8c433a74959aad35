//! The rate budget of one connection: shared by pollers, deliveries and people, fed by the vendor's own counters.
//!
//! Not here: reading the counters from an answer (`usage`), retries. The decisions are pure functions of a given instant;
//! only `acquire` waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::Notify;

use super::counter::Counter;

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

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
