//! Standard Webhooks 1.0: the scheme as a description for the verifier, and signing what the hub itself sends.
//!
//! Not here: when to send, retries, the id (the caller keeps one id over all attempts; the time is that of the attempt).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::SecretString;
use sha2::Sha256;
use thiserror::Error;

use super::key::{SecretError, keys};
use crate::connector::manifest::{
    ContentPart, Encoding, Hash, Hmac as Described, KeyForm, SignatureParts, TimeUnit, TimestampCheck, TimestampFrom,
};

/// The two prefixes under which its headers are sent.
pub(super) const SPELLINGS: [&str; 2] = ["webhook", "svix"];
/// The specification asks for 24 to 64 random bytes.
/// How far the time of a signature may be from now, on both sides.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(300);

const MIN_KEY_BYTES: usize = 24;

fn key_form() -> KeyForm {
    KeyForm::Base64 { prefix: "whsec_".to_owned() }
}

pub(super) fn keys_of(secrets: &[SecretString]) -> Result<Vec<Vec<u8>>, SecretError> {
    keys(&key_form(), MIN_KEY_BYTES, secrets)
}

/// `id.timestamp.body`, `v1,<base64>` entries separated by spaces, five minutes on both sides.
pub(super) fn described(spelling: &str) -> Described {
    Described {
        hash: Hash::Sha256,
        headers: vec![format!("{spelling}-signature")],
        parts: Some(SignatureParts { separator: ' ', assign: ',', signature: "v1".to_owned() }),
        prefix: String::new(),
        encoding: Encoding::Base64,
        key: key_form(),
        content: vec![
            ContentPart::Id,
            ContentPart::Literal(".".to_owned()),
            ContentPart::Timestamp,
            ContentPart::Literal(".".to_owned()),
            ContentPart::Body,
        ],
        content_text: "{id}.{timestamp}.{body}".to_owned(),
        id_header: Some(format!("{spelling}-id")),
        timestamp: Some(TimestampCheck {
            from: TimestampFrom::Header(format!("{spelling}-timestamp")),
            unit: TimeUnit::Seconds,
            tolerance: TOLERANCE,
        }),
    }
}

/// A message that cannot be signed safely.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignError {
    #[error("the message id `{id}` is empty or contains a dot, so two messages could share one signed content")]
    Id { id: String },
    #[error("the key does not fit the hash")]
    Key,
}

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
    /// Secrets in the form `whsec_<base64 of 24 bytes or more>`; empty ones are not configured.
    pub fn new(secrets: &[SecretString]) -> Result<Self, SecretError> {
        keys_of(secrets).map(|keys| Self { keys })
    }

    /// The headers for one attempt. `id` must not contain a dot, or two messages could share one signed content.
    pub fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> Result<SignedHeaders, SignError> {
        if id.is_empty() || id.contains('.') {
            return Err(SignError::Id { id: id.to_owned() });
        }
        let timestamp = at.as_second().to_string();
        let mut signatures = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| SignError::Key)?;
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

    fn signer(secrets: &[&str]) -> Result<Signer, SecretError> {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        Signer::new(&secrets)
    }

    #[test]
    fn signs_with_every_active_secret() {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let signed = signer(&[SECRET, ROTATED]).unwrap().sign("msg_test_0001", at, BODY).unwrap();
        assert_eq!(
            signed.signature,
            "v1,o6RZB252ijJKnSSO2Lao64j9QKWRhcmxD2FoKwszKv4= v1,3zUd1QabiO075cu/3vJaffAfgKXsOwxCkkpiP+7Su5E="
        );
        assert_eq!(signed.pairs()[1], ("webhook-timestamp", "1700000000"));
    }

    #[test]
    fn refuses_what_cannot_be_signed_safely() {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        assert!(signer(&[SECRET]).unwrap().sign("msg.1", at, BODY).is_err());
        assert!(signer(&[SECRET]).unwrap().sign("", at, BODY).is_err());
        assert_eq!(signer(&[]).unwrap_err(), SecretError::None);
        assert!(matches!(signer(&["whsec_c2hvcnQ="]), Err(SecretError::Unusable { number: 1, .. })));
        assert_eq!(signer(&[""]).unwrap_err(), SecretError::None);
    }
}
