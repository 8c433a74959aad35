//! The busy world around shop and Odoo: customers order, orders live, goods come and go, forgers try their luck.
//!
//! Not here: what the vendors do with it; each has its own ledger.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::lives::{Step, life};
use super::options::TradeOptions;
use crate::sandbox::courier::Vendor;
use crate::sandbox::forger::{Forger, Forgery};
use crate::sandbox::odoo::Odoo;
use crate::sandbox::sync::locked;
use crate::sandbox::woo::{Cart, Status, Woo};

/// Everything the loops need; shared by all of them.
pub struct TradeWorld {
    pub options: TradeOptions,
    pub woo: Arc<Woo>,
    pub odoo: Arc<Odoo>,
    pub forger: Forger,
    pub forgery_target: Mutex<Option<String>>,
    pub rng: Mutex<fastrand::Rng>,
}

/// Traffic that is under way.
pub struct TradeRunning {
    /// No new orders from here on, and no more pauses between the steps of a life.
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl TradeRunning {
    pub async fn end(self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl TradeWorld {
    pub fn run(self: &Arc<Self>) -> TradeRunning {
        let running = TradeRunning { closing: CancellationToken::new(), tasks: TaskTracker::new() };
        let (closing, tasks) = (&running.closing, &running.tasks);
        tasks.spawn(Arc::clone(self).take_orders(closing.clone(), tasks.clone()));
        tasks.spawn(Arc::clone(self).work_the_warehouse(closing.clone()));
        if let Some(every) = self.options.forgery_every {
            tasks.spawn(Arc::clone(self).forge(every, closing.clone()));
        }
        running
    }

    /// The last day: all that is ready leaves, and each article gets a delivery larger than all that was ever reserved, so that
    /// its level is one that Odoo never told before. Otherwise a level that went away and came back between two reads would
    /// be no news, while the shop's own stock had moved in between.
    pub fn settle(&self) {
        self.odoo.ship(0);
        for article in 0..self.woo.catalogue().products().len() {
            let pieces = locked(&self.rng).i64(2_000..3_000);
            self.odoo.receive(article, pieces);
        }
    }

    pub fn place_backlog(&self) {
        for _ in 0..self.options.backlog_orders {
            let (id, steps) = self.new_order(true);
            for step in steps {
                self.take(id, step, true);
            }
        }
    }

    async fn take_orders(self: Arc<Self>, closing: CancellationToken, tasks: TaskTracker) {
        for _ in 0..self.options.most_orders {
            if !pause(self.options.order_every, &closing).await {
                return;
            }
            tasks.spawn(Arc::clone(&self).live(closing.clone()));
        }
    }

    async fn live(self: Arc<Self>, closing: CancellationToken) {
        let (id, steps) = self.new_order(false);
        for step in steps {
            pause(self.step_pause(), &closing).await;
            self.take(id, step, false);
        }
    }

    fn new_order(&self, silently: bool) -> (i64, Vec<Step>) {
        let mut rng = locked(&self.rng);
        let known = locked(self.woo.ledger()).customers.len();
        let mut cart = Cart::drawn(&mut rng, self.woo.catalogue(), known);
        if let Some(one_in) = self.options.guests_one_in {
            cart.guest = rng.u8(0..one_in.max(1)) == 0;
        }
        if !silently && rng.u8(0..5) == 0 {
            cart.customer = self.woo.register(&mut rng);
        }
        let id = self.woo.place(&cart, silently);
        (id, life(&mut rng, cart.draft))
    }

    fn take(&self, id: i64, step: Step, silently: bool) {
        let total = || locked(self.woo.ledger()).order(id).map_or(0, |o| o.untaxed_cents() + o.tax_cents());
        match step {
            Step::To(status) => self.woo.change(id, status, silently),
            Step::RefundPart => self.woo.refund(id, total() / 3, silently),
            Step::RefundAll => self.woo.refund(id, total(), silently),
        }
    }

    fn step_pause(&self) -> Duration {
        let (shortest, longest) = self.options.step_pause;
        let span_ms = u64::try_from(longest.saturating_sub(shortest).as_millis()).unwrap_or(u64::MAX);
        shortest + Duration::from_millis(locked(&self.rng).u64(0..=span_ms))
    }

    async fn work_the_warehouse(self: Arc<Self>, closing: CancellationToken) {
        let after_s = i64::try_from(self.options.ships_after.as_secs()).unwrap_or(i64::MAX);
        while pause(self.options.warehouse_every, &closing).await {
            let (article, pieces) = {
                let mut rng = locked(&self.rng);
                (rng.usize(0..self.woo.catalogue().products().len()), rng.i64(1..100))
            };
            self.odoo.receive(article, pieces);
            self.odoo.ship(after_s);
        }
    }

    async fn forge(self: Arc<Self>, every: Duration, closing: CancellationToken) {
        let lies = Forgery::ALL.into_iter().filter(|forgery| *forgery != Forgery::Stale).cycle();
        // A body signed an hour ago is an ordinary late delivery: the signature carries no time.
        for forgery in lies {
            if !pause(every, &closing).await {
                return;
            }
            let target = locked(&self.forgery_target).clone();
            if let Some(address) = target {
                self.forger.lie(Vendor::Woo, forgery, &address).await;
            }
        }
    }
}

/// Waits, but not longer than until closing time; false once that has come.
async fn pause(length: Duration, closing: &CancellationToken) -> bool {
    tokio::select! {
        biased;
        () = closing.cancelled() => false,
        () = tokio::time::sleep(length) => true,
    }
}

/// Orders of the shop that are not drafts.
pub fn real_orders(world: &TradeWorld) -> u64 {
    let ledger = locked(world.woo.ledger());
    ledger.orders.iter().filter(|order| order.status() != Status::CheckoutDraft).count() as u64
}
