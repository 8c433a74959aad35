//! Signs what somebody in a vendor's place sends (a rehearsal's stand-in, a fixture's delivery), by the connection's own scheme.
//!
//! Not here: verification. This is written from the scheme's description, not from the verifier.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac as HmacOver, KeyInit, Mac};
use secrecy::SecretString;
use serde_json::Value;
use sha2::{Sha256, Sha512};

use super::standard::Signer as StandardSigner;
use crate::connector::manifest::{
    ContentPart, Encoding, Hash, Hmac, KeyForm, SecretPlace, TimeUnit, TimestampFrom, Verify,
};
use crate::mapping::expr::{Scope, Template};

/// Why no delivery of this scheme can be made here; `None` for those that can.
pub(crate) fn unsignable(verify: &Verify) -> Option<&'static str> {
    match verify {
        Verify::Hmac { .. }
        | Verify::StandardWebhooks { .. }
        | Verify::SharedSecret { place: SecretPlace::Header(_), .. }
        | Verify::PathSecret => None,
        Verify::SharedSecret { place: SecretPlace::Body(_), .. } => {
            Some("its deliveries carry the secret in the body, which a rehearsal does not write")
        }
        Verify::Digest { .. } | Verify::SignedItems { .. } => {
            Some("its deliveries are signed in a way that a rehearsal does not know how to make")
        }
        Verify::Certificate { .. } => Some("only the vendor has the key that signs its deliveries"),
    }
}

/// A connection's first active secret and how it is used.
pub(crate) enum Signer {
    Hmac {
        described: Box<Hmac>,
        key: Vec<u8>,
    },
    Standard(StandardSigner),
    Shared {
        header: String,
        secret: String,
    },
    /// The address is the proof.
    Path,
}

pub(crate) type Headers = Vec<(String, String)>;

impl Signer {
    /// `settings` with secrets in clear.
    pub(crate) fn new(verify: &Verify, settings: &Value) -> Result<Signer, String> {
        Ok(match verify {
            Verify::Hmac { hmac, secrets } => {
                let key = key(&hmac.key, &first(secrets.iter().map(|secret| &secret.value), settings)?)?;
                Signer::Hmac { described: hmac.clone(), key }
            }
            Verify::StandardWebhooks { secrets } => {
                let secret = first(secrets.iter().map(|secret| &secret.value), settings)?;
                let signer = StandardSigner::new(&[SecretString::from(secret)]).map_err(|error| error.to_string())?;
                Signer::Standard(signer)
            }
            Verify::SharedSecret { place: SecretPlace::Header(header), secrets } => {
                let secret = first(secrets.iter().map(|secret| &secret.value), settings)?;
                Signer::Shared { header: header.clone(), secret }
            }
            Verify::SharedSecret { place: SecretPlace::Body(_), .. }
            | Verify::Digest { .. }
            | Verify::SignedItems { .. }
            | Verify::Certificate { .. } => {
                return Err(unsignable(verify).unwrap_or("its scheme cannot be signed here").to_owned());
            }
            Verify::PathSecret => Signer::Path,
        })
    }

    /// The headers that prove the call. `id` names the message where the scheme signs one.
    pub(crate) fn sign(
        &self,
        url: &str,
        id: &str,
        now: jiff::Timestamp,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<Headers, String> {
        match self {
            Signer::Path => Ok(Vec::new()),
            Signer::Shared { header, secret } => Ok(vec![(header.clone(), secret.clone())]),
            Signer::Standard(signer) => {
                let signed = signer.sign(id, now, body).map_err(|error| error.to_string())?;
                Ok(signed.pairs().iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
            }
            Signer::Hmac { described, key } => hmac(described, key, Message { url, id, now, headers, body }),
        }
    }
}

struct Message<'a> {
    url: &'a str,
    id: &'a str,
    now: jiff::Timestamp,
    headers: &'a [(String, String)],
    body: &'a [u8],
}

fn hmac(scheme: &Hmac, key: &[u8], message: Message<'_>) -> Result<Headers, String> {
    let stamp = scheme.timestamp.as_ref().map(|check| match check.unit {
        TimeUnit::Seconds => message.now.as_second().to_string(),
        TimeUnit::Milliseconds => message.now.as_millisecond().to_string(),
        TimeUnit::Rfc3339 => message.now.to_string(),
    });
    let mut signed = Vec::with_capacity(message.body.len() + 64);
    for part in &scheme.content {
        let text = match part {
            ContentPart::Literal(text) => text.as_bytes(),
            ContentPart::Body => message.body,
            ContentPart::Id => message.id.as_bytes(),
            ContentPart::Timestamp => stamp.as_deref().unwrap_or_default().as_bytes(),
            // The address has no escapes, so decoded and as it is are the same.
            ContentPart::Url | ContentPart::UrlDecoded => message.url.as_bytes(),
            ContentPart::Method => b"POST",
            // Of schemes that are not made here (see `unsignable`).
            ContentPart::Secret | ContentPart::Crc32 => {
                return Err("the scheme signs more than a rehearsal knows".to_owned());
            }
            ContentPart::Header(name) => {
                let found = message.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.as_bytes()).unwrap_or_default()
            }
        };
        signed.extend_from_slice(text);
    }
    let digest = match scheme.hash {
        Hash::Sha256 => digest(HmacOver::<Sha256>::new_from_slice(key), &signed)?,
        Hash::Sha512 => digest(HmacOver::<Sha512>::new_from_slice(key), &signed)?,
    };
    let signature = match scheme.encoding {
        Encoding::Base64 => STANDARD.encode(digest),
        Encoding::Hex => hex::encode(digest),
    };
    let signature = format!("{}{signature}", scheme.prefix);
    let mut headers = Vec::new();
    let mut entries = Vec::new();
    if let (Some(check), Some(stamp)) = (&scheme.timestamp, &stamp) {
        match &check.from {
            TimestampFrom::Header(name) => headers.push((name.clone(), stamp.clone())),
            TimestampFrom::Part(name) => entries.push((name.clone(), stamp.clone())),
        }
    }
    if let Some(name) = &scheme.id_header {
        headers.push((name.clone(), message.id.to_owned()));
    }
    let value = match &scheme.parts {
        None => signature,
        Some(parts) => {
            entries.push((parts.signature.clone(), signature));
            let entries: Vec<String> =
                entries.iter().map(|(name, value)| format!("{name}{}{value}", parts.assign)).collect();
            entries.join(&parts.separator.to_string())
        }
    };
    let name = scheme.headers.first().ok_or("the scheme names no header")?;
    headers.push((name.clone(), value));
    Ok(headers)
}

fn digest<M: Mac, E>(mac: Result<M, E>, signed: &[u8]) -> Result<Vec<u8>, String> {
    let mut mac = mac.map_err(|_| "the key does not fit the hash")?;
    mac.update(signed);
    Ok(mac.finalize().into_bytes().to_vec())
}

fn first<'t>(mut secrets: impl Iterator<Item = &'t Template>, settings: &Value) -> Result<String, String> {
    let scope = Scope::new().with("settings", settings);
    secrets
        .find_map(|secret| secret.render(&scope).ok().filter(|text| !text.trim().is_empty()))
        .ok_or_else(|| "the connector names no secret".to_owned())
}

fn key(form: &KeyForm, secret: &str) -> Result<Vec<u8>, String> {
    match form {
        KeyForm::Text => Ok(secret.as_bytes().to_vec()),
        KeyForm::Hex => hex::decode(secret).map_err(|error| error.to_string()),
        KeyForm::Base64 { prefix } => {
            STANDARD.decode(secret.strip_prefix(prefix.as_str()).unwrap_or(secret)).map_err(|error| error.to_string())
        }
    }
}
