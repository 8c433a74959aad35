//! Sealing a secret that has to be stored: only who knows the connection's configured secrets can open it.
//!
//! Not here: where it is stored (`token_store`), secrets in the configuration (`config`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use thiserror::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum SealError {
    #[error("the system gives no random bytes")]
    Random,
    #[error("the key does not fit the cipher")]
    Key,
    #[error("what is stored was not sealed by this connection with its present secrets")]
    Foreign,
}

/// AES-256-GCM under a key that follows from the configured secrets; `context` is bound to the text.
pub(crate) struct Seal {
    key: LessSafeKey,
    fingerprint: String,
}

impl Seal {
    pub(crate) fn new(secrets: &[&SecretString]) -> Result<Self, SealError> {
        let derive = |label: &[u8]| -> Result<[u8; 32], SealError> {
            let mut mac = Hmac::<Sha256>::new_from_slice(label).map_err(|_| SealError::Key)?;
            for secret in secrets {
                let secret = secret.expose_secret().as_bytes();
                mac.update(&(secret.len() as u64).to_be_bytes());
                mac.update(secret);
            }
            Ok(mac.finalize().into_bytes().into())
        };
        let key = UnboundKey::new(&AES_256_GCM, &derive(b"syncline token seal 1")?).map_err(|_| SealError::Key)?;
        let fingerprint = hex::encode(&derive(b"syncline token slot 1")?[..8]);
        Ok(Self { key: LessSafeKey::new(key), fingerprint })
    }

    /// Tells one set of configured secrets from another, without telling them.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub(crate) fn seal(&self, context: &str, secret: &SecretString) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::Random)?;
        let mut sealed = secret.expose_secret().as_bytes().to_vec();
        let aad = Aad::from(context.as_bytes());
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| SealError::Key)?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    pub(crate) fn open(&self, context: &str, sealed: &str) -> Result<SecretString, SealError> {
        let bytes = STANDARD.decode(sealed).map_err(|_| SealError::Foreign)?;
        let (nonce, text) = bytes.split_at_checked(NONCE_LEN).ok_or(SealError::Foreign)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Foreign)?;
        let mut text = text.to_vec();
        let opened =
            self.key.open_in_place(nonce, Aad::from(context.as_bytes()), &mut text).map_err(|_| SealError::Foreign)?;
        let opened = std::str::from_utf8(opened).map_err(|_| SealError::Foreign)?;
        Ok(SecretString::from(opened))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secrets_and_context_open_it() {
        let (one, two) = (SecretString::from("refresh-0"), SecretString::from("client"));
        let seal = Seal::new(&[&one, &two]).unwrap();
        let sealed = seal.seal("shop", &"refresh-1".into()).unwrap();
        assert!(!sealed.contains("refresh"));
        assert_ne!(sealed, seal.seal("shop", &"refresh-1".into()).unwrap());
        assert_eq!(seal.open("shop", &sealed).unwrap().expose_secret(), "refresh-1");
        assert_eq!(seal.open("erp", &sealed).unwrap_err(), SealError::Foreign);
        let other = Seal::new(&[&two, &one]).unwrap();
        assert_ne!(other.fingerprint(), seal.fingerprint());
        assert_eq!(other.open("shop", &sealed).unwrap_err(), SealError::Foreign);
        for broken in ["", "AAAA", "not base64", &sealed[4..]] {
            assert_eq!(seal.open("shop", broken).unwrap_err(), SealError::Foreign);
        }
    }
}
