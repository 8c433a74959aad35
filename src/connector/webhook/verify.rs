//! The verification of one delivery: decoded bytes, every active secret, constant time, then the window of time.
//!
//! Not here: the clock (the caller says what time it is), counters and alarms (intake reads `Refusal::label`).

use std::time::Duration;

use hmac::{Hmac as HmacOver, KeyInit, Mac};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

use super::key::{SecretError, keys};
use super::proof::{self, Proof};
use super::refusal::Refusal;
use super::standard;
use super::url_escapes::decode_listed;
use crate::connector::manifest::{ContentPart, Hash, Hmac, KeyForm, Verify};

/// What arrived, as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    pub method: &'a str,
    /// The hub's configured public address of this endpoint with the query as received; never built from `Host`.
    pub url: &'a str,
    pub headers: &'a HeaderMap,
    /// The raw bytes, before any parsing.
    pub body: &'a [u8],
}

/// A delivery that came from who knows the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Which of the active secrets fitted, counted from 0 in the order of configuration: shows when an old one is no longer
    /// used. `None` where the vendor signs nothing and the secret address is the proof.
    pub secret_index: Option<usize>,
    pub signed_at: Option<Timestamp>,
    pub message_id: Option<String>,
}

/// A scheme with its active secrets, ready to judge deliveries.
pub struct Verifier {
    scheme: Scheme,
    keys: Vec<Vec<u8>>,
}

enum Scheme {
    /// Alternative header names of one scheme; the first whose signature header is present is used, alone.
    Hmac(Vec<Hmac>),
    SharedSecret {
        header: String,
    },
    PathSecret,
}

impl Verifier {
    /// Refuses secrets with which anybody could send.
    pub fn new(verify: &Verify, secrets: &[SecretString]) -> Result<Self, SecretError> {
        let (scheme, keys) = match verify {
            Verify::Hmac { hmac, .. } => (Scheme::Hmac(vec![hmac.as_ref().clone()]), keys(&hmac.key, 1, secrets)?),
            Verify::StandardWebhooks { .. } => {
                let spellings = standard::SPELLINGS.map(standard::described).to_vec();
                (Scheme::Hmac(spellings), standard::keys_of(secrets)?)
            }
            Verify::SharedSecret { header, .. } => {
                (Scheme::SharedSecret { header: header.clone() }, keys(&KeyForm::Text, 1, secrets)?)
            }
            Verify::PathSecret => (Scheme::PathSecret, Vec::new()),
        };
        Ok(Self { scheme, keys })
    }

    /// Judges one delivery at `now`.
    pub fn verify(&self, delivery: &Delivery<'_>, now: Timestamp) -> Result<Verified, Refusal> {
        match &self.scheme {
            Scheme::Hmac(spellings) => self.verify_hmac(spellings, delivery, now),
            Scheme::SharedSecret { header } => {
                let given = proof::single(delivery.headers, header)?;
                let hits = self.keys.iter().map(|key| key.as_slice().ct_eq(given.as_bytes()));
                let secret_index = Some(first_hit(hits).ok_or(Refusal::Forged)?);
                Ok(Verified { secret_index, signed_at: None, message_id: None })
            }
            Scheme::PathSecret => Ok(Verified { secret_index: None, signed_at: None, message_id: None }),
        }
    }

    fn verify_hmac(&self, spellings: &[Hmac], delivery: &Delivery<'_>, now: Timestamp) -> Result<Verified, Refusal> {
        let present = |scheme: &&Hmac| scheme.headers.iter().any(|name| delivery.headers.contains_key(name.as_str()));
        // A scheme always has a spelling; without one nothing can be genuine.
        let scheme = spellings.iter().find(present).or(spellings.first()).ok_or(Refusal::Forged)?;
        let proof = proof::read(scheme, delivery.headers)?;
        let hits = self.keys.iter().map(|key| matches(scheme, key, delivery, &proof));
        let hits: Vec<Choice> = hits.collect::<Result<_, Refusal>>()?;
        let secret_index = Some(first_hit(hits).ok_or(Refusal::Forged)?);
        let signed_at = check_window(scheme, &proof, now)?;
        Ok(Verified { secret_index, signed_at, message_id: proof.id.map(str::to_owned) })
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verifier({} secrets)", self.keys.len())
    }
}

/// Looks at every answer even after a hit, so that the time taken does not tell which secret fits.
fn first_hit(hits: impl IntoIterator<Item = Choice>) -> Option<usize> {
    let hits = hits.into_iter().enumerate();
    hits.fold(None, |found, (index, hit)| if bool::from(hit) { found.or(Some(index)) } else { found })
}

/// Compares against every signature. Where the decoded address is signed, the address as it is counts as well: the vendor's
/// documentation decodes it, its libraries do not.
fn matches(scheme: &Hmac, key: &[u8], delivery: &Delivery<'_>, proof: &Proof<'_>) -> Result<Choice, Refusal> {
    let mut urls = vec![decode_listed(delivery.url)];
    if scheme.content.contains(&ContentPart::UrlDecoded) {
        urls.push(delivery.url.into());
    }
    let mut found = Choice::from(0);
    for url in &urls {
        let digest = match scheme.hash {
            Hash::Sha256 => digest(HmacOver::<Sha256>::new_from_slice(key), scheme, url, delivery, proof)?,
            Hash::Sha512 => digest(HmacOver::<Sha512>::new_from_slice(key), scheme, url, delivery, proof)?,
        };
        for signature in &proof.signatures {
            // Slices of different lengths are unequal; the length of a digest is no secret.
            found |= digest.ct_eq(signature);
        }
    }
    Ok(found)
}

/// The body is fed to the hash where it stands, never copied.
fn digest<M: Mac, E>(
    mac: Result<M, E>,
    scheme: &Hmac,
    decoded_url: &str,
    delivery: &Delivery<'_>,
    proof: &Proof<'_>,
) -> Result<Vec<u8>, Refusal> {
    // HMAC takes keys of every length; a hash that does not must not accept anything.
    let mut mac = mac.map_err(|_| Refusal::Forged)?;
    for part in &scheme.content {
        match part {
            ContentPart::Literal(text) => mac.update(text.as_bytes()),
            ContentPart::Body => mac.update(delivery.body),
            ContentPart::Timestamp => mac.update(proof.timestamp.map_or("", |(_, text)| text).as_bytes()),
            ContentPart::Id => mac.update(proof.id.unwrap_or_default().as_bytes()),
            ContentPart::Method => mac.update(delivery.method.to_ascii_uppercase().as_bytes()),
            ContentPart::Url => mac.update(delivery.url.as_bytes()),
            ContentPart::UrlDecoded => mac.update(decoded_url.as_bytes()),
            ContentPart::Header(name) => mac.update(proof::single(delivery.headers, name)?.as_bytes()),
        }
    }
    Ok(mac.finalize().into_bytes().to_vec())
}

fn check_window(scheme: &Hmac, proof: &Proof<'_>, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
    let (Some(check), Some((header, text))) = (&scheme.timestamp, proof.timestamp) else { return Ok(None) };
    let signed_at = proof::parse_time(text, check.unit).ok_or_else(|| proof::malformed(header, "it is not a time"))?;
    let age = now.duration_since(signed_at);
    if age.unsigned_abs() > check.tolerance {
        return Err(Refusal::Stale { age, tolerance: signed(check.tolerance) });
    }
    Ok(Some(signed_at))
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
