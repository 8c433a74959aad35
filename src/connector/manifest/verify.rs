//! How a webhook proves where it comes from, as described in a manifest.
//!
//! Not here: computing and comparing signatures (`connector::webhook`), the secrets' values.

use std::time::Duration;

use crate::config::yaml::{Context, Decode, MapReader, Node, Spanned};

use super::verify_odd::{CertificateSignature, SignedItems};
use crate::mapping::expr::{Path, Template};

#[derive(Debug, Clone)]
pub enum Verify {
    /// A described HMAC; secrets that come out empty are not configured (the second one exists during rotation).
    Hmac {
        hmac: Box<Hmac>,
        secrets: Vec<Spanned<Template>>,
    },
    /// Standard Webhooks 1.0.0 with its own header names, key form and window.
    StandardWebhooks {
        secrets: Vec<Spanned<Template>>,
    },
    /// A header, or text in the body, that must equal a secret; compared in constant time.
    SharedSecret {
        place: SecretPlace,
        secrets: Vec<Spanned<Template>>,
    },
    /// A plain hash over content that holds the secret, in place of an HMAC.
    Digest {
        hmac: Box<Hmac>,
        secrets: Vec<Spanned<Template>>,
    },
    SignedItems {
        items: Box<SignedItems>,
        secrets: Vec<Spanned<Template>>,
    },
    /// `secrets` are what `{secret}` of the content stands for: the vendor's id of our subscription, say.
    Certificate {
        signature: Box<CertificateSignature>,
        secrets: Vec<Spanned<Template>>,
    },
    /// The vendor signs nothing: the connection's address holds an unguessable part, and content is read again, never believed.
    PathSecret,
}

#[derive(Debug, Clone)]
pub enum SecretPlace {
    Header(String),
    /// Every value there.
    Body(Spanned<Path>),
}

impl Verify {
    pub fn secrets(&self) -> &[Spanned<Template>] {
        match self {
            Self::Hmac { secrets, .. }
            | Self::StandardWebhooks { secrets }
            | Self::SharedSecret { secrets, .. }
            | Self::Digest { secrets, .. }
            | Self::SignedItems { secrets, .. }
            | Self::Certificate { secrets, .. } => secrets,
            Self::PathSecret => &[],
        }
    }

    /// Whether a forger could change what a delivery says: its content is a hint then, to be read from the vendor.
    pub fn leaves_content_unproven(&self) -> bool {
        match self {
            Self::PathSecret | Self::SharedSecret { place: SecretPlace::Body(_), .. } => true,
            // A checksum keeps nobody from making another body with the same sum.
            Self::Certificate { signature, .. } => !signature.content.contains(&ContentPart::Body),
            Self::Hmac { .. }
            | Self::StandardWebhooks { .. }
            | Self::SharedSecret { place: SecretPlace::Header(_), .. }
            | Self::Digest { .. }
            | Self::SignedItems { .. } => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hmac {
    pub hash: Hash,
    /// Spellings of the signature header; the first that is present is used, alone.
    pub headers: Vec<String>,
    /// `None`: the header is one signature after `prefix`.
    pub parts: Option<SignatureParts>,
    /// A fixed text before the signature (`sha256=`); may be empty.
    pub prefix: String,
    pub encoding: Encoding,
    pub key: KeyForm,
    /// What is signed: literal text with `{body}`, `{id}`, `{timestamp}`, `{url}`, `{url_decoded}`, `{method}`, `{header:<name>}`.
    pub content: Vec<ContentPart>,
    /// `content` as written.
    pub content_text: String,
    /// Where `{id}` stands.
    pub id_header: Option<String>,
    pub timestamp: Option<TimestampCheck>,
}

/// A header of several entries: `t=1700000000,v1=<a>,v1=<b>` has separator `,`, assign `=`, signature `v1`;
/// `v1,<a> v1,<b>` has separator ` `, assign `,`, signature `v1`. Entries under other names are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureParts {
    pub separator: char,
    pub assign: char,
    pub signature: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampCheck {
    pub from: TimestampFrom,
    pub unit: TimeUnit,
    /// The window around now, on both sides.
    pub tolerance: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimestampFrom {
    Header(String),
    /// An entry of the signature header.
    Part(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentPart {
    Literal(String),
    Body,
    Id,
    Timestamp,
    Url,
    UrlDecoded,
    Method,
    Header(String),
    Secret,
    /// The CRC-32 (IEEE) of the body, in decimal digits.
    Crc32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyForm {
    /// The secret's text as it is.
    Text,
    Hex,
    /// Base64 after an optional prefix such as `whsec_`.
    Base64 {
        prefix: String,
    },
}

crate::choice! {
    pub enum Hash ("hash") { Sha256 = "sha256", Sha512 = "sha512" }
}

crate::choice! {
    pub enum Encoding ("encoding") { Base64 = "base64", Hex = "hex" }
}

crate::choice! {
    pub enum TimeUnit ("time unit") { Seconds = "seconds", Milliseconds = "milliseconds", Rfc3339 = "rfc3339" }
}

crate::choice! {
    enum Scheme ("verification scheme") {
        Hmac = "hmac",
        StandardWebhooks = "standard_webhooks",
        SharedSecret = "shared_secret",
        PathSecret = "path_secret",
        Digest = "digest",
        SignedItems = "signed_items",
        Certificate = "certificate",
    }
}

impl Decode for Verify {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "verify")?;
        let verify = match map.required::<Scheme>("scheme")? {
            Scheme::Hmac => {
                let (hmac, secrets) = (Hmac::read(&map, false), secrets(&map));
                hmac.zip(secrets).map(|(hmac, secrets)| Self::Hmac { hmac: Box::new(hmac), secrets })
            }
            Scheme::StandardWebhooks => secrets(&map).map(|secrets| Self::StandardWebhooks { secrets }),
            Scheme::SharedSecret => {
                let (header, body) = (map.optional("header"), map.optional("body"));
                if map.has("header") == map.has("body") {
                    cx.error(
                        node.span,
                        "a shared secret stands in one place",
                        "write either `header: <name>` or `body: <path>`",
                    );
                }
                let place = header.map(SecretPlace::Header).or(body.map(SecretPlace::Body));
                place.zip(secrets(&map)).map(|(place, secrets)| Self::SharedSecret { place, secrets })
            }
            Scheme::Digest => {
                let (hmac, secrets) = (Hmac::read(&map, true), secrets(&map));
                hmac.zip(secrets).map(|(hmac, secrets)| Self::Digest { hmac: Box::new(hmac), secrets })
            }
            Scheme::SignedItems => {
                let (items, secrets) = (SignedItems::read(&map), secrets(&map));
                items.zip(secrets).map(|(items, secrets)| Self::SignedItems { items: Box::new(items), secrets })
            }
            Scheme::Certificate => {
                let (signature, secrets) = (CertificateSignature::read(&map), secrets(&map));
                let both = signature.zip(secrets);
                both.map(|(signature, secrets)| Self::Certificate { signature: Box::new(signature), secrets })
            }
            Scheme::PathSecret => Some(Self::PathSecret),
        };
        map.finish();
        verify
    }
}

/// `secrets`, one or two (the second during rotation).
fn secrets(map: &MapReader<'_>) -> Option<Vec<Spanned<Template>>> {
    let secrets = map.required::<Vec<Spanned<Template>>>("secrets")?;
    if secrets.is_empty() {
        map.error("secrets", "no secret: anybody could send webhooks", "name at least one setting with `secret: true`");
    }
    Some(secrets)
}
