//! A signature scheme as data: which headers, which encoding, which key, which content, which time window.
//!
//! Not here: secrets, and the verification itself (`verify`); well-known schemes are spelled out in `schemes`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use thiserror::Error;

use super::content::ContentTemplate;
use super::key::KeyDecoding;

/// A scheme that cannot be used as described; the connection does not start with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpecError {
    #[error("signed content `{template}`: {reason}")]
    Content { template: String, reason: &'static str },
    #[error("the scheme names no signature header")]
    NoHeader,
    #[error("the content needs `{{{part}}}` but the scheme says not where to find it")]
    NoSource { part: &'static str },
    #[error("no secret is configured: without one, anybody could send webhooks")]
    NoSecret,
    #[error("secret number {number}: {reason}")]
    Secret { number: usize, reason: &'static str },
}

/// The hash of the HMAC. SHA-1 is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashAlgorithm {
    Sha256,
    Sha512,
}

/// How the digest is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureEncoding {
    Base64,
    /// Either case of letters.
    Hex,
}

impl SignatureEncoding {
    pub(super) fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            SignatureEncoding::Base64 => STANDARD.decode(text).ok(),
            SignatureEncoding::Hex => hex::decode(text).ok(),
        }
    }
}

/// How the signature header is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureForm {
    /// One signature, after a fixed prefix that may be empty (`sha256=`).
    Plain { prefix: String },
    /// Several signatures; entries without the prefix belong to other versions and are ignored (`v1,<a> v1,<b>`).
    List { separator: char, prefix: String },
    /// `key=value` pairs (`t=1700000000,v1=<a>,v1=<b>`); pairs with other keys are ignored.
    Pairs { signature_key: String, timestamp_key: Option<String> },
}

/// Where the time of signing stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimestampSource {
    None,
    Header(String),
    /// In the signature header itself, under the key that `SignatureForm::Pairs` names.
    Pair,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampUnit {
    Seconds,
    Milliseconds,
}

/// One spelling of the headers. Some vendors send the same proof under old or new header names;
/// the first variant whose signature header is present is used, alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pub signature_header: String,
    pub timestamp: TimestampSource,
    pub id_header: Option<String>,
}

/// A described HMAC scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HmacSpec {
    pub hash: HashAlgorithm,
    pub variants: Vec<Variant>,
    pub form: SignatureForm,
    pub encoding: SignatureEncoding,
    pub key: KeyDecoding,
    /// Any of these contents may have been signed: more than one where a vendor's documentation and its libraries differ.
    pub contents: Vec<ContentTemplate>,
    pub timestamp_unit: TimestampUnit,
    /// The window around now, on both sides; `None` where the vendor signs no time.
    pub tolerance: Option<SignedDuration>,
}

impl HmacSpec {
    /// A scheme with one plain header over the raw body, HMAC-SHA256, text key: what most vendors use.
    pub fn over_body(signature_header: &str, encoding: SignatureEncoding, prefix: &str) -> Result<Self, SpecError> {
        Ok(Self {
            hash: HashAlgorithm::Sha256,
            variants: vec![Variant {
                signature_header: signature_header.to_owned(),
                timestamp: TimestampSource::None,
                id_header: None,
            }],
            form: SignatureForm::Plain { prefix: prefix.to_owned() },
            encoding,
            key: KeyDecoding::Utf8,
            contents: vec!["{body}".parse()?],
            timestamp_unit: TimestampUnit::Seconds,
            tolerance: None,
        })
    }
}
