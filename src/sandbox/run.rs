//! The sandbox as its users hold it: start, traffic, calm, verdict, shutdown.
//!
//! Not here: any vendor's behaviour.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::catalogue::Catalogue;
use super::courier::{Ack, Courier, Vendor};
use super::erp::Erp;
use super::faults::{FaultDesk, Faults};
use super::forger::{Forger, ForgeryCounts};
use super::options::{Credentials, SandboxError, SandboxOptions};
use super::psp::Psp;
use super::serve::{Endpoint, Server, listen};
use super::shop::Shop;
use super::sync::locked;
use super::traffic::{Running, World};
use super::verdict::{FindingKind, Verdict, judge_deliveries, judge_orders, judge_payments, judge_stock};

/// Three vendors on loopback ports and the world around them; runs until shut down.
pub struct Sandbox {
    world: Arc<World>,
    courier: Arc<Courier>,
    desk: Arc<FaultDesk>,
    credentials: Credentials,
    addresses: Addresses,
    calls: Arc<AtomicU64>,
    running: Mutex<Option<Running>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Debug, Clone, Copy)]
struct Addresses {
    shop: SocketAddr,
    erp: SocketAddr,
    psp: SocketAddr,
}

/// How far things are; all counts since the start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    pub orders: u64,
    pub order_versions: u64,
    pub payments: u64,
    pub payment_states: u64,
    pub deliveries: u64,
    pub stock_snapshots: u64,
    /// Quantities published in valid snapshots.
    pub stock_rows: u64,
    /// Attempts, repetitions included.
    pub webhooks_sent: u64,
    /// Deliveries answered with 2xx, each counted once.
    pub webhooks_acknowledged: u64,
    pub webhooks_given_up: u64,
    /// Delayed, under way or waiting for their next try.
    pub webhooks_waiting: u64,
    pub api_calls: u64,
    pub forgeries: ForgeryCounts,
}

impl Sandbox {
    /// Binds the three vendors and places the backlog; no traffic yet.
    pub async fn start(options: SandboxOptions) -> Result<Sandbox, SandboxError> {
        check(&options)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let credentials = Credentials::default();
        let desk = Arc::new(FaultDesk::new(options.seed, options.faults.clone()));
        let courier =
            Courier::new(options.webhook_retry, &credentials, Arc::clone(&desk), tasks.clone(), stop.clone())?;
        let courier = Arc::new(courier);
        let world = Arc::new(world(options, &credentials, &courier, &desk)?);
        let calls = Arc::new(AtomicU64::new(0));
        let open = |vendor: Vendor, endpoint: Arc<dyn Endpoint>, port: Option<u16>| {
            let server = Arc::new(Server {
                endpoint,
                desk: Arc::clone(&desk),
                calls: Arc::clone(&calls),
                stop: stop.clone(),
                tasks: tasks.clone(),
            });
            let tasks = tasks.clone();
            async move {
                let (listener, address) = listen(vendor.name(), port).await?;
                tasks.spawn(server.run(listener));
                Ok::<SocketAddr, SandboxError>(address)
            }
        };
        let ports = world.options.ports;
        let addresses = Addresses {
            shop: open(Vendor::Shop, world.shop.clone(), ports.map(|ports| ports.shop)).await?,
            erp: open(Vendor::Erp, world.erp.clone(), ports.map(|ports| ports.erp)).await?,
            psp: open(Vendor::Psp, world.psp.clone(), ports.map(|ports| ports.psp)).await?,
        };
        world.place_backlog();
        let running = Mutex::default();
        Ok(Sandbox { world, courier, desk, credentials, addresses, calls, running, stop, tasks })
    }

    /// `http://127.0.0.1:port/admin/api/2026-10`, without a slash at the end.
    pub fn shop_url(&self) -> String {
        format!("http://{}/admin/api/{}", self.addresses.shop, super::shop::API_VERSION)
    }

    /// `http://127.0.0.1:port/api`.
    pub fn erp_url(&self) -> String {
        format!("http://{}/api", self.addresses.erp)
    }

    /// `http://127.0.0.1:port`; resources are under `/v1`.
    pub fn psp_url(&self) -> String {
        format!("http://{}", self.addresses.psp)
    }

    /// The directory in which the ERP leaves its files.
    pub fn drop_dir(&self) -> &Path {
        &self.world.options.drop_dir
    }

    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Where webhooks go, besides the shop's own subscriptions; forgeries go there too.
    pub fn set_webhook_targets(&self, shop: impl Into<String>, psp: impl Into<String>) {
        self.world.shop.set_target(Some(shop.into()));
        self.world.psp.set_target(Some(psp.into()));
    }

    /// Where the processor's webhooks go; its endpoint is entered by hand, as in the real one's dashboard.
    pub fn set_psp_webhook_target(&self, url: impl Into<String>) {
        self.world.psp.set_target(Some(url.into()));
    }

    /// Starts the traffic; while it runs, a second call does nothing.
    pub fn start_traffic(&self) {
        let mut running = locked(&self.running);
        if running.is_none() {
            *running = Some(self.world.run());
        }
    }

    /// Takes no new orders, finishes every life, ships what is ready and drops the final snapshot. Webhooks may still
    /// be on their way afterwards. Without traffic it does nothing.
    pub async fn stop_traffic(&self) -> Result<(), SandboxError> {
        let running = locked(&self.running).take();
        match running {
            Some(running) => self.world.finish(running).await,
            None => Ok(()),
        }
    }

    /// Ends all misbehaviour, so that the system can drain. A webhook already dropped stays dropped.
    pub fn calm(&self) {
        self.desk.set(Faults::none());
    }

    pub fn set_faults(&self, faults: Faults) {
        self.desk.set(faults);
    }

    /// Injections so far by kind.
    pub fn faults(&self) -> BTreeMap<String, u64> {
        self.desk.counts()
    }

    /// Every webhook delivery that was answered with 2xx.
    pub fn acknowledged(&self) -> Vec<Ack> {
        self.courier.acknowledged()
    }

    pub fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        {
            let shop = locked(self.world.shop.ledger());
            progress.orders = shop.orders().len() as u64;
            progress.order_versions = shop.orders().iter().map(|order| order.versions.len() as u64).sum();
        }
        {
            let psp = locked(self.world.psp.ledger());
            progress.payments = psp.intents.len() as u64;
            progress.payment_states = psp.events.len() as u64;
        }
        {
            let erp = locked(self.world.erp.ledger());
            progress.deliveries = erp.deliveries.len() as u64;
            progress.stock_snapshots = erp.snapshots.len() as u64;
            progress.stock_rows = erp.snapshots.iter().map(|snapshot| snapshot.available.len() as u64).sum();
        }
        let webhooks = self.courier.counts();
        progress.webhooks_sent = webhooks.attempts;
        progress.webhooks_acknowledged = webhooks.acknowledged;
        progress.webhooks_given_up = webhooks.given_up;
        progress.webhooks_waiting = webhooks.waiting;
        progress.api_calls = self.calls.load(Ordering::Relaxed);
        progress.forgeries = self.world.forger.counts();
        progress
    }

    /// The ERP loses a shipped order and tells nobody; returns the order's number, if there was one to lose.
    pub fn lose_order(&self) -> Option<String> {
        locked(self.world.erp.ledger()).lose()
    }

    /// Whether the ERP has an order of this number.
    pub fn has_order(&self, number: &str) -> bool {
        locked(self.world.erp.ledger()).by_reference(number).next().is_some()
    }

    /// Compares the ledgers as they are now; may be asked again and again until it is clean.
    pub fn verdict(&self) -> Verdict {
        let catalogue = self.world.shop.catalogue();
        let mut verdict = Verdict::default();
        {
            // Nothing else takes two ledgers at once, so this order cannot deadlock.
            let shop = locked(self.world.shop.ledger());
            let erp = locked(self.world.erp.ledger());
            let psp = locked(self.world.psp.ledger());
            judge_orders(&mut verdict, &shop, &erp, catalogue);
            judge_payments(&mut verdict, &psp, &erp);
            judge_stock(&mut verdict, &shop, &erp, catalogue);
            judge_deliveries(&mut verdict, &shop, &erp);
        }
        for told in self.world.forger.accepted() {
            verdict.add(FindingKind::ForgeryAccepted, Vendor::Shop, "webhook", told);
        }
        verdict.problems = locked(&self.world.problems).clone();
        verdict
    }

    /// Ends traffic, servers and webhooks on the spot.
    pub async fn shutdown(self) {
        self.stop.cancel();
        let running = locked(&self.running).take();
        if let Some(running) = running {
            running.abandon().await;
        }
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn check(options: &SandboxOptions) -> Result<(), SandboxError> {
    let refuse = |what: &str| Err(SandboxError::Options { what: what.to_owned() });
    if options.shop_bucket.0 == 0 || options.shop_bucket.1 == 0 || options.psp_calls_per_s == 0 {
        return refuse("a rate limit of 0 would refuse every call; give at least 1");
    }
    if options.currencies.iter().all(|(_, weight)| *weight == 0) {
        return refuse("no currency has a weight above 0");
    }
    if options.step_pause.0 > options.step_pause.1 {
        return refuse("the shortest step pause is longer than the longest");
    }
    Ok(())
}

fn world(
    options: SandboxOptions,
    credentials: &Credentials,
    courier: &Arc<Courier>,
    desk: &Arc<FaultDesk>,
) -> Result<World, SandboxError> {
    let catalogue = Arc::new(Catalogue::new(options.products));
    Ok(World {
        shop: Arc::new(Shop::new(&options, credentials, Arc::clone(&catalogue), Arc::clone(courier))),
        erp: Arc::new(Erp::new(&options, credentials, catalogue, Arc::clone(desk))?),
        psp: Arc::new(Psp::new(&options, credentials, Arc::clone(courier))),
        forger: Arc::new(Forger::new(credentials, Arc::clone(courier))?),
        rng: Mutex::new(fastrand::Rng::with_seed(options.seed)),
        problems: Mutex::default(),
        options,
    })
}
