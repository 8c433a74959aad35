//! What a sandbox is told before it starts: seed, pace, limits, addresses, and the errors it can end with.
//!
//! Not here: the fault rates themselves (`faults`) and anything that runs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::faults::Faults;
use super::money::Currency;

/// Everything that decides how a sandbox behaves; the same seed draws the same orders, people and life cycles.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    pub seed: u64,
    /// Where the ERP leaves its files; created if missing.
    pub drop_dir: PathBuf,
    pub faults: Faults,
    /// Size and leak per second of the shop's leaky bucket; Shopify's standard plan is (40, 2).
    pub shop_bucket: (u32, u32),
    pub psp_calls_per_s: u32,
    /// Pause between two new orders.
    pub order_every: Duration,
    /// Shortest and longest pause between two steps of an order's life.
    pub step_pause: (Duration, Duration),
    /// Pause between two full stock snapshots ("nights").
    pub nightly_every: Duration,
    /// Pause between two warehouse rounds (receipts, shipments).
    pub warehouse_every: Duration,
    /// How long a paid order lies in the warehouse before it is shipped.
    pub ships_after: Duration,
    /// Pause between two forged webhook calls; `None` sends none.
    pub forgery_every: Option<Duration>,
    pub webhook_retry: WebhookRetry,
    /// Shopify deletes a subscription made through its API once a delivery is given up.
    pub removes_subscription_on_give_up: bool,
    /// Currencies of new orders with their weights.
    pub currencies: Vec<(Currency, u32)>,
    /// Number of products, at most [`super::catalogue::MOST_PRODUCTS`].
    pub products: usize,
    /// Orders whose life is already over when the sandbox starts; no webhook tells of them.
    pub backlog_orders: u32,
    /// Fixed ports for the three vendors; `None` takes free ones.
    pub ports: Option<Ports>,
}

impl SandboxOptions {
    /// A calm, quick sandbox: ten orders a second, a "night" every five seconds, no faults.
    pub fn new(seed: u64, drop_dir: impl Into<PathBuf>) -> Self {
        SandboxOptions {
            seed,
            drop_dir: drop_dir.into(),
            faults: Faults::none(),
            shop_bucket: (40, 2),
            psp_calls_per_s: 100,
            order_every: Duration::from_millis(100),
            step_pause: (Duration::from_millis(200), Duration::from_millis(1500)),
            nightly_every: Duration::from_secs(5),
            warehouse_every: Duration::from_millis(500),
            ships_after: Duration::from_secs(2),
            forgery_every: None,
            webhook_retry: WebhookRetry::default(),
            removes_subscription_on_give_up: false,
            currencies: vec![(Currency::Eur, 16), (Currency::Jpy, 2), (Currency::Kwd, 2)],
            products: 32,
            backlog_orders: 0,
            ports: None,
        }
    }
}

/// How a vendor repeats a webhook that was not answered with 2xx: the first pause doubles with each try.
#[derive(Debug, Clone, Copy)]
pub struct WebhookRetry {
    pub first_pause: Duration,
    pub longest_pause: Duration,
    pub tries: u32,
    /// The whole answer must arrive within this time; Shopify allows five seconds.
    pub timeout: Duration,
}

impl Default for WebhookRetry {
    fn default() -> Self {
        WebhookRetry {
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(10),
            tries: 12,
            timeout: Duration::from_secs(5),
        }
    }
}

/// One loopback port per vendor, so that a vendor is found at the same address after a restart.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub shop: u16,
    pub erp: u16,
    pub psp: u16,
}

/// What a hub needs to talk to the vendors; invented values, the same for every sandbox.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Value of `X-Shopify-Access-Token`.
    pub shop_token: String,
    /// The app's client secret: key of `X-Shopify-Hmac-Sha256`.
    pub shop_webhook_secret: String,
    pub erp_user: String,
    pub erp_password: String,
    /// Value after `Authorization: Bearer`.
    pub psp_key: String,
    /// Key of `Stripe-Signature`, used whole, with its prefix.
    pub psp_webhook_secret: String,
    pub woo_key: String,
    pub woo_secret: String,
    /// Key of `X-WC-Webhook-Signature` of forgeries that are well signed; the shop's webhooks have the secret they were made with.
    pub woo_webhook_secret: String,
    pub odoo_database: String,
    pub odoo_login: String,
    /// An API key in the password's place.
    pub odoo_key: String,
}

impl Default for Credentials {
    fn default() -> Self {
        Credentials {
            shop_token: "shpat_sandbox_5f1c0d7e".to_owned(),
            shop_webhook_secret: "shpss_sandbox_0123456789abcdef".to_owned(),
            erp_user: "syncline".to_owned(),
            erp_password: "sandbox-erp-password".to_owned(),
            psp_key: "sk_test_sandbox_4eC39HqLyjWD".to_owned(),
            psp_webhook_secret: "whsec_sandbox_7a1d9e3c5b".to_owned(),
            woo_key: "ck_sandbox_1a2b3c4d5e6f".to_owned(),
            woo_secret: "cs_sandbox_6f5e4d3c2b1a".to_owned(),
            woo_webhook_secret: "wcsandbox9f8e7d6c5b4a".to_owned(),
            odoo_database: "sandbox".to_owned(),
            odoo_login: "hub@example.com".to_owned(),
            odoo_key: "6578616d706c6573616e64626f78".to_owned(),
        }
    }
}

/// Why a sandbox could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("sandbox {vendor}: cannot listen on {address}: {cause}; free the port or choose another")]
    Listen { vendor: &'static str, address: SocketAddr, cause: std::io::Error },
    #[error("sandbox erp: cannot write {path}: {cause}; check the drop directory and its permissions")]
    Drop { path: PathBuf, cause: std::io::Error },
    #[error("sandbox erp: {text:?} in the stock file has no Windows-1252 form; change the catalogue")]
    Unencodable { text: String },
    #[error("sandbox: cannot build the webhook client: {0}")]
    Client(#[from] reqwest::Error),
    #[error("sandbox: the secret for {vendor} webhooks cannot be a signing key")]
    Secret { vendor: &'static str },
    #[error("sandbox: {what}")]
    Options { what: String },
}
