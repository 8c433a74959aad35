//! Carries webhooks to the hub: signs, sends, repeats with growing pauses, gives up, and remembers every 2xx.
//!
//! Not here: which events exist and what their bodies say (`shop`, `psp`), and forged calls (`forger`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clock;
use super::faults::{Fault, FaultDesk};
use super::options::{Credentials, SandboxError, WebhookRetry};
use super::signature::Signer;
use super::sync::locked;

/// The systems of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vendor {
    Shop,
    Erp,
    Psp,
    /// The WooCommerce shop.
    Woo,
    Odoo,
}

impl Vendor {
    pub fn name(self) -> &'static str {
        match self {
            Vendor::Shop => "shop",
            Vendor::Erp => "erp",
            Vendor::Psp => "psp",
            Vendor::Woo => "woocommerce",
            Vendor::Odoo => "odoo",
        }
    }
}

impl std::fmt::Display for Vendor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A webhook that the hub answered with 2xx and therefore owns from then on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ack {
    pub vendor: Vendor,
    /// Topic or event type.
    pub kind: String,
    /// The vendor's id of the delivery: `X-Shopify-Webhook-Id` or the event id.
    pub id: String,
    /// The record it is about: order number, inventory item id or payment intent id.
    pub key: String,
}

/// One webhook on its way to one address.
#[derive(Debug, Clone)]
pub struct Parcel {
    pub address: String,
    pub body: Bytes,
    pub label: Label,
    pub ack: Ack,
}

/// What goes into the headers besides the signature.
#[derive(Debug, Clone)]
pub enum Label {
    Shop { event_id: String, triggered_at_s: i64 },
    Psp,
}

#[derive(Debug, Default)]
struct Counters {
    attempts: AtomicU64,
    given_up: AtomicU64,
    waiting: AtomicU64,
}

/// Sends parcels in the background; dropping a parcel for ever, doubling and delaying it are faults.
#[derive(Debug)]
pub struct Courier {
    client: reqwest::Client,
    retry: WebhookRetry,
    desk: Arc<FaultDesk>,
    shop_signer: Signer,
    psp_signer: Signer,
    acks: Mutex<BTreeMap<(Vendor, String), Ack>>,
    gave_up_on: Mutex<BTreeSet<String>>,
    counters: Counters,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Counts for [`super::run::Progress`].
#[derive(Debug, Clone, Copy, Default)]
pub struct CourierCounts {
    pub attempts: u64,
    pub acknowledged: u64,
    pub given_up: u64,
    pub waiting: u64,
}

impl Courier {
    pub fn new(
        retry: WebhookRetry,
        credentials: &Credentials,
        desk: Arc<FaultDesk>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, SandboxError> {
        // A second sandbox in this process finds the provider installed; that is the state we want.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(1))
            .timeout(retry.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Courier {
            client,
            retry,
            desk,
            shop_signer: Signer::new("shop", &credentials.shop_webhook_secret)?,
            psp_signer: Signer::new("psp", &credentials.psp_webhook_secret)?,
            acks: Mutex::default(),
            gave_up_on: Mutex::default(),
            counters: Counters::default(),
            tasks,
            stop,
        })
    }

    /// Takes a parcel; returns at once.
    pub fn send(self: &Arc<Self>, parcel: Parcel) {
        if self.desk.strikes(Fault::WebhookDropped) {
            return;
        }
        let delay = if self.desk.strikes(Fault::WebhookDelayed) {
            self.desk.pause_up_to(self.desk.rates().webhook_delay_max)
        } else {
            Duration::ZERO
        };
        if self.desk.strikes(Fault::WebhookDuplicated) {
            let later = self.desk.pause_up_to(Duration::from_secs(1));
            self.dispatch(parcel.clone(), later);
        }
        self.dispatch(parcel, delay);
    }

    /// Everything answered with 2xx so far, each delivery once.
    pub fn acknowledged(&self) -> Vec<Ack> {
        locked(&self.acks).values().cloned().collect()
    }

    /// Addresses given up since the last question.
    pub fn take_given_up(&self) -> BTreeSet<String> {
        std::mem::take(&mut *locked(&self.gave_up_on))
    }

    pub fn counts(&self) -> CourierCounts {
        CourierCounts {
            attempts: self.counters.attempts.load(Ordering::Relaxed),
            acknowledged: locked(&self.acks).len() as u64,
            given_up: self.counters.given_up.load(Ordering::Relaxed),
            waiting: self.counters.waiting.load(Ordering::Relaxed),
        }
    }

    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    fn dispatch(self: &Arc<Self>, parcel: Parcel, delay: Duration) {
        self.counters.waiting.fetch_add(1, Ordering::Relaxed);
        let this = Arc::clone(self);
        self.tasks.spawn(async move {
            tokio::select! {
                () = this.stop.cancelled() => {}
                () = this.carry(&parcel, delay) => {}
            }
            this.counters.waiting.fetch_sub(1, Ordering::Relaxed);
        });
    }

    async fn carry(&self, parcel: &Parcel, delay: Duration) {
        tokio::time::sleep(delay).await;
        let mut pause = self.retry.first_pause;
        for attempt in 1..=self.retry.tries {
            if self.attempt(parcel).await {
                let key = (parcel.ack.vendor, parcel.ack.id.clone());
                locked(&self.acks).entry(key).or_insert_with(|| parcel.ack.clone());
                return;
            }
            if attempt < self.retry.tries {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(self.retry.longest_pause);
            }
        }
        self.counters.given_up.fetch_add(1, Ordering::Relaxed);
        locked(&self.gave_up_on).insert(parcel.address.clone());
    }

    /// One try; anything but a 2xx, and any failure to get an answer, is a no.
    async fn attempt(&self, parcel: &Parcel) -> bool {
        self.counters.attempts.fetch_add(1, Ordering::Relaxed);
        let request = self.client.post(&parcel.address).header("content-type", "application/json");
        let request = self.labelled(request, parcel).body(parcel.body.clone());
        match request.send().await {
            Ok(response) => response.status().is_success(),
            Err(_) => false,
        }
    }

    fn labelled(&self, request: reqwest::RequestBuilder, parcel: &Parcel) -> reqwest::RequestBuilder {
        match &parcel.label {
            Label::Shop { event_id, triggered_at_s } => shop_headers(request, &parcel.ack, event_id, *triggered_at_s)
                .header("X-Shopify-Hmac-Sha256", self.shop_signer.shop(&parcel.body)),
            // Each try is signed anew: a retry after minutes must not look like a replay.
            Label::Psp => request.header("Stripe-Signature", self.psp_signer.psp(clock::now_s(), &parcel.body)),
        }
    }
}

/// The headers of the sheet, without the signature.
pub fn shop_headers(
    request: reqwest::RequestBuilder,
    ack: &Ack,
    event_id: &str,
    triggered_at_s: i64,
) -> reqwest::RequestBuilder {
    request
        .header("X-Shopify-Topic", &ack.kind)
        .header("X-Shopify-Shop-Domain", "sandbox.myshopify.com")
        .header("X-Shopify-API-Version", super::shop::API_VERSION)
        .header("X-Shopify-Webhook-Id", &ack.id)
        .header("X-Shopify-Event-Id", event_id)
        .header("X-Shopify-Triggered-At", clock::utc_time(triggered_at_s))
}
