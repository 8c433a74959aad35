//! From the secret as a person copied it to the bytes of the key.
//!
//! Not here: where secrets are kept or how many are active.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How a vendor turns the text of its secret into key bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyDecoding {
    /// The text itself, a prefix included.
    Utf8,
    /// Hexadecimal digits.
    Hex,
    /// Standard base64 after an optional prefix (`whsec_`); `min_bytes` refuses keys too short for the scheme.
    Base64AfterPrefix { prefix: String, min_bytes: usize },
}

impl KeyDecoding {
    /// The key bytes, or why the secret cannot be one. The reason never repeats the secret.
    pub fn decode(&self, secret: &str) -> Result<Vec<u8>, &'static str> {
        if secret.trim().is_empty() {
            return Err("the secret is empty");
        }
        match self {
            KeyDecoding::Utf8 => Ok(secret.as_bytes().to_vec()),
            KeyDecoding::Hex => hex::decode(secret).map_err(|_| "the secret is not hexadecimal"),
            KeyDecoding::Base64AfterPrefix { prefix, min_bytes } => {
                let encoded = secret.strip_prefix(prefix.as_str()).unwrap_or(secret);
                let key = STANDARD.decode(encoded).map_err(|_| "the secret is not standard base64 after its prefix")?;
                if key.is_empty() {
                    return Err("the secret is empty");
                }
                if key.len() < *min_bytes { Err("the secret is shorter than the scheme allows") } else { Ok(key) }
            }
        }
    }
}
