//! Excerpts that are safe to log, store and show: secrets masked, control characters escaped, size capped.
//!
//! Not here: personal data in records (intake and the store's field classification).

use std::sync::{PoisonError, RwLock};

use secrecy::{ExposeSecret, SecretString};

use crate::model::MASKED;

/// Longest excerpt in bytes.
pub const MAX_EXCERPT_BYTES: usize = 1024;
/// Tokens obtained while running that are kept for masking; older ones have expired.
const MAX_LEARNED: usize = 32;
/// Shorter ones (a cookie `lang=de`) are no secrets, and masking them would eat words.
const SHORTEST_LEARNED: usize = 6;

/// The secrets of one connection.
#[derive(Default)]
pub struct Mask {
    fixed: Vec<SecretString>,
    learned: RwLock<Vec<SecretString>>,
}

impl Mask {
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let fixed = secrets.into_iter().filter(|secret| !secret.expose_secret().is_empty()).collect();
        Self { fixed, learned: RwLock::default() }
    }

    /// Also masks a token that the connection obtained.
    pub fn learn(&self, secret: SecretString) {
        let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        if secret.expose_secret().len() < SHORTEST_LEARNED
            || learned.iter().any(|known| known.expose_secret() == secret.expose_secret())
        {
            return;
        }
        if learned.len() >= MAX_LEARNED {
            learned.remove(0);
        }
        learned.push(secret);
    }

    /// All that it masks.
    pub(crate) fn secrets(&self) -> Vec<SecretString> {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        self.fixed.iter().chain(learned.iter()).cloned().collect()
    }

    /// Replaces every secret, as it is and as it looks in a query.
    pub fn text(&self, text: &str) -> String {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        let mut masked = text.to_owned();
        for secret in self.fixed.iter().chain(learned.iter()) {
            let secret = secret.expose_secret();
            if secret.is_empty() {
                continue;
            }
            for shape in [secret.to_owned(), super::form::percent_encode(secret), json_escaped(secret)] {
                if masked.contains(&shape) {
                    masked = masked.replace(&shape, MASKED);
                }
            }
        }
        masked
    }

    /// The head of a body. Masks before cutting, so that no half of a secret remains at the end.
    pub fn excerpt(&self, body: &[u8]) -> String {
        // A secret that straddles the limit must still be seen whole: look well past it before masking.
        let head = &body[..body.len().min(MAX_EXCERPT_BYTES * 16)];
        escape(&self.text(&String::from_utf8_lossy(head)), MAX_EXCERPT_BYTES)
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask({} secrets)", self.fixed.len())
    }
}

fn json_escaped(secret: &str) -> String {
    serde_json::Value::from(secret).to_string().trim_matches('"').to_owned()
}

/// Writes control characters and direction overrides as escapes and cuts at `limit` bytes.
pub fn escape(text: &str, limit: usize) -> String {
    let mut escaped = String::with_capacity(text.len().min(limit));
    for character in text.chars() {
        let invisible = character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        let piece = if invisible { character.escape_default().to_string() } else { character.to_string() };
        if escaped.len() + piece.len() > limit.saturating_sub(3) {
            escaped.push('…');
            break;
        }
        escaped.push_str(&piece);
    }
    escaped
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn mask() -> Mask {
        Mask::new(["s3cret/+ä".into(), "tok\"en".into(), "".into()])
    }

    #[test]
    fn masks_secrets_in_every_shape() {
        let text = r#"a=s3cret/+ä&b=s3cret%2F%2B%C3%A4 {"t":"tok\"en"}"#;
        assert_eq!(mask().text(text), r#"a=[secret]&b=[secret] {"t":"[secret]"}"#);
        let mask = mask();
        mask.learn("bearer-1".into());
        assert_eq!(mask.text("Authorization: bearer-1"), "Authorization: [secret]");
        assert!(!format!("{mask:?}").contains("s3cret"));
    }

    #[test]
    fn excerpts_are_short_and_one_line() {
        let mut body = vec![b'x'; MAX_EXCERPT_BYTES - 6];
        body.extend_from_slice("s3cret/+ä\n".as_bytes());
        let excerpt = mask().excerpt(&body);
        assert!(excerpt.len() <= MAX_EXCERPT_BYTES, "{}", excerpt.len());
        assert!(!excerpt.contains("s3c"), "{excerpt}");
        assert_eq!(mask().excerpt(b"a\r\n\x1b[31mred\0"), "a\\r\\n\\u{1b}[31mred\\u{0}");
        assert_eq!(mask().excerpt("a\u{202e}b".as_bytes()), "a\\u{202e}b");
    }
}
