//! What a vendor signs: a template over the parts of the request, fed to the hash piece by piece, the body never copied.
//!
//! Not here: which header holds what (`spec`), the hash (`verify`).

use std::borrow::Cow;
use std::str::FromStr;

use super::spec::SpecError;

/// One piece of the signed content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentPart {
    Literal(String),
    /// The raw bytes of the body, before any decoding.
    Body,
    /// The text of the timestamp exactly as received.
    Timestamp,
    /// The message id exactly as received.
    Id,
    /// The method in upper case.
    Method,
    /// The address as registered with the vendor: the hub's public URL, never the `Host` header.
    Url,
    /// The same address with the escapes that some vendors undo before signing (`:/?@!$'()*,;`) decoded.
    UrlDecoded,
    /// Another header's value.
    Header(String),
}

/// The signed content, for instance `{timestamp}.{body}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentTemplate {
    parts: Vec<ContentPart>,
}

impl ContentTemplate {
    pub fn parts(&self) -> &[ContentPart] {
        &self.parts
    }

    pub fn uses(&self, wanted: &ContentPart) -> bool {
        self.parts.contains(wanted)
    }
}

impl FromStr for ContentTemplate {
    type Err = SpecError;

    /// Reads `{body}`, `{timestamp}`, `{id}`, `{method}`, `{url}`, `{url_decoded}`, `{header:<name>}` and literal text.
    /// A template without `{body}` is refused: it would accept any body.
    fn from_str(text: &str) -> Result<Self, SpecError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            if open > 0 {
                parts.push(ContentPart::Literal(rest[..open].to_owned()));
            }
            let Some(length) = rest[open..].find('}') else {
                return Err(SpecError::Content { template: text.to_owned(), reason: "a `{` is not closed" });
            };
            parts.push(named(&rest[open + 1..open + length], text)?);
            rest = &rest[open + length + 1..];
        }
        if !rest.is_empty() {
            parts.push(ContentPart::Literal(rest.to_owned()));
        }
        if !parts.contains(&ContentPart::Body) {
            return Err(SpecError::Content {
                template: text.to_owned(),
                reason: "it does not contain `{body}`, so any body would pass",
            });
        }
        Ok(Self { parts })
    }
}

fn named(name: &str, template: &str) -> Result<ContentPart, SpecError> {
    match name {
        "body" => Ok(ContentPart::Body),
        "timestamp" => Ok(ContentPart::Timestamp),
        "id" => Ok(ContentPart::Id),
        "method" => Ok(ContentPart::Method),
        "url" => Ok(ContentPart::Url),
        "url_decoded" => Ok(ContentPart::UrlDecoded),
        other => match other.strip_prefix("header:") {
            Some(header) if !header.is_empty() => Ok(ContentPart::Header(header.to_ascii_lowercase())),
            Some(_) | None => Err(SpecError::Content {
                template: template.to_owned(),
                reason: "it names an unknown part; known are body, timestamp, id, method, url, url_decoded, header:<name>",
            }),
        },
    }
}

/// Decodes only the escapes that the documented form of URL signing undoes; all others stay as they are.
pub(super) fn decode_listed_escapes(url: &str) -> Cow<'_, str> {
    const LISTED: [(&str, char); 12] = [
        ("3a", ':'),
        ("2f", '/'),
        ("3f", '?'),
        ("40", '@'),
        ("21", '!'),
        ("24", '$'),
        ("27", '\''),
        ("28", '('),
        ("29", ')'),
        ("2a", '*'),
        ("2c", ','),
        ("3b", ';'),
    ];
    if !url.contains('%') {
        return Cow::Borrowed(url);
    }
    let mut decoded = String::with_capacity(url.len());
    let mut rest = url;
    while let Some(at) = rest.find('%') {
        decoded.push_str(&rest[..at]);
        let escape = rest.get(at + 1..at + 3);
        let plain = escape.and_then(|code| LISTED.iter().find(|(hex, _)| hex.eq_ignore_ascii_case(code)));
        match plain {
            Some((_, character)) => {
                decoded.push(*character);
                rest = &rest[at + 3..];
            }
            None => {
                decoded.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}
