//! Shop and Odoo as their users hold them: start, traffic, calm, verdict, shutdown.
//!
//! Not here: any vendor's behaviour.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::options::TradeOptions;
use super::traffic::{TradeRunning, TradeWorld, real_orders};
use super::verdict::judge;
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::courier::{Courier, Vendor};
use crate::sandbox::faults::{FaultDesk, Faults};
use crate::sandbox::forger::{Forger, ForgeryCounts};
use crate::sandbox::odoo::{DISCOUNT, Odoo, PRICE_LIST, SHIPPING, STOCK_LOCATION, USER_ID};
use crate::sandbox::options::{Credentials, SandboxError, WebhookRetry};
use crate::sandbox::serve::{Endpoint, Server, listen};
use crate::sandbox::sync::locked;
use crate::sandbox::verdict::{FindingKind, Verdict};
use crate::sandbox::woo::{Woo, WooLedger};

/// Two vendors on loopback ports and the world around them; runs until shut down.
pub struct Trade {
    world: Arc<TradeWorld>,
    desk: Arc<FaultDesk>,
    credentials: Credentials,
    woo: SocketAddr,
    odoo: SocketAddr,
    calls: Arc<AtomicU64>,
    running: Mutex<Option<TradeRunning>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// How far things are; all counts since the start.
#[derive(Debug, Clone, Copy, Default)]
pub struct TradeProgress {
    /// Without carts that never became orders.
    pub orders: u64,
    pub sales_orders: u64,
    pub webhooks_sent: u64,
    /// Webhooks in the shop's list, by what became of them.
    pub hooks_active: usize,
    pub hooks_disabled: usize,
    /// Greetings of new webhooks that were not answered with exactly 200.
    pub greetings_refused: u64,
    pub api_calls: u64,
    pub forgeries: ForgeryCounts,
}

impl Trade {
    /// Binds both vendors and places the backlog; no traffic yet.
    pub async fn start(options: TradeOptions) -> Result<Trade, SandboxError> {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let credentials = Credentials::default();
        let desk = Arc::new(FaultDesk::new(options.seed, options.faults.clone()));
        let world = Arc::new(build(options, &credentials, &desk, (&tasks, &stop))?);
        let calls = Arc::new(AtomicU64::new(0));
        let open = |vendor: Vendor, endpoint: Arc<dyn Endpoint>| {
            let server = Arc::new(Server {
                endpoint,
                desk: Arc::clone(&desk),
                calls: Arc::clone(&calls),
                stop: stop.clone(),
                tasks: tasks.clone(),
            });
            let tasks = tasks.clone();
            async move {
                let (listener, address) = listen(vendor.name(), None).await?;
                tasks.spawn(server.run(listener));
                Ok::<SocketAddr, SandboxError>(address)
            }
        };
        let woo = open(Vendor::Woo, world.woo.clone()).await?;
        let odoo = open(Vendor::Odoo, world.odoo.clone()).await?;
        world.place_backlog();
        let running = Mutex::default();
        Ok(Trade { world, desk, credentials, woo, odoo, calls, running, stop, tasks })
    }

    /// The shop's own address; the API is below `/wp-json/wc/v3`.
    pub fn woo_url(&self) -> String {
        format!("http://{}", self.woo)
    }

    /// Odoo's own address; the API is `/jsonrpc`.
    pub fn odoo_url(&self) -> String {
        format!("http://{}", self.odoo)
    }

    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Ids that an administrator would read off Odoo's address bar: user, location, price list, shipping, discount.
    pub fn odoo_ids(&self) -> [i64; 5] {
        [USER_ID, STOCK_LOCATION, PRICE_LIST, SHIPPING, DISCOUNT]
    }

    /// Where forged webhooks go; honest ones go where they were asked for through the API.
    pub fn set_forgery_target(&self, url: impl Into<String>) {
        *locked(&self.world.forgery_target) = Some(url.into());
    }

    /// Starts the traffic; while it runs, a second call does nothing.
    pub fn start_traffic(&self) {
        let mut running = locked(&self.running);
        if running.is_none() {
            *running = Some(self.world.run());
        }
    }

    /// Takes no new orders, finishes every life, ships what is ready, and lets one more lorry come for each article.
    pub async fn stop_traffic(&self) {
        let running = locked(&self.running).take();
        if let Some(running) = running {
            running.end().await;
            self.world.settle();
        }
    }

    /// Ends all misbehaviour. A webhook already dropped stays dropped, a disabled one disabled.
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

    pub fn progress(&self) -> TradeProgress {
        let orders = real_orders(&self.world);
        let sales_orders = locked(self.world.odoo.db()).table("sale.order").count() as u64;
        let ledger = locked(self.world.woo.ledger());
        let hooks = |status: &str| ledger.hooks.iter().filter(|hook| hook.status == status).count();
        TradeProgress {
            orders,
            sales_orders,
            webhooks_sent: self.world.woo.attempts(),
            hooks_active: hooks("active"),
            hooks_disabled: hooks("disabled"),
            greetings_refused: self.world.woo.greetings_refused(),
            api_calls: self.calls.load(Ordering::Relaxed),
            forgeries: self.world.forger.counts(),
        }
    }

    /// Compares both ledgers as they are now; may be asked again and again until it is clean.
    pub fn verdict(&self) -> Verdict {
        let mut verdict = Verdict::default();
        {
            // Nothing else takes both ledgers at once, so this order cannot deadlock.
            let woo = locked(self.world.woo.ledger());
            let odoo = locked(self.world.odoo.db());
            judge(&mut verdict, &woo, &odoo, self.world.woo.catalogue());
        }
        for told in self.world.forger.accepted() {
            verdict.add(FindingKind::ForgeryAccepted, Vendor::Woo, "webhook", told);
        }
        verdict
    }

    /// Ends traffic, servers and webhooks on the spot.
    pub async fn shutdown(self) {
        self.stop.cancel();
        let running = locked(&self.running).take();
        if let Some(running) = running {
            running.end().await;
        }
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn build(
    options: TradeOptions,
    credentials: &Credentials,
    desk: &Arc<FaultDesk>,
    (tasks, stop): (&TaskTracker, &CancellationToken),
) -> Result<TradeWorld, SandboxError> {
    let catalogue = Arc::new(Catalogue::new(options.products));
    let mut rng = fastrand::Rng::with_seed(options.seed);
    let ledger = WooLedger::new(&catalogue, options.customers.max(1), &mut rng);
    let first = ledger.customers.first().map(|customer| (customer.person.full_name(), customer.email()));
    let courier = Courier::new(WebhookRetry::default(), credentials, Arc::clone(desk), tasks.clone(), stop.clone())?;
    let courier = Arc::new(courier);
    let woo = Woo::new(
        ledger,
        Arc::clone(&catalogue),
        credentials,
        Arc::clone(desk),
        courier.client().clone(),
        (tasks.clone(), stop.clone()),
    );
    let odoo = Odoo::new(&catalogue, credentials, options.seed, Arc::clone(desk));
    if let Some((name, email)) = first {
        // Odoo keeps addresses as they were typed.
        odoo.remember_partner(&name, &email.to_uppercase());
    }
    Ok(TradeWorld {
        options,
        woo,
        odoo: Arc::new(odoo),
        forger: Forger::new(credentials, courier)?,
        forgery_target: Mutex::default(),
        rng: Mutex::new(rng),
    })
}
