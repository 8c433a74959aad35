//! What a shop before an Odoo is told before it starts.
//!
//! Not here: the fault rates (`faults`) and credentials (`options`).

use std::time::Duration;

use crate::sandbox::faults::Faults;

/// Decides how the two behave; the same seed draws the same customers, carts and lives.
#[derive(Debug, Clone)]
pub struct TradeOptions {
    pub seed: u64,
    pub faults: Faults,
    /// Registered customers at the start; some of those who order later are new.
    pub customers: usize,
    pub products: usize,
    /// Orders whose life is over before anyone listens; no webhook tells of them.
    pub backlog_orders: u32,
    /// No more new orders than this while the traffic runs.
    pub most_orders: u32,
    /// One order in this many is a guest's, whom no list of customers knows; `None`: no guests.
    pub guests_one_in: Option<u8>,
    pub order_every: Duration,
    pub step_pause: (Duration, Duration),
    /// Pause between two warehouse rounds (receipts, shipments).
    pub warehouse_every: Duration,
    /// How long goods lie reserved before they are shipped.
    pub ships_after: Duration,
    /// Pause between two forged webhook calls; `None` sends none.
    pub forgery_every: Option<Duration>,
}

impl TradeOptions {
    /// A calm, quick trade without faults.
    pub fn new(seed: u64) -> Self {
        TradeOptions {
            seed,
            faults: Faults::none(),
            customers: 6,
            products: 16,
            backlog_orders: 4,
            most_orders: 200,
            guests_one_in: None,
            order_every: Duration::from_millis(150),
            step_pause: (Duration::from_millis(200), Duration::from_millis(1500)),
            warehouse_every: Duration::from_millis(500),
            ships_after: Duration::from_secs(1),
            forgery_every: None,
        }
    }
}
