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

    /// Applies what a call taught about its destination to the lane, and keeps what must survive a restart.
    pub(super) async fn apply(&self, lane: &str, effect: LaneEffect, reason: &str) {
        let now = self.clock.now_us();
        let until = |pause: Duration| now + i64::try_from(pause.as_micros()).unwrap_or(i64::MAX / 2);
        let change = {
            let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
            let breaker = breakers.entry(lane.to_owned()).or_default();
            match effect {
                LaneEffect::Works => breaker.succeeded(),
                LaneEffect::Fails => breaker.failed(),
                LaneEffect::Pause(_) | LaneEffect::Locked | LaneEffect::Silent => BreakerChange::Unchanged,
            }
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
            (BreakerChange::Opened(pause), _) => {
                self.lanes.hold(lane, until(pause), true);
                tracing::warn!(connection = %lane, ?pause, reason, "the destination keeps failing; it is left alone for a while");
                row(ConnectionHealth::Open, Some(until(pause)), reason)
            }
            (BreakerChange::Closed, _) => {
                self.lanes.release(lane);
                tracing::info!(connection = %lane, "the destination works again");
                row(ConnectionHealth::Ok, None, "")
            }
            (BreakerChange::Unchanged, LaneEffect::Pause(pause)) => {
                self.lanes.hold(lane, until(pause), false);
                return;
            }
            (BreakerChange::Unchanged, LaneEffect::Locked) => {
                self.lanes.hold(lane, until(Duration::from_secs(30)), true);
                tracing::error!(connection = %lane, reason, "the destination refuses our credentials");
                row(ConnectionHealth::Auth, Some(until(Duration::from_secs(30))), reason)
            }
            (BreakerChange::Unchanged, LaneEffect::Works | LaneEffect::Fails | LaneEffect::Silent) => return,
        };
        if let Err(error) = self.store.set_connection_state(state).await {
            tracing::error!(%error, connection = %lane, "could not store the connection's state");
        }
        self.queue.wake();
    }
}
