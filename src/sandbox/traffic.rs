//! The busy world: orders come in and live their lives, the warehouse works, nights fall, forgers try their luck.
//!
//! Not here: what the vendors do with it; each has its own ledger.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::erp::Erp;
use super::forger::Forger;
use super::options::{SandboxError, SandboxOptions};
use super::plan::{LifeStep, life};
use super::psp::Psp;
use super::shop::{Basket, Shop, ShopOrder};
use super::sync::locked;

/// Everything the world's loops need; shared by all of them.
pub struct World {
    pub options: SandboxOptions,
    pub shop: Arc<Shop>,
    pub erp: Arc<Erp>,
    pub psp: Arc<Psp>,
    pub forger: Arc<Forger>,
    pub rng: Mutex<fastrand::Rng>,
    /// What went wrong in the sandbox itself; any entry spoils the verdict.
    pub problems: Mutex<Vec<String>>,
}

/// Traffic that is under way.
pub struct Running {
    /// No new orders from here on, and no more pauses between the steps of a life.
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl World {
    /// Starts every loop.
    pub fn run(self: &Arc<Self>) -> Running {
        let running = Running { closing: CancellationToken::new(), tasks: TaskTracker::new() };
        let (closing, tasks) = (&running.closing, &running.tasks);
        tasks.spawn(Arc::clone(self).take_orders(closing.clone(), tasks.clone()));
        tasks.spawn(Arc::clone(self).work_the_warehouse(closing.clone()));
        tasks.spawn(Arc::clone(self).let_nights_fall(closing.clone()));
        if let Some(every) = self.options.forgery_every {
            tasks.spawn(Arc::clone(self).forge(every, closing.clone()));
        }
        running
    }

    /// Ends the traffic: lives are finished at once, what is ready is shipped, and the last night falls.
    pub async fn finish(&self, running: Running) -> Result<(), SandboxError> {
        running.closing.cancel();
        running.tasks.close();
        running.tasks.wait().await;
        self.erp.ship(0).await?;
        self.erp.drop_final_stock().await
    }

    /// Orders from before the hub was there: complete lives that no webhook tells of.
    pub fn place_backlog(&self) {
        for _ in 0..self.options.backlog_orders {
            let (order, payment, steps) = self.new_order(true);
            for step in steps {
                self.take_step(&order, payment, step, true);
            }
        }
    }

    async fn take_orders(self: Arc<Self>, closing: CancellationToken, tasks: TaskTracker) {
        let mut beat = tokio::time::interval(self.options.order_every.max(Duration::from_millis(1)));
        loop {
            tokio::select! {
                () = closing.cancelled() => return,
                _ = beat.tick() => { tasks.spawn(Arc::clone(&self).live(closing.clone())); }
            }
        }
    }

    async fn live(self: Arc<Self>, closing: CancellationToken) {
        let (order, payment, steps) = self.new_order(false);
        for step in steps {
            pause(self.step_pause(), &closing).await;
            self.take_step(&order, payment, step, false);
        }
    }

    fn new_order(&self, silently: bool) -> (ShopOrder, usize, Vec<LifeStep>) {
        let basket = {
            let mut rng = locked(&self.rng);
            Basket::drawn(&mut rng, self.shop.catalogue(), &self.options.currencies)
        };
        let order = self.shop.place(&basket, silently);
        let payment = self.psp.open(&order.name(), order.currency, order.total_minor(), silently);
        let steps = life(&mut locked(&self.rng), order.currency, order.total_minor());
        (order, payment, steps)
    }

    fn take_step(&self, order: &ShopOrder, payment: usize, step: LifeStep, silently: bool) {
        if let Some(payment_step) = step.payment {
            self.psp.advance(payment, payment_step, silently);
        }
        if let Some(change) = step.order {
            self.shop.change(order.id, silently, |version| change.apply(version));
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
            self.receive_goods();
            self.note(self.erp.ship(after_s).await.map(|_| ()));
        }
    }

    /// A lorry with an eighth of all articles.
    fn receive_goods(&self) {
        let products = self.shop.catalogue().products().len();
        let received: Vec<(usize, i64)> = {
            let mut rng = locked(&self.rng);
            (0..products.div_ceil(8)).map(|_| (rng.usize(0..products), rng.i64(1..200))).collect()
        };
        for (product, quantity) in received {
            self.erp.receive(product, quantity);
        }
    }

    async fn let_nights_fall(self: Arc<Self>, closing: CancellationToken) {
        self.note(self.erp.drop_stock().await);
        while pause(self.options.nightly_every, &closing).await {
            self.note(self.erp.drop_stock().await);
        }
    }

    async fn forge(self: Arc<Self>, every: Duration, closing: CancellationToken) {
        while pause(every, &closing).await {
            let kind = locked(&self.rng).usize(..);
            self.forger.try_one(kind, self.shop.target(), self.psp.target()).await;
        }
    }

    fn note(&self, outcome: Result<(), SandboxError>) {
        if let Err(problem) = outcome {
            locked(&self.problems).push(problem.to_string());
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

impl Running {
    /// Closes shop without waiting for the last shipment and night.
    pub async fn abandon(self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
