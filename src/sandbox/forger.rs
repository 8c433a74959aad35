//! Calls that a hub must refuse: wrong signatures, old timestamps, cut and oversized bodies. A 2xx is remembered.
//!
//! Not here: honest webhooks (`courier`).

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use super::clock;
use super::courier::{Ack, Courier, Vendor, shop_headers};
use super::options::{Credentials, SandboxError};
use super::signature::Signer;
use super::sync::locked;

/// Every order a forger invents begins like this; none may ever reach the ERP.
pub const FORGED: &str = "#FORGED";
/// Twice the usual cap of a webhook body.
const OVERSIZED_BYTES: usize = 2 << 20;
/// Far outside the processor's tolerance of 300 seconds.
const STALE_BY_S: i64 = 3_600;

/// The ways to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    WrongSecret,
    NoSignature,
    /// Signed whole, sent in half.
    CutBody,
    /// Well signed, but larger than any webhook.
    Oversized,
    /// Well signed an hour ago; only the processor's signature carries a time.
    Stale,
}

impl Forgery {
    pub const ALL: [Forgery; 5] =
        [Forgery::WrongSecret, Forgery::NoSignature, Forgery::CutBody, Forgery::Oversized, Forgery::Stale];

    pub fn name(self) -> &'static str {
        match self {
            Forgery::WrongSecret => "wrong secret",
            Forgery::NoSignature => "no signature",
            Forgery::CutBody => "cut body",
            Forgery::Oversized => "oversized body",
            Forgery::Stale => "stale timestamp",
        }
    }
}

/// Counts for [`super::run::Progress`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ForgeryCounts {
    pub sent: u64,
    /// Answered, but not with 2xx; or the connection was cut while the body was still coming.
    pub refused: u64,
    pub accepted: u64,
}

#[derive(Debug)]
pub struct Forger {
    courier: Arc<Courier>,
    shop: Signer,
    psp: Signer,
    woo: Signer,
    wrong: Signer,
    sent: AtomicU64,
    refused: AtomicU64,
    accepted: Mutex<Vec<String>>,
}

impl Forger {
    pub fn new(credentials: &Credentials, courier: Arc<Courier>) -> Result<Self, SandboxError> {
        Ok(Forger {
            courier,
            shop: Signer::new("shop", &credentials.shop_webhook_secret)?,
            psp: Signer::new("psp", &credentials.psp_webhook_secret)?,
            woo: Signer::new("woocommerce", &credentials.woo_webhook_secret)?,
            wrong: Signer::new("forged", "not-the-secret")?,
            sent: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            accepted: Mutex::default(),
        })
    }

    /// One lie to one of the hub's addresses; `draw` chooses which.
    pub async fn try_one(&self, draw: usize, shop: Option<String>, psp: Option<String>) {
        let to_psp = draw.is_multiple_of(2);
        let forgery = Forgery::ALL[draw / 2 % Forgery::ALL.len()];
        match (to_psp, shop, psp) {
            (true, _, Some(address)) => self.lie(Vendor::Psp, forgery, &address).await,
            // A body signed an hour ago is an ordinary retry to the shop's scheme.
            (false, Some(address), _) if forgery != Forgery::Stale => self.lie(Vendor::Shop, forgery, &address).await,
            (false | true, _, _) => {}
        }
    }

    /// Sends one forged call; a hub that is down is neither praised nor blamed.
    pub async fn lie(&self, vendor: Vendor, forgery: Forgery, address: &str) {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let request = match vendor {
            Vendor::Psp => self.psp_request(forgery, address, number),
            Vendor::Woo => self.woo_request(forgery, address, number),
            // ERP and Odoo sign nothing and send nothing; what is forged is always a shop's or the processor's.
            Vendor::Shop | Vendor::Erp | Vendor::Odoo => self.shop_request(forgery, address, number),
        };
        match request.send().await {
            Ok(response) if response.status().is_success() => {
                let told = format!("{vendor}: {} number {number} was answered {}", forgery.name(), response.status());
                locked(&self.accepted).push(told);
            }
            Ok(_) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
            Err(cause) if cause.is_connect() || cause.is_timeout() => {}
            Err(_) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub fn counts(&self) -> ForgeryCounts {
        ForgeryCounts {
            sent: self.sent.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            accepted: locked(&self.accepted).len() as u64,
        }
    }

    /// One line for each forgery that was answered with 2xx.
    pub fn accepted(&self) -> Vec<String> {
        locked(&self.accepted).clone()
    }

    fn shop_request(&self, forgery: Forgery, address: &str, number: u64) -> reqwest::RequestBuilder {
        let now = clock::shop_time(clock::now_s());
        let order = json!({
            "id": 9_900_000_000_000_i64 + number as i64, "name": format!("{FORGED}-{number}"), "currency": "EUR",
            "created_at": now, "processed_at": now, "updated_at": now, "total_price": "0.01",
            "financial_status": "paid", "email": "forger@example.com",
            "line_items": [{ "sku": "MUG-01", "quantity": 1, "price": "0.01" }],
        });
        let whole = sized(order.to_string(), forgery);
        let signature = match forgery {
            Forgery::WrongSecret => Some(self.wrong.shop(&whole)),
            Forgery::NoSignature => None,
            Forgery::CutBody | Forgery::Oversized | Forgery::Stale => Some(self.shop.shop(&whole)),
        };
        let id = format!("forged-{number}");
        let ack = Ack { vendor: Vendor::Shop, kind: "orders/create".to_owned(), id: id.clone(), key: id.clone() };
        let request = self.post(address, whole, forgery);
        let request = shop_headers(request, &ack, &id, clock::now_s());
        match signature {
            Some(signature) => request.header("X-Shopify-Hmac-Sha256", signature),
            None => request,
        }
    }

    fn woo_request(&self, forgery: Forgery, address: &str, number: u64) -> reqwest::RequestBuilder {
        let now = clock::bare_time(clock::now_s());
        let address_of =
            json!({ "first_name": "For", "last_name": "Ger", "email": "forger@example.com", "country": "DE" });
        let order = json!({
            "id": 9_900_000 + number, "number": format!("{FORGED}-{number}"), "status": "processing", "currency": "EUR",
            "date_created_gmt": now, "date_modified_gmt": now, "date_paid_gmt": now, "total": "0.01",
            "customer_id": 1, "billing": address_of, "shipping": address_of, "line_items": [], "refunds": [],
        });
        let whole = sized(order.to_string(), forgery);
        let request = self.post(address, whole.clone(), forgery).header("X-WC-Webhook-Topic", "order.created");
        let request = request.header("X-WC-Webhook-Delivery-ID", format!("forged{number}"));
        match forgery {
            Forgery::NoSignature => request,
            Forgery::WrongSecret => request.header("X-WC-Webhook-Signature", self.wrong.woo(&whole)),
            Forgery::CutBody | Forgery::Oversized | Forgery::Stale => {
                request.header("X-WC-Webhook-Signature", self.woo.woo(&whole))
            }
        }
    }

    fn psp_request(&self, forgery: Forgery, address: &str, number: u64) -> reqwest::RequestBuilder {
        let now_s = clock::now_s();
        let event = json!({
            "id": format!("evt_forged{number}"), "object": "event", "created": now_s, "livemode": false,
            "type": "payment_intent.succeeded",
            "data": { "object": {
                "id": format!("pi_forged{number}"), "object": "payment_intent", "amount": 1, "currency": "eur",
                "status": "succeeded", "created": now_s, "metadata": { "order_id": format!("{FORGED}-{number}") },
            } },
        });
        let whole = sized(event.to_string(), forgery);
        let signature = match forgery {
            Forgery::WrongSecret => Some(self.wrong.psp(now_s, &whole)),
            Forgery::NoSignature => None,
            Forgery::CutBody | Forgery::Oversized => Some(self.psp.psp(now_s, &whole)),
            Forgery::Stale => Some(self.psp.psp(now_s - STALE_BY_S, &whole)),
        };
        let request = self.post(address, whole, forgery);
        match signature {
            Some(signature) => request.header("Stripe-Signature", signature),
            None => request,
        }
    }

    fn post(&self, address: &str, mut whole: Vec<u8>, forgery: Forgery) -> reqwest::RequestBuilder {
        if forgery == Forgery::CutBody {
            whole.truncate(whole.len() / 2);
        }
        self.courier.client().post(address).header("content-type", "application/json").body(whole)
    }
}

/// The body as it is signed: padded with blanks, which JSON allows, if it is to be too large.
fn sized(text: String, forgery: Forgery) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    if forgery == Forgery::Oversized {
        bytes.resize(OVERSIZED_BYTES, b' ');
    }
    bytes
}
