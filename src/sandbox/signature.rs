//! The webhook signatures the sandbox's vendors make, as the signature sheet describes them.
//!
//! Not here: verification; that is the hub's business, and sharing it would hide a common mistake.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::options::SandboxError;

/// HMAC-SHA256 under one secret, the secret's UTF-8 bytes being the key.
#[derive(Clone)]
pub struct Signer {
    keyed: Hmac<Sha256>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(..)")
    }
}

impl Signer {
    pub fn new(vendor: &'static str, secret: &str) -> Result<Self, SandboxError> {
        let keyed = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| SandboxError::Secret { vendor })?;
        Ok(Signer { keyed })
    }

    /// `X-Shopify-Hmac-Sha256`: base64 over the raw body.
    pub fn shop(&self, body: &[u8]) -> String {
        STANDARD.encode(self.mac(&[body]))
    }

    /// `X-WC-Webhook-Signature`: base64 over the raw body.
    pub fn woo(&self, body: &[u8]) -> String {
        STANDARD.encode(self.mac(&[body]))
    }

    /// `Stripe-Signature`: hex over `t.body`.
    pub fn psp(&self, at_s: i64, body: &[u8]) -> String {
        let t = at_s.to_string();
        format!("t={t},v1={}", hex::encode(self.mac(&[t.as_bytes(), b".", body])))
    }

    fn mac(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut keyed = self.keyed.clone();
        for part in parts {
            keyed.update(part);
        }
        keyed.finalize().into_bytes().to_vec()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn shop_signs_the_sheets_vectors() {
        let signer = Signer::new("shop", "shpss_test_0123456789abcdef").unwrap();
        let body = br##"{"id":820982911946154508,"name":"#9999","currency":"EUR","total_price":"403.00"}"##;
        assert_eq!(signer.shop(body), "qkE6SGjuJI8WMnaxidE3LK6cnlTjhp19LuJsSa3zrIs=");
        let umlauts = hex::decode("7b226e616d65223a224772c3b6c39f6520e282ac222c22717479223a317d").unwrap();
        assert_eq!(signer.shop(&umlauts), "ahK/wLA/i370B7to0gk4ySUxtIJFO8AU+wOCkrWH7Oo=");
        assert_eq!(signer.shop(b""), "kzwmeaV73PmVzB1K7eGJv+zWMcmyh2L3cgfo5uWgkhM=");
    }

    #[test]
    fn woo_signs_the_sheets_vector() {
        let signer = Signer::new("woocommerce", "wc_whsec_test_9f8e7d6c").unwrap();
        let body = br#"{"id":727,"number":"727","status":"processing","currency":"EUR","total":"29.35"}"#;
        assert_eq!(signer.woo(body), "gdICdQfBtK7mDXLsb4CvZaLgin06Y9JesO6KEnQamao=");
    }

    #[test]
    fn psp_signs_the_sheets_vectors() {
        let body = br#"{"id":"evt_test_1","object":"event","type":"payment_intent.succeeded","created":1700000000}"#;
        let signer = Signer::new("psp", "whsec_test_secret_for_kat").unwrap();
        assert_eq!(
            signer.psp(1_700_000_000, body),
            "t=1700000000,v1=61c2ad9870fcc2aeb9a8af2889f7900a26de5adf4cdbc9ab040d53e4b5c35a16"
        );
        let rotated = Signer::new("psp", "whsec_old_rotated_secret").unwrap();
        assert_eq!(
            rotated.psp(1_700_000_000, body),
            "t=1700000000,v1=bed54d9e167e1c90102fb84a43c564dccf7a2c3876c58bd42c9ac8f1d9e1dcf3"
        );
    }
}
