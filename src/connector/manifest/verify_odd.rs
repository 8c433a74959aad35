//! Schemes of proof that are not one HMAC in one header: a signature in every item, a secret in the body, a certificate.
//!
//! Not here: the described HMAC and its parts (`verify`), carrying them out (`connector::webhook`).

use crate::config::yaml::{Context, Decode, MapReader, Node, Spanned};
use crate::mapping::expr::{Path, Template};

use super::verify::{ContentPart, Encoding, Hash, KeyForm, TimestampCheck};
use super::verify_hmac::{content_parts, key_form};

/// Every item of the body carries an HMAC over some of its own fields. Fields that are not among them are not proven.
#[derive(Debug, Clone)]
pub struct SignedItems {
    pub hash: Hash,
    pub items: Spanned<Path>,
    /// In the item, in the order in which they are signed; one that is absent counts as empty.
    pub fields: Vec<Spanned<Path>>,
    pub separator: String,
    /// Where the signature stands in the item.
    pub signature: Spanned<Path>,
    pub encoding: Encoding,
    pub key: KeyForm,
}

/// A signature with a certificate's key (RSA, SHA-256); the certificate comes from an address that the delivery names.
#[derive(Debug, Clone)]
pub struct CertificateSignature {
    /// Spellings of the signature header, base64.
    pub header: String,
    /// What is signed: literal text with `{body}` or `{crc32}`, `{secret}`, `{timestamp}`, `{header:<name>}`, ...
    pub content: Vec<ContentPart>,
    pub timestamp: Option<TimestampCheck>,
    /// The header that names the certificate's address.
    pub url_header: String,
    /// Hosts from which certificates are taken; `*.example.com` stands for every host below it.
    pub hosts: Vec<String>,
    /// The name that the certificate must be made out to; sees `settings`.
    pub subject: Spanned<Template>,
    /// Authorities in PEM in place of the public ones.
    pub authority: Option<Spanned<Template>>,
}

impl SignedItems {
    pub(super) fn read(map: &MapReader<'_>) -> Option<Self> {
        let hash = map.or("hash", Hash::Sha256);
        let (items, signature) = (map.required("items"), map.required("signature"));
        let fields = map.required::<Vec<Spanned<Path>>>("fields");
        let (separator, encoding) = (map.or("separator", ":".to_owned()), map.required("encoding"));
        let key = key_form(map);
        if fields.as_ref().is_some_and(Vec::is_empty) {
            map.error("fields", "nothing is signed, so anything would pass", "name the signed fields in their order");
        }
        let (items, fields, signature, encoding) = (items?, fields?, signature?, encoding?);
        Some(Self { hash, items, fields, separator, signature, encoding, key })
    }
}

impl CertificateSignature {
    pub(super) fn read(map: &MapReader<'_>) -> Option<Self> {
        let (header, content) = (map.required("header"), map.required::<Spanned<String>>("content"));
        let timestamp = map.optional("timestamp");
        let certificate: Option<Origin> = map.required("certificate");
        let content = content.and_then(|text| match content_parts(&text) {
            Ok(parts) => Some(parts),
            Err(problem) => {
                map.error("content", problem, "such as `{header:x-id}|{timestamp}|{secret}|{crc32}`");
                None
            }
        });
        if content.as_ref().is_some_and(|parts| parts.contains(&ContentPart::Timestamp)) && !map.has("timestamp") {
            map.error(
                "content",
                "`{timestamp}` is signed but `timestamp` does not say where it stands",
                "add `timestamp`",
            );
        }
        let Origin { url_header, hosts, subject, authority } = certificate?;
        Some(Self { header: header?, content: content?, timestamp, url_header, hosts, subject, authority })
    }
}

struct Origin {
    url_header: String,
    hosts: Vec<String>,
    subject: Spanned<Template>,
    authority: Option<Spanned<Template>>,
}

impl Decode for Origin {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "certificate")?;
        let (url_header, hosts) = (map.required("url_header"), map.required::<Vec<String>>("hosts"));
        let (subject, authority) = (map.required("subject"), map.optional("authority"));
        let open =
            |host: &String| host.trim_start_matches("*.").is_empty() || host.trim_start_matches("*.").contains('*');
        if hosts.as_ref().is_some_and(|hosts| hosts.is_empty() || hosts.iter().any(open)) {
            map.error(
                "hosts",
                "certificates would be taken from anywhere",
                "name the vendor's hosts, such as `api.example.com` or `*.example.com`",
            );
        }
        map.finish();
        Some(Self { url_header: url_header?, hosts: hosts?, subject: subject?, authority })
    }
}
