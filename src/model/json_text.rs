//! The tokens of JSON text, read where they stand: white space, strings, numbers, words. Here is the one place that knows
//! JSON's grammar below objects and lists; not here: trees, which each reader builds as it needs them, and their limits.

use std::borrow::Cow;

/// Why the text is not JSON, and at which byte of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {offset}: {reason}")]
pub struct JsonFault {
    pub offset: usize,
    pub reason: &'static str,
}

/// A place in a JSON text. The smallest methods are marked inline: readers of the hot way live in other modules.
pub(crate) struct JsonText<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> JsonText<'t> {
    pub(crate) fn new(text: &'t str) -> JsonText<'t> {
        JsonText { text, at: 0 }
    }

    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    pub(crate) fn fault(&self, reason: &'static str) -> JsonFault {
        JsonFault { offset: self.at, reason }
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    pub(crate) fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Nothing but white space may follow the one value of a text.
    pub(crate) fn end(&mut self) -> Result<(), JsonFault> {
        self.blanks();
        if self.at == self.text.len() { Ok(()) } else { Err(self.fault("text after the value")) }
    }

    /// At its first letter: `true`, `false` or `null`.
    pub(crate) fn word(&mut self, word: &str) -> Result<(), JsonFault> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.fault("expected a value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// At its first character: a number's literal text, valid by JSON's grammar.
    pub(crate) fn number(&mut self) -> Result<&'t str, JsonFault> {
        let start = self.at;
        self.take(b'-');
        let leading_zero = self.take(b'0');
        if (self.digits() == 0) != leading_zero {
            return Err(self.not_a_number());
        }
        if self.take(b'.') && self.digits() == 0 {
            return Err(self.not_a_number());
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            if self.digits() == 0 {
                return Err(self.not_a_number());
            }
        }
        Ok(&self.text[start..self.at])
    }

    #[cold]
    fn not_a_number(&self) -> JsonFault {
        self.fault("not a number")
    }

    #[inline]
    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    /// At its opening quote: a string, borrowed unless it has escapes.
    pub(crate) fn string(&mut self) -> Result<Cow<'t, str>, JsonFault> {
        self.at += 1;
        let mut unescaped: Option<String> = None;
        let mut clean_from = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let clean = &self.text[clean_from..self.at];
                    self.at += 1;
                    return Ok(match unescaped {
                        None => Cow::Borrowed(clean),
                        Some(mut text) => {
                            text.push_str(clean);
                            Cow::Owned(text)
                        }
                    });
                }
                Some(b'\\') => {
                    let text = unescaped.get_or_insert_with(String::new);
                    text.push_str(&self.text[clean_from..self.at]);
                    text.push(self.escape()?);
                    clean_from = self.at;
                }
                Some(0..0x20) => return Err(self.fault("control character inside a string")),
                Some(_) => self.at += 1,
                None => return Err(self.fault("ends inside a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonFault> {
        self.at += 1;
        let escaped = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            Some(_) | None => return Err(self.fault("unknown escape")),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// `\uXXXX`, or two of them that form one character; half a pair is refused.
    fn unicode(&mut self) -> Result<char, JsonFault> {
        let start = self.at;
        let high = self.hex()?;
        let code = match high {
            0xD800..=0xDBFF if self.text[self.at..].starts_with("\\u") => {
                self.at += 1;
                match self.hex()? {
                    low @ 0xDC00..=0xDFFF => 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00),
                    _ => high,
                }
            }
            code => code,
        };
        char::from_u32(code).ok_or(JsonFault { offset: start, reason: "half a surrogate pair" })
    }

    fn hex(&mut self) -> Result<u32, JsonFault> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5);
        let mut code = 0;
        for digit in digits.ok_or_else(|| self.fault("bad \\u escape"))? {
            let value = char::from(*digit).to_digit(16);
            code = code * 16 + value.ok_or_else(|| self.fault("bad \\u escape"))?;
        }
        self.at += 5;
        Ok(code)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_number(text: &str, expected: Result<&str, usize>) {
        assert_eq!(JsonText::new(text).number().map_err(|fault| fault.offset), expected, "{text}");
    }

    #[test]
    fn numbers_keep_their_text() {
        for text in ["0", "-0", "0.50", "1e400", "-12.5E-3", "12345678901234567890123"] {
            check_number(text, Ok(text));
        }
        check_number("12,", Ok("12"));
        check_number("-", Err(1));
        check_number("01", Err(2));
        check_number("1.", Err(2));
        check_number("1e+", Err(3));
    }

    #[test]
    fn faults_name_their_place() {
        let refused = |text| JsonText::new(text).string().unwrap_err();
        assert_eq!(refused(r#""ab\x""#), JsonFault { offset: 4, reason: "unknown escape" });
        assert_eq!(refused(r#""ab"#), JsonFault { offset: 3, reason: "ends inside a string" });
        assert_eq!(refused(r#""\udc00""#), JsonFault { offset: 2, reason: "half a surrogate pair" });
        assert_eq!(refused(r#""\u+123""#), JsonFault { offset: 2, reason: "bad \\u escape" });
    }

    #[test]
    fn strings_are_borrowed_until_an_escape() {
        assert!(matches!(JsonText::new("\"plain ü\"").string().unwrap(), Cow::Borrowed("plain ü")));
        assert!(matches!(JsonText::new(r#""a\nb""#).string().unwrap(), Cow::Owned(text) if text == "a\nb"));
    }
}
