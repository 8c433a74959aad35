//! Which destinations may be sent to right now, and how much at once; pure apart from its lock. Not here: claiming, breakers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Limits of one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneLimits {
    /// Jobs of the lane that may be in flight at once.
    pub concurrency: u32,
}

#[derive(Clone, Debug, Default)]
struct Lane {
    concurrency: u32,
    /// Jobs that were started since the present hold, or the end of the last one.
    in_flight: u32,
    /// Jobs from before; what becomes of them says nothing about the one that tries.
    stale: u32,
    /// Counts holds that let one job try.
    hold: u64,
    /// Nothing is claimed before; microseconds.
    held_until: i64,
    /// Held, but one job may try.
    probe: bool,
}

/// All lanes of a hub. Shared between the dispatcher, which asks for room, and deliveries, which learn that a
/// destination wants a pause.
#[derive(Debug, Default)]
pub struct Lanes {
    lanes: Mutex<BTreeMap<String, Lane>>,
    held_flows: Mutex<BTreeSet<String>>,
}

impl Lanes {
    pub fn new(limits: impl IntoIterator<Item = (String, LaneLimits)>) -> Lanes {
        let lanes = Lanes::default();
        lanes.configure(limits);
        lanes
    }

    /// Adds lanes and changes limits; lanes that are gone stay until their jobs are.
    pub fn configure(&self, limits: impl IntoIterator<Item = (String, LaneLimits)>) {
        let mut lanes = self.lock();
        for (name, limit) in limits {
            lanes.entry(name).or_default().concurrency = limit.concurrency;
        }
    }

    /// Nothing of this lane is claimed before `until`; with `probe`, one job at a time may try even so.
    pub fn hold(&self, lane: &str, until: i64, probe: bool) {
        if let Some(lane) = self.lock().get_mut(lane) {
            lane.held_until = until;
            lane.probe = probe;
            if probe {
                lane.hold += 1;
                lane.stale += std::mem::take(&mut lane.in_flight);
            }
        }
    }

    pub fn release(&self, lane: &str) {
        self.hold(lane, 0, false);
    }

    /// Whether only one job at a time may try.
    pub fn tries_one(&self, lane: &str) -> bool {
        self.lock().get(lane).is_some_and(|lane| lane.probe)
    }

    /// Flows that are paused: their jobs stay where they are.
    pub fn hold_flows(&self, flows: BTreeSet<String>) {
        *self.held_flows.lock().unwrap_or_else(PoisonError::into_inner) = flows;
    }

    pub fn held_flows(&self) -> Vec<String> {
        self.held_flows.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// How many jobs each lane may take now. Lanes without room are absent.
    pub fn room(&self, now: i64) -> Vec<(String, u32)> {
        let lanes = self.lock();
        let room = |lane: &Lane| {
            let free = lane.concurrency.saturating_sub(lane.in_flight + lane.stale);
            match (lane.held_until <= now, lane.probe) {
                (true, false) => free,
                (true, true) => free.min(1_u32.saturating_sub(lane.in_flight)),
                (false, _) => 0,
            }
        };
        lanes.iter().map(|(name, lane)| (name.clone(), room(lane))).filter(|(_, room)| *room > 0).collect()
    }

    /// When the first held lane opens.
    pub fn next_open(&self, now: i64) -> Option<i64> {
        self.lock().values().map(|lane| lane.held_until).filter(|until| *until > now).min()
    }

    /// A job of the lane begins; what comes back is given to `ended`.
    pub fn started(&self, lane: &str) -> u64 {
        let mut lanes = self.lock();
        let lane = lanes.entry(lane.to_owned()).or_default();
        lane.in_flight += 1;
        lane.hold
    }

    pub fn ended(&self, lane: &str, hold: u64) {
        if let Some(lane) = self.lock().get_mut(lane) {
            let counter = if hold == lane.hold { &mut lane.in_flight } else { &mut lane.stale };
            *counter = counter.saturating_sub(1);
        }
    }

    pub fn in_flight(&self) -> u32 {
        self.lock().values().map(|lane| lane.in_flight + lane.stale).sum()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes() -> Lanes {
        Lanes::new([
            ("erp".to_owned(), LaneLimits { concurrency: 4 }),
            ("shop".to_owned(), LaneLimits { concurrency: 1 }),
        ])
    }

    #[track_caller]
    fn check(lanes: &Lanes, now: i64, expected: &[(&str, u32)]) {
        let expected: Vec<(String, u32)> = expected.iter().map(|(lane, room)| ((*lane).to_owned(), *room)).collect();
        assert_eq!(lanes.room(now), expected);
    }

    #[test]
    fn a_busy_lane_does_not_take_room_from_another() {
        let lanes = lanes();
        let shop = lanes.started("shop");
        check(&lanes, 0, &[("erp", 4)]);
        lanes.ended("shop", shop);
        check(&lanes, 0, &[("erp", 4), ("shop", 1)]);
    }

    #[test]
    fn a_held_lane_opens_by_itself_and_a_probing_one_lets_a_single_job_through() {
        let lanes = lanes();
        lanes.hold("erp", 100, false);
        check(&lanes, 99, &[("shop", 1)]);
        assert_eq!(lanes.next_open(99), Some(100));
        check(&lanes, 100, &[("erp", 4), ("shop", 1)]);
        lanes.hold("erp", 200, true);
        check(&lanes, 150, &[("shop", 1)]);
        check(&lanes, 200, &[("erp", 1), ("shop", 1)]);
        lanes.started("erp");
        check(&lanes, 200, &[("shop", 1)]);
        lanes.release("erp");
        check(&lanes, 200, &[("erp", 3), ("shop", 1)]);
    }
}
