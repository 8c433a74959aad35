//! Wall-clock time as an argument: the real one, or one that a test turns by hand; not here: durations (use `Instant`).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// Tells the time in microseconds since the epoch, UTC.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    #[default]
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    pub fn manual(start_us: i64) -> Clock {
        Clock::Manual(Arc::new(AtomicI64::new(start_us)))
    }

    pub fn now_us(&self) -> i64 {
        match self {
            Clock::System => Timestamp::now().as_microsecond(),
            Clock::Manual(now) => now.load(Ordering::SeqCst),
        }
    }

    /// Turns a manual clock; the system's cannot be turned.
    pub fn advance_us(&self, by: i64) {
        match self {
            Clock::System => {}
            Clock::Manual(now) => {
                now.fetch_add(by, Ordering::SeqCst);
            }
        }
    }
}
