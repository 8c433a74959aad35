//! The secrets of a recorded connection in every shape they are found in: replaced, and searched for before anything is written.
//!
//! Not here: personal data (`scrub`), which settings are secret (manifests).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::connector::http::form::percent_encode;

/// Shorter ones occur by chance: they are replaced where a value is nothing else, and cannot be searched for.
pub(super) const SHORTEST: usize = 4;
/// Shorter encodings occur by chance.
const SHORTEST_CORE: usize = 6;

struct Secret {
    name: String,
    value: String,
    placeholder: String,
    /// Shapes that hold the secret and nothing else.
    whole: Vec<(&'static str, String)>,
    /// What every encoding of something that contains the secret contains.
    cores: Vec<(&'static str, String)>,
}

/// By length, longest first: one may contain another.
#[derive(Default)]
pub(super) struct Secrets {
    all: Vec<Secret>,
}

/// Where a secret was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leak {
    pub(super) secret: String,
    pub(super) shape: &'static str,
    pub(super) line: usize,
}

/// Long and odd enough to be found wherever it leaks; the same for the same name.
pub(super) fn placeholder(name: &str) -> String {
    let slug: String =
        name.to_lowercase().chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    format!("fixture-{slug}-{}", hex::encode(&Sha256::digest(name.as_bytes())[..4]))
}

impl Secrets {
    /// Of two that are the same the first stays.
    pub(super) fn add(&mut self, name: &str, value: &str, placeholder: String) {
        let value = value.trim();
        if value.is_empty() || self.all.iter().any(|known| known.value == value) {
            return;
        }
        let (whole, cores) = if value.len() < SHORTEST { (Vec::new(), Vec::new()) } else { shapes(value) };
        // What stands for a secret must not be taken for it.
        let cores = cores.into_iter().filter(|(_, core)| !placeholder.contains(core.as_str())).collect();
        self.all.push(Secret { name: name.to_owned(), value: value.to_owned(), placeholder, whole, cores });
        self.all.sort_by_key(|secret| std::cmp::Reverse(secret.value.len()));
    }

    pub(super) fn placeholders(&self) -> BTreeMap<&str, &str> {
        self.all.iter().map(|secret| (secret.name.as_str(), secret.placeholder.as_str())).collect()
    }

    /// Names of those that are too short to be searched for.
    pub(super) fn short(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter(|secret| secret.value.len() < SHORTEST).map(|secret| secret.name.as_str())
    }

    /// The text with placeholders, and how many there are.
    pub(super) fn replace(&self, text: &str) -> (String, usize) {
        let (mut text, mut count) = (text.to_owned(), 0);
        for secret in &self.all {
            if text == secret.value {
                return (secret.placeholder.clone(), count + 1);
            }
            for (_, shape) in &secret.whole {
                let found = text.matches(shape.as_str()).count();
                if found > 0 {
                    count += found;
                    text = text.replace(shape.as_str(), &secret.placeholder);
                }
            }
            for (_, core) in &secret.cores {
                while let Some(at) = text.find(core.as_str()) {
                    let (start, end) = run_around(&text, at, at + core.len());
                    text.replace_range(start..end, &secret.placeholder);
                    count += 1;
                }
            }
        }
        (text, count)
    }

    /// The first secret that is still there.
    pub(super) fn find(&self, text: &str) -> Option<Leak> {
        let found = |haystack: &str, wrapped: bool| {
            for secret in &self.all {
                for (shape, needle) in secret.whole.iter().chain(&secret.cores) {
                    if let Some(at) = haystack.find(needle.as_str()) {
                        let line = if wrapped { 0 } else { haystack[..at].matches('\n').count() + 1 };
                        return Some(Leak { secret: secret.name.clone(), shape, line });
                    }
                }
            }
            None
        };
        // Encodings may be wrapped at 64 or 76 columns, also inside a JSON text.
        let unwrapped = || text.replace("\\r", "").replace("\\n", "").replace(['\r', '\n'], "");
        found(text, false).or_else(|| found(&unwrapped(), true))
    }
}

/// What a form of a secret is called, and the text to look for.
type Shape = (&'static str, String);

fn shapes(value: &str) -> (Vec<Shape>, Vec<Shape>) {
    let encoded = percent_encode(value);
    let json = serde_json::Value::from(value).to_string();
    let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_owned();
    let xml = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let mut whole = vec![("as it is", value.to_owned())];
    let others = [
        ("percent-encoded", encoded.clone()),
        ("percent-encoded", lower_escapes(&encoded)),
        ("percent-encoded as a form", encoded.replace("%20", "+")),
        ("percent-encoded twice", percent_encode(&encoded)),
        ("escaped in JSON", json.clone()),
        ("escaped in JSON", json.replace('/', "\\/")),
        ("escaped in JSON twice", json.replace('\\', "\\\\").replace('"', "\\\"")),
        ("escaped in XML", xml.clone()),
        ("escaped in XML", xml.replace('\'', "&apos;")),
        ("escaped in HTML", xml.replace('\'', "&#39;")),
    ];
    for (shape, text) in others {
        if !whole.iter().any(|(_, known)| *known == text) {
            whole.push((shape, text));
        }
    }
    let mut cores = Vec::new();
    for source in [value, encoded.as_str()] {
        cores.extend(base64_cores(source.as_bytes()).into_iter().map(|core| ("in base64", core)));
        let hex = hex::encode(source);
        cores.extend([("in hex", hex.to_uppercase()), ("in hex", hex)]);
    }
    cores.retain(|(_, core)| core.len() >= SHORTEST_CORE);
    cores.sort();
    cores.dedup();
    (whole, cores)
}

/// `%2f` for `%2F`.
fn lower_escapes(encoded: &str) -> String {
    let mut out = String::with_capacity(encoded.len());
    let mut left = 0;
    for letter in encoded.chars() {
        out.push(if left > 0 { letter.to_ascii_lowercase() } else { letter });
        left = if letter == '%' { 2 } else { usize::saturating_sub(left, 1) };
    }
    out
}

/// What base64 of any text with these bytes in it contains, wherever they begin: three alignments, two alphabets.
fn base64_cores(bytes: &[u8]) -> Vec<String> {
    let mut cores = Vec::new();
    for before in 0..3 {
        let mut padded = vec![0; before];
        padded.extend_from_slice(bytes);
        let encoded = STANDARD_NO_PAD.encode(&padded);
        // Letters that also hold bits of the neighbours.
        let begin = [0, 2, 3][before];
        let end = encoded.len() - usize::from(padded.len() % 3 != 0);
        let Some(core) = encoded.get(begin..end) else { continue };
        cores.push(core.to_owned());
        cores.push(core.replace('+', "-").replace('/', "_"));
    }
    cores
}

/// The whole run of letters of encodings around a place.
fn run_around(text: &str, start: usize, end: usize) -> (usize, usize) {
    let of_run = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '-' | '_' | '=');
    let before: usize = text[..start].chars().rev().take_while(of_run).map(char::len_utf8).sum();
    let after: usize = text[end..].chars().take_while(of_run).map(char::len_utf8).sum();
    (start - before, end + after)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    const TOKEN: &str = "s3cr3t/+Tok\"en&ä'x";

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add("setting `token`", TOKEN, placeholder("token"));
        secrets
    }

    fn hidden() -> Vec<String> {
        let mut all = vec![
            format!("x {TOKEN} y"),
            format!("https://a.example/?k={}", percent_encode(TOKEN)),
            lower_escapes(&percent_encode(TOKEN)),
            percent_encode(&percent_encode(TOKEN)),
            serde_json::json!({ "echo": TOKEN }).to_string(),
            serde_json::json!({ "echo": serde_json::json!({ "in": TOKEN }).to_string() }).to_string(),
            hex::encode(TOKEN),
            hex::encode(TOKEN).to_uppercase(),
            TOKEN.replace('&', "&amp;").replace('"', "&quot;"),
            format!("Basic {}", STANDARD.encode(format!("anna:{TOKEN}"))),
        ];
        for before in 0..4 {
            let text = format!("{}{TOKEN}{}", "u".repeat(before), "v".repeat(before));
            all.extend([STANDARD.encode(&text), URL_SAFE.encode(&text)]);
        }
        all
    }

    #[test]
    fn every_shape_is_found_and_replaced() {
        let secrets = secrets();
        for text in hidden() {
            assert!(secrets.find(&text).is_some(), "{text}");
            let (replaced, count) = secrets.replace(&text);
            assert!(count > 0 && secrets.find(&replaced).is_none(), "{text} -> {replaced}");
            assert!(replaced.contains(&placeholder("token")), "{replaced}");
        }
        assert_eq!(secrets.find("nothing to see: fixture-token"), None);
    }

    #[test]
    fn a_wrapped_encoding_is_found_and_the_place_is_told() {
        let wrapped = STANDARD.encode(TOKEN);
        let wrapped = format!("a\nb {}\n{}", &wrapped[..10], &wrapped[10..]);
        assert!(secrets().find(&wrapped).is_some());
        let leak = secrets().find(&format!("a\nb\n{TOKEN}")).unwrap();
        assert_eq!((leak.secret.as_str(), leak.shape, leak.line), ("setting `token`", "as it is", 3));
    }

    #[test]
    fn short_secrets_are_replaced_where_they_stand_alone() {
        let mut secrets = Secrets::default();
        secrets.add("setting `pin`", "42", placeholder("pin"));
        assert_eq!(secrets.replace("42").0, placeholder("pin"));
        assert_eq!(secrets.replace("1423").0, "1423");
        assert_eq!(secrets.short().collect::<Vec<_>>(), ["setting `pin`"]);
    }
}
