//! From the secrets as a person copied them to the bytes of the keys.
//!
//! Not here: where secrets are kept.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::certificate::CertificateError;
use crate::connector::manifest::KeyForm;

/// Secrets with which nothing can be verified or signed; the connection does not start with them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecretError {
    #[error("no secret is configured: without one, anybody could send webhooks")]
    None,
    #[error("secret number {number}: {reason}")]
    Unusable { number: usize, reason: &'static str },
    #[error("the vendor's certificates cannot be checked: {0}")]
    Certificates(CertificateError),
}

/// Decodes every configured secret. Empty ones are not configured (the second one exists during rotation); with none left,
/// nothing may be accepted, so that is an error.
pub(super) fn keys(form: &KeyForm, min_bytes: usize, secrets: &[SecretString]) -> Result<Vec<Vec<u8>>, SecretError> {
    let mut keys = Vec::with_capacity(secrets.len());
    for (index, secret) in secrets.iter().enumerate() {
        let text = secret.expose_secret();
        if text.trim().is_empty() {
            continue;
        }
        let unusable = |reason| SecretError::Unusable { number: index + 1, reason };
        let key = decode(form, text).map_err(unusable)?;
        if key.len() < min_bytes {
            return Err(unusable("it is shorter than the scheme allows"));
        }
        keys.push(key);
    }
    if keys.is_empty() { Err(SecretError::None) } else { Ok(keys) }
}

/// The reason never repeats the secret.
fn decode(form: &KeyForm, secret: &str) -> Result<Vec<u8>, &'static str> {
    let key = match form {
        KeyForm::Text => secret.as_bytes().to_vec(),
        KeyForm::Hex => hex::decode(secret).map_err(|_| "it is not hexadecimal")?,
        KeyForm::Base64 { prefix } => {
            let encoded = secret.strip_prefix(prefix.as_str()).unwrap_or(secret);
            STANDARD.decode(encoded).map_err(|_| "it is not standard base64 after its prefix")?
        }
    };
    if key.is_empty() { Err("it holds no key") } else { Ok(key) }
}
