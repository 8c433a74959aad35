//! Signed statements of who asks (JWS compact form, RFC 7515 and 7523): RS256, PS256 and ES256.
//!
//! Not here: what the token endpoint does with them (`oauth`).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use reqwest::Url;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::render::{self, RenderError};
use crate::connector::manifest::{Algorithm, Assertion, AssertionPlace};
use crate::mapping::expr::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum SignError {
    #[error("the private key does not sign with this algorithm")]
    Refused,
    #[error("the system gives no random bytes")]
    Random,
}

/// A key with the claims that do not change.
pub(super) struct Signer {
    key: Key,
    algorithm: Algorithm,
    place: AssertionPlace,
    header: Value,
    claims: Map<String, Value>,
    valid_for: Duration,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
}

impl Signer {
    pub(super) fn new(described: &Assertion, audience: &Url, scope: &Scope<'_>) -> Result<Self, RenderError> {
        let pem = render::text("the private key", &described.key, scope)?;
        let key = key(described.algorithm, &pem)
            .map_err(|reason| RenderError::Value { what: "the private key".to_owned(), reason: reason.to_owned() })?;
        let mut header = json!({ "alg": described.algorithm.as_str(), "typ": "JWT" });
        if let Some(id) = &described.key_id {
            header["kid"] = Value::from(render::text("the key id", id, scope)?);
        }
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), render::text("the issuer", &described.issuer, scope)?.into());
        if let Some(subject) = &described.subject {
            claims.insert("sub".to_owned(), render::text("the subject", subject, scope)?.into());
        }
        let audience = match &described.audience {
            Some(audience) => render::text("the audience", audience, scope)?,
            None => audience.to_string(),
        };
        claims.insert("aud".to_owned(), audience.into());
        for (name, value) in &described.claims {
            let value =
                value.value(scope).map_err(|error| RenderError::Template { what: format!("claim `{name}`"), error })?;
            claims.insert(name.clone(), value);
        }
        let (algorithm, place, valid_for) = (described.algorithm, described.place, described.valid_for);
        Ok(Self { key, algorithm, place, header, claims, valid_for })
    }

    pub(super) fn place(&self) -> AssertionPlace {
        self.place
    }

    /// An assertion that counts from `now` and only once.
    pub(super) fn sign(&self, now: Timestamp) -> Result<String, SignError> {
        let mut id = [0; 16];
        SystemRandom::new().fill(&mut id).map_err(|_| SignError::Random)?;
        let issued = now.as_second();
        let mut claims = self.claims.clone();
        claims.insert("iat".to_owned(), issued.into());
        let life = i64::try_from(self.valid_for.as_secs()).unwrap_or(i64::MAX);
        claims.insert("exp".to_owned(), issued.saturating_add(life).into());
        claims.insert("jti".to_owned(), hex::encode(id).into());
        compact(&self.key, self.algorithm, &self.header.to_string(), &Value::Object(claims).to_string())
    }
}

fn compact(key: &Key, algorithm: Algorithm, header: &str, claims: &str) -> Result<String, SignError> {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let random = SystemRandom::new();
    let rsa = |pair: &RsaKeyPair, padding: &'static dyn RsaEncoding| {
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(padding, &random, signed.as_bytes(), &mut signature).map_err(|_| SignError::Refused)?;
        Ok(signature)
    };
    let signature = match (key, algorithm) {
        (Key::Rsa(pair), Algorithm::Rs256) => rsa(pair, &RSA_PKCS1_SHA256)?,
        (Key::Rsa(pair), Algorithm::Ps256) => rsa(pair, &RSA_PSS_SHA256)?,
        (Key::P256(pair), Algorithm::Es256) => {
            pair.sign(&random, signed.as_bytes()).map_err(|_| SignError::Refused)?.as_ref().to_vec()
        }
        (Key::Rsa(_), Algorithm::Es256) | (Key::P256(_), Algorithm::Rs256 | Algorithm::Ps256) => {
            return Err(SignError::Refused);
        }
    };
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The reason never repeats the key. A key on one line has its line breaks written as `\n`.
fn key(algorithm: Algorithm, pem: &str) -> Result<Key, &'static str> {
    let pem = pem.replace("\\n", "\n");
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| "is not a private key in PEM")?;
    match (algorithm, &der) {
        (Algorithm::Rs256 | Algorithm::Ps256, PrivateKeyDer::Pkcs8(der)) => {
            let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der());
            pair.map(|pair| Key::Rsa(Box::new(pair))).map_err(|_| "is not an RSA key of 2048 bits or more")
        }
        (Algorithm::Rs256 | Algorithm::Ps256, PrivateKeyDer::Pkcs1(der)) => {
            let pair = RsaKeyPair::from_der(der.secret_pkcs1_der());
            pair.map(|pair| Key::Rsa(Box::new(pair))).map_err(|_| "is not an RSA key of 2048 bits or more")
        }
        (Algorithm::Es256, PrivateKeyDer::Pkcs8(der)) => {
            let pair = EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                der.secret_pkcs8_der(),
                &SystemRandom::new(),
            );
            pair.map(|pair| Key::P256(Box::new(pair))).map_err(|_| "is not a key on the curve P-256")
        }
        (Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256, _) => {
            Err("has a form that is not read here; convert it with `openssl pkcs8 -topk8 -nodes`")
        }
    }
}

#[cfg(test)]
#[path = "assertion_tests.rs"]
mod tests;
