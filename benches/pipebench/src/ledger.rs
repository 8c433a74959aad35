//! When each order was planned, acknowledged and delivered, and how often: the referee's book.
//!
//! One clock for all three, because generator and target live in one process.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use serde::Serialize;

use crate::order;

/// Every so-many-th delivery is kept whole and compared field by field after the run.
const KEEP_EVERY: u64 = 97;

pub struct Ledger {
    start: Instant,
    slots: Vec<Slot>,
    /// Deliveries that name no order of this run.
    foreign: AtomicU64,
    /// Webhooks that were not answered with a 2xx.
    refused: AtomicU64,
    delivered: AtomicU64,
    kept: Mutex<Vec<(u64, Vec<u8>)>>,
}

/// Nanoseconds since the ledger's start; 0 is "not yet".
#[derive(Default)]
struct Slot {
    planned: AtomicU64,
    acked: AtomicU64,
    delivered: AtomicU64,
    deliveries: AtomicU32,
}

/// What a run came to. A run with a wrong count is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub accepted: u64,
    pub delivered: u64,
    pub duplicates: u64,
    pub foreign: u64,
    pub refused: u64,
}

impl Counts {
    pub fn are_right(&self, expected: u64) -> bool {
        *self == Counts { accepted: expected, delivered: expected, duplicates: 0, foreign: 0, refused: 0 }
    }
}

impl Ledger {
    /// For orders `0..orders`.
    pub fn new(orders: u64) -> Ledger {
        Ledger {
            start: Instant::now(),
            slots: (0..orders).map(|_| Slot::default()).collect(),
            foreign: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            kept: Mutex::new(Vec::new()),
        }
    }

    pub fn now_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn slot(&self, index: u64) -> Option<&Slot> {
        self.slots.get(usize::try_from(index).ok()?)
    }

    pub fn planned(&self, index: u64, at_ns: u64) {
        if let Some(slot) = self.slot(index) {
            slot.planned.store(at_ns, Relaxed);
        }
    }

    pub fn answered(&self, index: u64, status: u16) {
        match self.slot(index) {
            Some(slot) if (200..300).contains(&status) => slot.acked.store(self.now_ns(), Relaxed),
            Some(_) | None => self.refuse(),
        }
    }

    pub fn refuse(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// The target has received `body`; which order that was, if one of ours.
    pub fn deliver(&self, body: Vec<u8>) -> Option<u64> {
        let index = number(&body).and_then(|number| number.checked_sub(order::FIRST));
        let Some((index, slot)) = index.and_then(|index| Some((index, self.slot(index)?))) else {
            self.foreign.fetch_add(1, Relaxed);
            return None;
        };
        if slot.deliveries.fetch_add(1, Relaxed) == 0 {
            slot.delivered.store(self.now_ns(), Relaxed);
            self.delivered.fetch_add(1, Relaxed);
        }
        if index.is_multiple_of(KEEP_EVERY)
            && let Ok(mut kept) = self.kept.lock()
        {
            kept.push((index, body));
        }
        Some(index)
    }

    pub fn delivered(&self) -> u64 {
        self.delivered.load(Relaxed)
    }

    pub fn counts(&self) -> Counts {
        let deliveries: u64 = self.slots.iter().map(|slot| u64::from(slot.deliveries.load(Relaxed))).sum();
        Counts {
            accepted: self.slots.iter().map(|slot| u64::from(slot.acked.load(Relaxed) > 0)).sum(),
            delivered: self.delivered(),
            duplicates: deliveries - self.delivered(),
            foreign: self.foreign.load(Relaxed),
            refused: self.refused.load(Relaxed),
        }
    }

    /// From the planned (or sent) instant to the answer, sorted; orders from `first` on.
    pub fn ack_ns(&self, first: usize) -> Vec<u64> {
        self.spans(first, |slot| &slot.acked)
    }

    /// From the planned (or sent) instant to the arrival at the target, sorted.
    pub fn end_to_end_ns(&self, first: usize) -> Vec<u64> {
        self.spans(first, |slot| &slot.delivered)
    }

    fn spans(&self, first: usize, end: fn(&Slot) -> &AtomicU64) -> Vec<u64> {
        let span = |slot: &Slot| end(slot).load(Relaxed).saturating_sub(slot.planned.load(Relaxed));
        let mut spans: Vec<u64> = self.slots.iter().skip(first).map(span).collect();
        spans.sort_unstable();
        spans
    }

    /// From the first plan to the last delivery, of orders from `first` on.
    pub fn whole_ns(&self, first: usize) -> u64 {
        let slots = || self.slots.iter().skip(first);
        let start = slots().map(|slot| slot.planned.load(Relaxed)).min().unwrap_or(0);
        slots().map(|slot| slot.delivered.load(Relaxed)).max().unwrap_or(0).saturating_sub(start)
    }

    /// Deliveries per second after `start_ns`.
    pub fn delivered_per_s(&self, start_ns: u64) -> f64 {
        let times = || self.slots.iter().map(|slot| slot.delivered.load(Relaxed)).filter(|at| *at > start_ns);
        let end = times().max().unwrap_or(start_ns);
        times().count() as f64 * 1e9 / (end - start_ns).max(1) as f64
    }

    /// What is wrong with the deliveries that were kept.
    pub fn wrong_fields(&self) -> Vec<String> {
        let Ok(kept) = self.kept.lock() else { return vec!["the target's thread ended in a panic".to_owned()] };
        kept.iter().flat_map(|(index, body)| crate::referee::wrong_fields(*index, body)).collect()
    }
}

/// The number in `"number":"#100001"`, wherever it stands in the body.
fn number(body: &[u8]) -> Option<u64> {
    const KEY: &[u8] = b"\"number\"";
    let at = body.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let digits = body[at..].iter().skip_while(|byte| matches!(byte, b':' | b' ' | b'"' | b'#'));
    let digits: Vec<u8> = digits.take_while(|byte| byte.is_ascii_digit()).copied().collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(number: &str) -> Vec<u8> {
        format!(r#"{{"a":1, "number": "{number}"}}"#).into_bytes()
    }

    #[test]
    fn counts_say_what_went_wrong() {
        let ledger = Ledger::new(3);
        (0..3).for_each(|index| ledger.answered(index, if index == 2 { 503 } else { 200 }));
        for number in ["#100000", "#100000", "#100001", "#100003", "none"] {
            ledger.deliver(delivery(number));
        }
        let expected = Counts { accepted: 2, delivered: 2, duplicates: 1, foreign: 2, refused: 1 };
        assert_eq!(ledger.counts(), expected);
        assert!(!expected.are_right(2));
    }

    #[test]
    fn spans_begin_at_the_planned_instant() {
        let ledger = Ledger::new(2);
        ledger.planned(1, 1);
        ledger.answered(1, 200);
        ledger.deliver(delivery("#100001"));
        let (ack, end) = (ledger.ack_ns(1), ledger.end_to_end_ns(1));
        assert_eq!((ack.len(), end.len()), (1, 1));
        assert!(ack[0] <= end[0] && end[0] == ledger.whole_ns(1));
    }
}
