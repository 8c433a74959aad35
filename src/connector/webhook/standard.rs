//! Signing what the hub itself sends, by Standard Webhooks 1.0.
//!
//! Not here: when to send, retries, the id (the caller keeps one id over all attempts; the time is that of the attempt).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use super::key::KeyDecoding;
use super::spec::SpecError;

/// Signs with one secret or, while one is being replaced, with the new and the old.
pub struct Signer {
    keys: Vec<Vec<u8>>,
}

/// The three headers of a signed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeaders {
    pub id: String,
    pub timestamp: String,
    pub signature: String,
}

impl SignedHeaders {
    /// The header names in lower case with their values.
    pub fn pairs(&self) -> [(&'static str, &str); 3] {
        [("webhook-id", &self.id), ("webhook-timestamp", &self.timestamp), ("webhook-signature", &self.signature)]
    }
}

impl Signer {
    /// Secrets in the form `whsec_<base64 of 24 bytes or more>`.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Result<Self, SpecError> {
        let decoding = KeyDecoding::Base64AfterPrefix { prefix: "whsec_".to_owned(), min_bytes: 24 };
        let keys = secrets
            .into_iter()
            .enumerate()
            .map(|(index, secret)| {
                decoding.decode(secret).map_err(|reason| SpecError::Secret { number: index + 1, reason })
            })
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(SpecError::NoSecret) } else { Ok(Self { keys }) }
    }

    /// The headers for one attempt. `id` must not contain a dot, or two messages could share one signed content.
    pub fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> Result<SignedHeaders, SpecError> {
        if id.is_empty() || id.contains('.') {
            return Err(SpecError::Content {
                template: id.to_owned(),
                reason: "a message id is not empty and contains no dot",
            });
        }
        let timestamp = at.as_second().to_string();
        let mut signatures = Vec::with_capacity(self.keys.len());
        for (index, key) in self.keys.iter().enumerate() {
            let mut mac = Hmac::<Sha256>::new_from_slice(key)
                .map_err(|_| SpecError::Secret { number: index + 1, reason: "its length does not fit the hash" })?;
            for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                mac.update(part);
            }
            signatures.push(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
        }
        Ok(SignedHeaders { id: id.to_owned(), timestamp, signature: signatures.join(" ") })
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({} keys)", self.keys.len())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const ROTATED: &str = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
    const BODY: &[u8] = br#"{"type":"order.paid","timestamp":"2023-11-14T22:13:20Z","data":{"id":"ord_1"}}"#;

    #[test]
    fn signs_with_every_active_secret() {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let signed = Signer::new([SECRET, ROTATED]).unwrap().sign("msg_test_0001", at, BODY).unwrap();
        assert_eq!(
            signed.signature,
            "v1,o6RZB252ijJKnSSO2Lao64j9QKWRhcmxD2FoKwszKv4= v1,3zUd1QabiO075cu/3vJaffAfgKXsOwxCkkpiP+7Su5E="
        );
        assert_eq!(signed.pairs()[1], ("webhook-timestamp", "1700000000"));
    }

    #[test]
    fn refuses_what_cannot_be_signed_safely() {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        assert!(Signer::new([SECRET]).unwrap().sign("msg.1", at, BODY).is_err());
        assert_eq!(Signer::new([]).unwrap_err(), SpecError::NoSecret);
        assert!(Signer::new(["whsec_c2hvcnQ="]).is_err());
        assert!(Signer::new([""]).is_err());
    }
}
