//! The WooCommerce shop as the rest of the sandbox sees it: customers order, orders live, the hub writes back.
//!
//! Not here: routes (`api`) and when things happen (`trade`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::hooks::{self, News, hook_json};
use super::json::{note_json, order_json, product_json};
use super::ledger::WooLedger;
use super::lists::invalid_param;
use super::order::{Cart, Status};
use super::{api, products_api};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::faults::FaultDesk;
use crate::sandbox::options::Credentials;
use crate::sandbox::sync::locked;

pub struct Woo {
    ledger: Mutex<WooLedger>,
    catalogue: Arc<Catalogue>,
    key: String,
    secret: String,
    desk: Arc<FaultDesk>,
    client: reqwest::Client,
    tasks: TaskTracker,
    stop: CancellationToken,
    attempts: AtomicU64,
    greetings_refused: AtomicU64,
    /// Webhooks speak of themselves in tasks of their own, which need the shop whole.
    this: std::sync::Weak<Woo>,
}

impl Woo {
    pub fn new(
        ledger: WooLedger,
        catalogue: Arc<Catalogue>,
        credentials: &Credentials,
        desk: Arc<FaultDesk>,
        client: reqwest::Client,
        (tasks, stop): (TaskTracker, CancellationToken),
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Woo {
            ledger: Mutex::new(ledger),
            catalogue,
            key: credentials.woo_key.clone(),
            secret: credentials.woo_secret.clone(),
            desk,
            client,
            tasks,
            stop,
            attempts: AtomicU64::new(0),
            greetings_refused: AtomicU64::new(0),
            this: this.clone(),
        })
    }

    pub fn ledger(&self) -> &Mutex<WooLedger> {
        &self.ledger
    }

    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Webhooks sent, repetitions included.
    pub fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Greetings of new webhooks that were not answered with exactly 200.
    pub fn greetings_refused(&self) -> u64 {
        self.greetings_refused.load(Ordering::Relaxed)
    }

    pub(super) fn desk(&self) -> &FaultDesk {
        &self.desk
    }

    pub(super) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    pub(super) fn keys(&self) -> (&str, &str) {
        (&self.key, &self.secret)
    }

    pub(super) fn count_attempt(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_greeting(&self, status: u16) {
        if status != 200 {
            self.greetings_refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
    }

    fn announce(&self, topic: &'static str, news: News) {
        if let Some(this) = self.this.upgrade() {
            this.tell(topic, news);
        }
    }

    /// A customer registers; returns their position.
    pub fn register(&self, rng: &mut fastrand::Rng) -> usize {
        let at = locked(&self.ledger).register(rng, crate::sandbox::clock::now_s());
        self.announce("customer.created", News::Customer(at));
        at
    }

    /// A customer orders; a draft is listed, but no webhook tells of it.
    pub fn place(&self, cart: &Cart, silently: bool) -> i64 {
        let id = locked(&self.ledger).place(cart, &self.catalogue);
        if !cart.draft && !silently {
            self.announce("order.created", News::Order(id));
        }
        id
    }

    /// An order moves on. A draft that becomes an order is new to the world.
    pub fn change(&self, id: i64, status: Status, silently: bool) {
        let (before, touched) = {
            let mut ledger = locked(&self.ledger);
            let before = ledger.order(id).map(|order| order.status());
            let stocked = before.is_some_and(|before| before.holds_stock() != status.holds_stock());
            if !ledger.change(id, status) {
                return;
            }
            let lines = ledger.order(id).map(|order| order.lines.clone()).unwrap_or_default();
            (before, if stocked { lines } else { Vec::new() })
        };
        if silently {
            return;
        }
        let new = before == Some(Status::CheckoutDraft);
        self.announce(if new { "order.created" } else { "order.updated" }, News::Order(id));
        for line in touched {
            self.announce("product.updated", News::Product(line.article));
        }
    }

    pub fn refund(&self, id: i64, cents: i64, silently: bool) {
        let done = locked(&self.ledger).refund(id, cents, "damaged");
        if done && !silently {
            self.announce("order.updated", News::Order(id));
        }
    }

    pub(super) fn change_status(&self, call: &Call, id: i64) -> Answer {
        let body = match api::document(call) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        let current = locked(&self.ledger).order(id).map(|order| order.status());
        // Updates of what does not exist answer 400, reads 404 (unverified).
        let Some(current) = current else {
            return super::lists::error(400, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.");
        };
        match body.get("status").map(|word| word.as_str().and_then(Status::from_word)) {
            Some(None) => return invalid_param("status"),
            Some(Some(status)) if status != current => self.change(id, status, false),
            Some(Some(_)) | None => {}
        }
        let ledger = locked(&self.ledger);
        match ledger.order(id) {
            Some(order) => Answer::json(200, &order_json(&ledger, order, &self.catalogue)),
            None => api::not_found("shop_order"),
        }
    }

    /// A second note with the same text is taken on purpose: a shop that refused it would hide a hub that tells twice.
    pub(super) fn add_note(&self, call: &Call, id: i64) -> Answer {
        let body = match api::document(call) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        let Some(text) = body["note"].as_str().filter(|text| !text.is_empty()) else { return invalid_param("note") };
        let to_customer = body["customer_note"].as_bool().unwrap_or(false);
        match locked(&self.ledger).note(id, text, to_customer) {
            Some(note) => Answer::json(201, &note_json(note)),
            None => super::lists::error(404, "woocommerce_rest_order_invalid_id", "Invalid order ID."),
        }
    }

    pub(super) fn set_stock(&self, call: &Call, id: i64, parent: Option<i64>) -> Answer {
        let written = {
            let mut ledger = locked(&self.ledger);
            let (at, quantity) = match products_api::stock_write(&ledger, call, id, parent) {
                Ok(written) => written,
                Err(refusal) => return refusal,
            };
            if let Some(quantity) = quantity {
                ledger.set_stock(at, quantity);
            }
            let shown = ledger.items.get(at).zip(self.catalogue.product(at)).map(|(i, p)| product_json(i, p));
            (at, shown)
        };
        self.announce("product.updated", News::Product(written.0));
        Answer::json(200, &written.1.unwrap_or_default())
    }

    pub(super) fn make_hook(&self, call: &Call) -> Answer {
        let made = hooks::create(&mut locked(&self.ledger), call);
        match made {
            Ok(hook) => {
                if let Some(this) = self.this.upgrade() {
                    this.greet(&hook);
                }
                Answer::json(201, &hook_json(&hook))
            }
            Err(refusal) => refusal,
        }
    }
}
