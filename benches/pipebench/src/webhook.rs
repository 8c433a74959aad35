//! Orders as signed requests, rendered before the clock runs.
//!
//! Not here: sending them (see `load`).

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::Outcome;
use crate::order;

/// Where webhooks go, and the secret that signs them.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub address: SocketAddr,
    pub path: String,
    pub secret: String,
}

impl Endpoint {
    /// The whole request for order `index`, ready for the wire.
    pub fn request(&self, index: u64) -> Outcome<Vec<u8>> {
        let body = order::body(index);
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())?;
        mac.update(body.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let number = order::FIRST + index;
        let (path, address, length) = (&self.path, self.address, body.len());
        Ok(format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             X-Shopify-Topic: orders/create\r\nX-Shopify-Shop-Domain: bench.myshopify.com\r\n\
             X-Shopify-API-Version: 2026-10\r\nX-Shopify-Hmac-Sha256: {signature}\r\n\
             X-Shopify-Webhook-Id: 00000000-0000-4000-8000-{number:012}\r\n\
             X-Shopify-Event-Id: 00000000-0000-4000-9000-{number:012}\r\n\
             X-Shopify-Triggered-At: 2026-11-20T10:05:00.000Z\r\n\r\n{body}"
        )
        .into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_the_announced_size_and_is_json() {
        let body = order::body(7);
        assert!((1500..1800).contains(&body.len()), "{}", body.len());
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(&body);
        assert!(parsed.is_ok_and(|order| order["name"] == "#100007"));
    }

    #[test]
    fn the_signature_is_the_published_recipe() {
        let signed = |secret: &str, body: &[u8]| {
            Hmac::<Sha256>::new_from_slice(secret.as_bytes())
                .map(|mac| STANDARD.encode(mac.chain_update(body).finalize().into_bytes()))
        };
        let body = br##"{"id":820982911946154508,"name":"#9999","currency":"EUR","total_price":"403.00"}"##;
        let expected = "qkE6SGjuJI8WMnaxidE3LK6cnlTjhp19LuJsSa3zrIs=";
        assert_eq!(signed("shpss_test_0123456789abcdef", body).ok().as_deref(), Some(expected));
    }
}
