//! The verification of one delivery: decoded bytes, every active secret, constant time, then the window of time.
//!
//! Not here: the clock (the caller says what time it is), counters and alarms (intake reads `Refusal::label`).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac as HmacOver, KeyInit, Mac};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use sha2::{Digest, Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

use super::certificate::Certificates;
use super::items;
use super::key::{SecretError, keys};
use super::proof::{self, Proof};
use super::refusal::Refusal;
use super::standard;
use super::url_escapes::decode_listed;
use crate::connector::http::certificate::allowed;
use crate::connector::manifest::{
    CertificateSignature, ContentPart, Hash, Hmac, KeyForm, SecretPlace, SignedItems, TimestampCheck, TimestampFrom,
    Verify,
};

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

/// Whom certificates must be made out to, and by whom.
#[derive(Debug, Clone, Copy, Default)]
pub struct Voucher<'a> {
    pub subject: &'a str,
    /// In PEM, in place of the public ones.
    pub authority: Option<&'a str>,
}

/// A scheme with its active secrets, ready to judge deliveries.
pub struct Verifier {
    scheme: Scheme,
    keys: Vec<Vec<u8>>,
}

enum Scheme {
    /// Alternative header names of one scheme; the first whose signature header is present is used, alone.
    Hmac(Vec<Hmac>),
    Digest(Hmac),
    SharedSecret {
        place: SecretPlace,
    },
    Items(Box<SignedItems>),
    Certificate(Box<CertificateSignature>, Certificates),
    PathSecret,
}

impl Verifier {
    /// Refuses secrets with which anybody could send.
    pub fn new(verify: &Verify, secrets: &[SecretString]) -> Result<Self, SecretError> {
        Self::with_certificates(verify, secrets, Voucher::default())
    }

    /// For schemes with certificates also what those must be.
    pub fn with_certificates(
        verify: &Verify,
        secrets: &[SecretString],
        voucher: Voucher<'_>,
    ) -> Result<Self, SecretError> {
        let (scheme, keys) = match verify {
            Verify::Hmac { hmac, .. } => (Scheme::Hmac(vec![hmac.as_ref().clone()]), keys(&hmac.key, 1, secrets)?),
            Verify::StandardWebhooks { .. } => {
                let spellings = standard::SPELLINGS.map(standard::described).to_vec();
                (Scheme::Hmac(spellings), standard::keys_of(secrets)?)
            }
            Verify::SharedSecret { place, .. } => {
                (Scheme::SharedSecret { place: place.clone() }, keys(&KeyForm::Text, 1, secrets)?)
            }
            Verify::Digest { hmac, .. } => (Scheme::Digest(hmac.as_ref().clone()), keys(&hmac.key, 1, secrets)?),
            Verify::SignedItems { items, .. } => (Scheme::Items(items.clone()), keys(&items.key, 1, secrets)?),
            Verify::Certificate { signature, .. } => {
                let certificates = Certificates::new(voucher.subject, voucher.authority);
                let certificates = certificates.map_err(SecretError::Certificates)?;
                (Scheme::Certificate(signature.clone(), certificates), keys(&KeyForm::Text, 1, secrets)?)
            }
            Verify::PathSecret => (Scheme::PathSecret, Vec::new()),
        };
        Ok(Self { scheme, keys })
    }

    /// Judges one delivery at `now`.
    pub fn verify(&self, delivery: &Delivery<'_>, now: Timestamp) -> Result<Verified, Refusal> {
        match &self.scheme {
            Scheme::Hmac(spellings) => self.verify_hmac(spellings, delivery, now),
            Scheme::Digest(scheme) => self.verify_hmac(std::slice::from_ref(scheme), delivery, now),
            Scheme::Items(scheme) => {
                let secret_index = items::signed(scheme, &self.keys, delivery.body)?;
                Ok(Verified { secret_index, signed_at: None, message_id: None })
            }
            Scheme::Certificate(scheme, certificates) => self.verify_certificate(scheme, certificates, delivery, now),
            Scheme::SharedSecret { place: SecretPlace::Body(path) } => {
                let secret_index = items::repeated(path, &self.keys, delivery.body)?;
                Ok(Verified { secret_index, signed_at: None, message_id: None })
            }
            Scheme::SharedSecret { place: SecretPlace::Header(header) } => {
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
        let plain = matches!(self.scheme, Scheme::Digest(_));
        let hits = self.keys.iter().map(|key| matches(scheme, plain, key, delivery, &proof));
        let hits: Vec<Choice> = hits.collect::<Result<_, Refusal>>()?;
        let secret_index = Some(first_hit(hits).ok_or(Refusal::Forged)?);
        let signed_at = check_window(scheme.timestamp.as_ref(), proof.timestamp, now)?;
        Ok(Verified { secret_index, signed_at, message_id: proof.id.map(str::to_owned) })
    }

    fn verify_certificate(
        &self,
        scheme: &CertificateSignature,
        certificates: &Certificates,
        delivery: &Delivery<'_>,
        now: Timestamp,
    ) -> Result<Verified, Refusal> {
        let signature = proof::single(delivery.headers, &scheme.header)?;
        let signature = STANDARD.decode(signature).ok().filter(|bytes| !bytes.is_empty());
        let signature =
            signature.ok_or_else(|| proof::malformed(&scheme.header, "its encoding is not the scheme's"))?;
        let address = proof::single(delivery.headers, &scheme.url_header)?;
        let address = allowed(scheme, address)
            .ok_or_else(|| proof::malformed(&scheme.url_header, "it does not lead to the vendor's hosts"))?;
        let timestamp = match scheme.timestamp.as_ref().map(|check| &check.from) {
            Some(TimestampFrom::Header(name)) => Some((name.as_str(), proof::single(delivery.headers, name)?)),
            Some(TimestampFrom::Part(_)) | None => None,
        };
        let proof = Proof { signatures: Vec::new(), timestamp, id: None };
        let mut hit = None;
        for (index, key) in self.keys.iter().enumerate() {
            let mut signed = Vec::new();
            let url = decode_listed(delivery.url);
            feed(&scheme.content, key, &url, delivery, &proof, &mut |bytes| signed.extend_from_slice(bytes))?;
            let verified = certificates.verify(address.as_str(), &signed, &signature, now);
            if verified.ok_or(Refusal::NoCertificate)? {
                hit = hit.or(Some(index));
            }
        }
        let secret_index = Some(hit.ok_or(Refusal::Forged)?);
        let signed_at = check_window(scheme.timestamp.as_ref(), timestamp, now)?;
        Ok(Verified { secret_index, signed_at, message_id: None })
    }

    /// The certificates that deliveries are judged by, where the scheme has any.
    pub(crate) fn certificates(&self) -> Option<(&CertificateSignature, &Certificates)> {
        match &self.scheme {
            Scheme::Certificate(scheme, certificates) => Some((scheme, certificates)),
            Scheme::Hmac(_)
            | Scheme::Digest(_)
            | Scheme::SharedSecret { .. }
            | Scheme::Items(_)
            | Scheme::PathSecret => None,
        }
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
fn matches(
    scheme: &Hmac,
    plain: bool,
    key: &[u8],
    delivery: &Delivery<'_>,
    proof: &Proof<'_>,
) -> Result<Choice, Refusal> {
    let mut urls = vec![decode_listed(delivery.url)];
    if scheme.content.contains(&ContentPart::UrlDecoded) {
        urls.push(delivery.url.into());
    }
    let mut found = Choice::from(0);
    for url in &urls {
        let digest = match (scheme.hash, plain) {
            (Hash::Sha256, true) => hashed::<Sha256>(scheme, key, url, delivery, proof)?,
            (Hash::Sha512, true) => hashed::<Sha512>(scheme, key, url, delivery, proof)?,
            (Hash::Sha256, false) => digest(HmacOver::<Sha256>::new_from_slice(key), scheme, url, delivery, proof)?,
            (Hash::Sha512, false) => digest(HmacOver::<Sha512>::new_from_slice(key), scheme, url, delivery, proof)?,
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
    feed(&scheme.content, &[], decoded_url, delivery, proof, &mut |bytes| mac.update(bytes))?;
    Ok(mac.finalize().into_bytes().to_vec())
}

fn hashed<D: Digest>(
    scheme: &Hmac,
    key: &[u8],
    decoded_url: &str,
    delivery: &Delivery<'_>,
    proof: &Proof<'_>,
) -> Result<Vec<u8>, Refusal> {
    let mut digest = D::new();
    feed(&scheme.content, key, decoded_url, delivery, proof, &mut |bytes| digest.update(bytes))?;
    Ok(digest.finalize().to_vec())
}

/// Hands out the signed content, piece by piece.
fn feed(
    content: &[ContentPart],
    secret: &[u8],
    decoded_url: &str,
    delivery: &Delivery<'_>,
    proof: &Proof<'_>,
    take: &mut dyn FnMut(&[u8]),
) -> Result<(), Refusal> {
    for part in content {
        match part {
            ContentPart::Literal(text) => take(text.as_bytes()),
            ContentPart::Body => take(delivery.body),
            ContentPart::Timestamp => take(proof.timestamp.map_or("", |(_, text)| text).as_bytes()),
            ContentPart::Id => take(proof.id.unwrap_or_default().as_bytes()),
            ContentPart::Method => take(delivery.method.to_ascii_uppercase().as_bytes()),
            ContentPart::Url => take(delivery.url.as_bytes()),
            ContentPart::UrlDecoded => take(decoded_url.as_bytes()),
            ContentPart::Header(name) => take(proof::single(delivery.headers, name)?.as_bytes()),
            ContentPart::Secret => take(secret),
            ContentPart::Crc32 => {
                let mut sum = flate2::Crc::new();
                sum.update(delivery.body);
                take(sum.sum().to_string().as_bytes());
            }
        }
    }
    Ok(())
}

fn check_window(
    check: Option<&TimestampCheck>,
    stated: Option<(&str, &str)>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Refusal> {
    let (Some(check), Some((header, text))) = (check, stated) else { return Ok(None) };
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
