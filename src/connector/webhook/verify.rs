//! The verification of one delivery: decoded bytes, every active secret, constant time, then the window of time.
//!
//! Not here: the clock (the caller says what time it is), counters and alarms (intake reads `Refusal::label`).

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

use super::content::{ContentPart, ContentTemplate, decode_listed_escapes};
use super::refusal::Refusal;
use super::spec::{HashAlgorithm, HmacSpec, SignatureForm, SpecError, TimestampSource, TimestampUnit, Variant};

/// Signatures looked at in one delivery; senders rotate two secrets, not more, and each costs a hash of the body.
const MAX_SIGNATURES: usize = 8;

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
    /// Which of the active secrets fitted, counted from 0 in the order of configuration: shows when an old one is no longer used.
    pub secret_index: usize,
    pub signed_at: Option<Timestamp>,
    pub message_id: Option<String>,
}

/// A scheme with its active secrets, ready to judge deliveries.
pub struct Verifier {
    spec: HmacSpec,
    keys: Vec<Vec<u8>>,
}

impl Verifier {
    /// Refuses a scheme that cannot work and an empty secret, which would accept anybody.
    pub fn new(spec: HmacSpec, secrets: &[SecretString]) -> Result<Self, SpecError> {
        check_sources(&spec)?;
        if secrets.is_empty() {
            return Err(SpecError::NoSecret);
        }
        let keys = secrets
            .iter()
            .enumerate()
            .map(|(index, secret)| {
                spec.key
                    .decode(secret.expose_secret())
                    .map_err(|reason| SpecError::Secret { number: index + 1, reason })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { spec, keys })
    }

    /// Judges one delivery at `now`.
    pub fn verify(&self, delivery: &Delivery<'_>, now: Timestamp) -> Result<Verified, Refusal> {
        let proof = self.read_proof(delivery.headers)?;
        let secret_index = self.matching_secret(delivery, &proof)?.ok_or(Refusal::Forged)?;
        let signed_at = self.check_window(&proof, now)?;
        Ok(Verified { secret_index, signed_at, message_id: proof.id.map(str::to_owned) })
    }

    fn read_proof<'a>(&'a self, headers: &'a HeaderMap) -> Result<Proof<'a>, Refusal> {
        let variant = self.chosen_variant(headers);
        let header = single(headers, &variant.signature_header)?;
        let (signatures, pair_timestamp) = self.read_signatures(&variant.signature_header, header)?;
        let timestamp = match &variant.timestamp {
            TimestampSource::None => None,
            TimestampSource::Header(name) => Some((name.as_str(), single(headers, name)?)),
            TimestampSource::Pair => {
                let text =
                    pair_timestamp.ok_or_else(|| malformed(&variant.signature_header, "it contains no timestamp"))?;
                Some((variant.signature_header.as_str(), text))
            }
        };
        let id = variant.id_header.as_deref().map(|name| single(headers, name)).transpose()?;
        Ok(Proof { signatures, timestamp, id })
    }

    /// The first variant whose signature header is there; with none, the first one, so that its header is named as missing.
    fn chosen_variant(&self, headers: &HeaderMap) -> &Variant {
        let present = self.spec.variants.iter().find(|variant| headers.contains_key(variant.signature_header.as_str()));
        // `check_sources` refused an empty list of variants.
        present.unwrap_or(&self.spec.variants[0])
    }

    fn read_signatures<'a>(&self, name: &str, header: &'a str) -> Result<(Vec<Vec<u8>>, Option<&'a str>), Refusal> {
        let mut timestamp = None;
        let texts: Vec<&str> = match &self.spec.form {
            SignatureForm::Plain { prefix } => {
                vec![header.strip_prefix(prefix.as_str()).ok_or_else(|| malformed(name, "its prefix is another one"))?]
            }
            SignatureForm::List { separator, prefix } => {
                header.split(*separator).filter_map(|entry| entry.strip_prefix(prefix.as_str())).collect()
            }
            SignatureForm::Pairs { signature_key, timestamp_key } => {
                let mut found = Vec::new();
                for (key, value) in header.split(',').filter_map(|pair| pair.trim().split_once('=')) {
                    if key == signature_key {
                        found.push(value);
                    } else if Some(key) == timestamp_key.as_deref() && timestamp.replace(value).is_some() {
                        return Err(malformed(name, "it contains two timestamps"));
                    }
                }
                found
            }
        };
        if texts.is_empty() {
            return Err(malformed(name, "it contains no signature of a known version"));
        }
        if texts.len() > MAX_SIGNATURES {
            return Err(malformed(name, "it contains too many signatures"));
        }
        let decoded: Vec<Vec<u8>> =
            texts.iter().filter_map(|text| self.spec.encoding.decode(text)).filter(|bytes| !bytes.is_empty()).collect();
        if decoded.is_empty() {
            Err(malformed(name, "its encoding is not the scheme's"))
        } else {
            Ok((decoded, timestamp))
        }
    }

    /// Tries every secret with every content against every signature, without leaving early on a hit.
    fn matching_secret(&self, delivery: &Delivery<'_>, proof: &Proof<'_>) -> Result<Option<usize>, Refusal> {
        let mut hit = None;
        for (index, key) in self.keys.iter().enumerate() {
            let mut matches = Choice::from(0);
            for content in &self.spec.contents {
                let digest = self.digest(key, content, delivery, proof)?;
                for signature in &proof.signatures {
                    // Slices of different lengths are unequal; the length of a digest is no secret.
                    matches |= digest.ct_eq(signature);
                }
            }
            if bool::from(matches) && hit.is_none() {
                hit = Some(index);
            }
        }
        Ok(hit)
    }

    fn digest(
        &self,
        key: &[u8],
        content: &ContentTemplate,
        delivery: &Delivery<'_>,
        proof: &Proof<'_>,
    ) -> Result<Vec<u8>, Refusal> {
        match self.spec.hash {
            HashAlgorithm::Sha256 => mac_over(Hmac::<Sha256>::new_from_slice(key), content, delivery, proof),
            HashAlgorithm::Sha512 => mac_over(Hmac::<Sha512>::new_from_slice(key), content, delivery, proof),
        }
    }

    fn check_window(&self, proof: &Proof<'_>, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
        let Some((header, text)) = proof.timestamp else { return Ok(None) };
        let signed_at =
            parse_time(text, self.spec.timestamp_unit).ok_or_else(|| malformed(header, "it is not a time"))?;
        if let Some(tolerance) = self.spec.tolerance {
            let age = now.duration_since(signed_at);
            if age.abs() > tolerance {
                return Err(Refusal::Stale { age, tolerance });
            }
        }
        Ok(Some(signed_at))
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("spec", &self.spec).field("keys", &self.keys.len()).finish()
    }
}

/// What the headers claim.
struct Proof<'a> {
    signatures: Vec<Vec<u8>>,
    /// The header it stands in, and its text.
    timestamp: Option<(&'a str, &'a str)>,
    id: Option<&'a str>,
}

fn mac_over<M: Mac, E>(
    mac: Result<M, E>,
    content: &ContentTemplate,
    delivery: &Delivery<'_>,
    proof: &Proof<'_>,
) -> Result<Vec<u8>, Refusal> {
    // HMAC takes keys of every length; a hash that does not must not accept anything.
    let mut mac = mac.map_err(|_| Refusal::Forged)?;
    for part in content.parts() {
        match part {
            ContentPart::Literal(text) => mac.update(text.as_bytes()),
            ContentPart::Body => mac.update(delivery.body),
            ContentPart::Timestamp => mac.update(proof.timestamp.map_or("", |(_, text)| text).as_bytes()),
            ContentPart::Id => mac.update(proof.id.unwrap_or_default().as_bytes()),
            ContentPart::Method => mac.update(delivery.method.to_ascii_uppercase().as_bytes()),
            ContentPart::Url => mac.update(delivery.url.as_bytes()),
            ContentPart::UrlDecoded => mac.update(decode_listed_escapes(delivery.url).as_bytes()),
            ContentPart::Header(name) => mac.update(single(delivery.headers, name)?.as_bytes()),
        }
    }
    Ok(mac.finalize().into_bytes().to_vec())
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or_else(|| Refusal::MissingHeader { header: name.to_owned() })?;
    if values.next().is_some() {
        return Err(Refusal::DuplicateHeader { header: name.to_owned() });
    }
    value.to_str().map_err(|_| malformed(name, "it is not plain ASCII"))
}

fn malformed(header: &str, reason: &'static str) -> Refusal {
    Refusal::Malformed { header: header.to_owned(), reason }
}

/// Digits only: a sign, a fraction or an exponent would be another writing of a signed text.
fn parse_time(text: &str, unit: TimestampUnit) -> Option<Timestamp> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    match unit {
        TimestampUnit::Seconds => Timestamp::from_second(number).ok(),
        TimestampUnit::Milliseconds => Timestamp::from_millisecond(number).ok(),
    }
}

fn check_sources(spec: &HmacSpec) -> Result<(), SpecError> {
    if spec.variants.is_empty() || spec.variants.iter().any(|variant| variant.signature_header.is_empty()) {
        return Err(SpecError::NoHeader);
    }
    let uses = |part: ContentPart| spec.contents.iter().any(|content| content.uses(&part));
    if spec.contents.is_empty() {
        return Err(SpecError::NoSource { part: "body" });
    }
    for variant in &spec.variants {
        let timed = match (&variant.timestamp, &spec.form) {
            (TimestampSource::None, _) => false,
            (TimestampSource::Header(_), _) => true,
            (TimestampSource::Pair, SignatureForm::Pairs { timestamp_key, .. }) => timestamp_key.is_some(),
            (TimestampSource::Pair, SignatureForm::Plain { .. } | SignatureForm::List { .. }) => false,
        };
        // A window over a time that is not signed would only look like protection.
        let signed_in_all = spec.contents.iter().all(|content| content.uses(&ContentPart::Timestamp));
        let wanted = uses(ContentPart::Timestamp) || spec.tolerance.is_some();
        if wanted && !(timed && signed_in_all) {
            return Err(SpecError::NoSource { part: "timestamp" });
        }
        if uses(ContentPart::Id) && variant.id_header.is_none() {
            return Err(SpecError::NoSource { part: "id" });
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
