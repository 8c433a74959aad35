//! Reading the description of an HMAC: its content, its key, and the entries of its header.
//!
//! Not here: the other schemes of proof (`verify`, `verify_odd`).

use std::time::Duration;

use crate::config::yaml::{Context, Decode, MapReader, Node, Spanned};

use super::verify::{ContentPart, Hash, Hmac, KeyForm, SignatureParts, TimeUnit, TimestampCheck, TimestampFrom};

crate::choice! {
    enum KeyWord ("key form") { Text = "text", Hex = "hex", Base64 = "base64" }
}

impl Hmac {
    /// `holds_secret`: the content must hold the secret, since nothing else does; otherwise it must not, since a key is no content.
    pub(super) fn read(map: &MapReader<'_>, holds_secret: bool) -> Option<Self> {
        let hash = map.or("hash", Hash::Sha256);
        let headers = map.required::<Vec<String>>("headers");
        let encoding = map.required("encoding");
        let parts = map.optional("parts");
        let prefix = map.or("prefix", String::new());
        let key = key_form(map);
        let content = map.required::<Spanned<String>>("content");
        let id_header = map.optional("id_header");
        let timestamp: Option<TimestampCheck> = map.optional("timestamp");
        let (content_text, content) = content.and_then(|text| {
            let parts = content_parts(&text);
            let problem = match &parts {
                Err(problem) => Some(problem.clone()),
                Ok(parts) if parts.contains(&ContentPart::Secret) != holds_secret => Some(
                    if holds_secret {
                        "a plain hash without `{secret}` proves nothing"
                    } else {
                        "the secret is the key of an HMAC, not content"
                    }
                    .into(),
                ),
                Ok(parts) if !parts.contains(&ContentPart::Body) => {
                    Some("the signed content lacks `{body}`, so any body would pass".into())
                }
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

/// `key: text`, `hex`, or `base64` with `key_prefix`.
pub(super) fn key_form(map: &MapReader<'_>) -> KeyForm {
    match map.or("key", KeyWord::Text) {
        KeyWord::Text => KeyForm::Text,
        KeyWord::Hex => KeyForm::Hex,
        KeyWord::Base64 => KeyForm::Base64 { prefix: map.or("key_prefix", String::new()) },
    }
}

const KNOWN_PARTS: &str = "known parts: {body}, {id}, {timestamp}, {url}, {url_decoded}, {method}, {header:<name>}, {secret}, {crc32}; `{body}` must be among them";

pub(super) fn content_parts(text: &str) -> Result<Vec<ContentPart>, String> {
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
            "secret" => ContentPart::Secret,
            "crc32" => ContentPart::Crc32,
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
    if !parts.iter().any(|part| matches!(part, ContentPart::Body | ContentPart::Crc32)) {
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
