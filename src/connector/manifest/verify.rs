//! How a webhook proves where it comes from, as described in a manifest.
//!
//! Not here: computing and comparing signatures (`connector::webhook`), the secrets' values.

use std::time::Duration;

use crate::config::yaml::{Context, Decode, MapReader, Node, Spanned};

use crate::mapping::expr::Template;

#[derive(Debug, Clone)]
pub enum Verify {
    /// A described HMAC; secrets that come out empty are not configured (the second one exists during rotation).
    Hmac { hmac: Box<Hmac>, secrets: Vec<Spanned<Template>> },
    /// Standard Webhooks 1.0.0 with its own header names, key form and window.
    StandardWebhooks { secrets: Vec<Spanned<Template>> },
    /// A header that must equal a secret; compared in constant time.
    SharedSecret { header: String, secrets: Vec<Spanned<Template>> },
    /// The vendor signs nothing: the connection's address holds an unguessable part, and content is read again, never believed.
    PathSecret,
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
    pub enum TimeUnit ("time unit") { Seconds = "seconds", Milliseconds = "milliseconds" }
}

crate::choice! {
    enum Scheme ("verification scheme") {
        Hmac = "hmac",
        StandardWebhooks = "standard_webhooks",
        SharedSecret = "shared_secret",
        PathSecret = "path_secret",
    }
}

crate::choice! {
    enum KeyWord ("key form") { Text = "text", Hex = "hex", Base64 = "base64" }
}

impl Decode for Verify {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "verify")?;
        let verify = match map.required::<Scheme>("scheme")? {
            Scheme::Hmac => {
                let (hmac, secrets) = (Hmac::read(&map), secrets(&map));
                hmac.zip(secrets).map(|(hmac, secrets)| Self::Hmac { hmac: Box::new(hmac), secrets })
            }
            Scheme::StandardWebhooks => secrets(&map).map(|secrets| Self::StandardWebhooks { secrets }),
            Scheme::SharedSecret => {
                let (header, secrets) = (map.required("header"), secrets(&map));
                header.zip(secrets).map(|(header, secrets)| Self::SharedSecret { header, secrets })
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

impl Hmac {
    fn read(map: &MapReader<'_>) -> Option<Self> {
        let hash = map.or("hash", Hash::Sha256);
        let headers = map.required::<Vec<String>>("headers");
        let encoding = map.required("encoding");
        let parts = map.optional("parts");
        let prefix = map.or("prefix", String::new());
        let key = match map.or("key", KeyWord::Text) {
            KeyWord::Text => KeyForm::Text,
            KeyWord::Hex => KeyForm::Hex,
            KeyWord::Base64 => KeyForm::Base64 { prefix: map.or("key_prefix", String::new()) },
        };
        let content = map.required::<Spanned<String>>("content");
        let id_header = map.optional("id_header");
        let timestamp: Option<TimestampCheck> = map.optional("timestamp");
        let (content_text, content) = content.and_then(|text| {
            let parts = content_parts(&text);
            let problem = match &parts {
                Err(problem) => Some(problem.clone()),
                Ok(parts) if parts.contains(&ContentPart::Timestamp) && !map.has("timestamp") => {
                    Some("`{timestamp}` is signed but `timestamp` does not say where it stands".into())
                }
                Ok(parts) if parts.contains(&ContentPart::Id) && id_header.is_none() => {
                    Some("`{id}` is signed but `id_header` does not say where it stands".into())
                }
                Ok(_) => None,
            };
            if let Some(problem) = problem {
                map.error("content", problem, KNOWN_PARTS);
            }
            Some((text.value, parts.ok()?))
        })?;
        if headers.as_ref().is_some_and(Vec::is_empty) {
            map.error("headers", "no signature header is named", "add the header's name");
        }
        let needs_parts = matches!(&timestamp, Some(TimestampCheck { from: TimestampFrom::Part(_), .. }));
        if needs_parts && !map.has("parts") {
            map.error(
                "timestamp",
                "a timestamp `part` needs `parts`",
                "describe the header's entries with `parts`, or use `header`",
            );
        }
        let (headers, encoding) = (headers?, encoding?);
        Some(Self { hash, headers, parts, prefix, encoding, key, content, content_text, id_header, timestamp })
    }
}

const KNOWN_PARTS: &str = "known parts: {body}, {id}, {timestamp}, {url}, {url_decoded}, {method}, {header:<name>}; `{body}` must be among them";

fn content_parts(text: &str) -> Result<Vec<ContentPart>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        if open > 0 {
            parts.push(ContentPart::Literal(rest[..open].to_owned()));
        }
        let close = rest[open..].find('}').ok_or("`{` is never closed")? + open;
        parts.push(match &rest[open + 1..close] {
            "body" => ContentPart::Body,
            "id" => ContentPart::Id,
            "timestamp" => ContentPart::Timestamp,
            "url" => ContentPart::Url,
            "url_decoded" => ContentPart::UrlDecoded,
            "method" => ContentPart::Method,
            other => match other.strip_prefix("header:") {
                Some(name) if !name.is_empty() => ContentPart::Header(name.to_ascii_lowercase()),
                Some(_) | None => return Err(format!("`{{{other}}}` is not a part of a request")),
            },
        });
        rest = &rest[close + 1..];
    }
    if !rest.is_empty() {
        parts.push(ContentPart::Literal(rest.to_owned()));
    }
    if !parts.contains(&ContentPart::Body) {
        return Err("the signed content lacks `{body}`, so any body would pass".to_owned());
    }
    Ok(parts)
}

impl Decode for SignatureParts {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "parts")?;
        let one = |key: &'static str| {
            let text: String = map.required(key)?;
            let mut characters = text.chars();
            let (first, second) = (characters.next(), characters.next());
            if first.is_none() || second.is_some() {
                map.error(key, format!("`{key}` is one character"), "such as `separator: \",\"` or `assign: \"=\"`");
            }
            first
        };
        let (separator, assign) = (one("separator"), one("assign"));
        let signature = map.required("signature");
        map.finish();
        Some(Self { separator: separator?, assign: assign?, signature: signature? })
    }
}

impl Decode for TimestampCheck {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "timestamp")?;
        let (header, part) = (map.optional("header"), map.optional("part"));
        let unit = map.or("unit", TimeUnit::Seconds);
        let tolerance = map.or("tolerance", Duration::from_secs(300));
        let from = match (header, part) {
            (Some(header), None) => Some(TimestampFrom::Header(header)),
            (None, Some(part)) => Some(TimestampFrom::Part(part)),
            (Some(_), Some(_)) | (None, None) => {
                cx.error(
                    node.span,
                    "a timestamp stands in one place",
                    "write either `header: <name>` or `part: <entry>`",
                );
                None
            }
        };
        map.finish();
        Some(Self { from: from?, unit, tolerance })
    }
}
