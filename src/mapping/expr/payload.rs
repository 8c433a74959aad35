//! A payload read without copying: JSON text to a tree that borrows its names, texts and number literals.
//!
//! The hot way from received bytes to a record, at a fraction of the cost of `serde_json::Value`; mappings read both alike.
//! Not here: writing JSON, anything that keeps a payload beyond its text.

use std::borrow::Cow;

use serde_json::{Map, Number, Value as Json};

use super::path::Tree;
use crate::model::Raw;

/// Deepest nesting that is read; deeper payloads are attacks.
const MAX_DEPTH: u32 = 128;

/// A JSON value over the text it was read from. Of a name that occurs twice in an object the last one counts, as elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload<'t> {
    Null,
    Bool(bool),
    /// The literal text, valid by JSON's grammar.
    Number(&'t str),
    Text(Cow<'t, str>),
    List(Vec<Payload<'t>>),
    Object(Vec<(Cow<'t, str>, Payload<'t>)>),
}

/// Text that is not JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {offset}: {reason}")]
pub struct PayloadError {
    pub offset: usize,
    pub reason: &'static str,
}

impl<'t> Payload<'t> {
    pub fn parse(text: &'t str) -> Result<Payload<'t>, PayloadError> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.blanks();
        if reader.at == text.len() { Ok(value) } else { Err(reader.fault("something follows the value")) }
    }
}

impl Tree for Payload<'_> {
    fn child(&self, name: &str) -> Option<&Self> {
        match self {
            Payload::Object(entries) => entries.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value),
            Payload::Null | Payload::Bool(_) | Payload::Number(_) | Payload::Text(_) | Payload::List(_) => None,
        }
    }

    fn items(&self) -> Option<&[Self]> {
        if let Payload::List(items) = self { Some(items) } else { None }
    }

    fn is_object(&self) -> bool {
        matches!(self, Payload::Object(_))
    }

    fn raw(&self) -> Option<Raw<'_>> {
        match self {
            Payload::Null => Some(Raw::Null),
            Payload::Bool(value) => Some(Raw::Bool(*value)),
            Payload::Number(text) => Some(Raw::Number(text)),
            Payload::Text(text) => Some(Raw::Text(text)),
            Payload::List(_) | Payload::Object(_) => None,
        }
    }

    fn to_json(&self, members: Option<&[String]>) -> Cow<'_, Json> {
        let (Payload::Object(entries), Some(members)) = (self, members) else { return Cow::Owned(owned(self)) };
        let wanted = entries.iter().filter(|(name, _)| members.iter().any(|member| member == name));
        Cow::Owned(Json::Object(wanted.map(|(name, value)| (name.to_string(), owned(value))).collect()))
    }
}

fn owned(payload: &Payload<'_>) -> Json {
    match payload {
        Payload::Null => Json::Null,
        Payload::Bool(value) => Json::Bool(*value),
        Payload::Number(text) => Json::Number(Number::from_string_unchecked((*text).to_owned())),
        Payload::Text(text) => Json::String(text.to_string()),
        Payload::List(items) => Json::Array(items.iter().map(owned).collect()),
        Payload::Object(entries) => {
            Json::Object(entries.iter().map(|(name, value)| (name.to_string(), owned(value))).collect::<Map<_, _>>())
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn fault(&self, reason: &'static str) -> PayloadError {
        PayloadError { offset: self.at, reason }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: u32) -> Result<Payload<'t>, PayloadError> {
        self.blanks();
        match self.peek() {
            Some(b'"') => self.string().map(Payload::Text),
            Some(b'{') if depth < MAX_DEPTH => self.object(depth + 1),
            Some(b'[') if depth < MAX_DEPTH => self.list(depth + 1),
            Some(b'{' | b'[') => Err(self.fault("it is nested too deep")),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Payload::Bool(true)),
            Some(b'f') => self.word("false", Payload::Bool(false)),
            Some(b'n') => self.word("null", Payload::Null),
            Some(_) => Err(self.fault("no value starts like this")),
            None => Err(self.fault("the text ends where a value is expected")),
        }
    }

    fn word(&mut self, word: &str, value: Payload<'t>) -> Result<Payload<'t>, PayloadError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.fault("no value starts like this"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self, depth: u32) -> Result<Payload<'t>, PayloadError> {
        self.at += 1;
        let mut entries = Vec::new();
        self.blanks();
        if self.take(b'}') {
            return Ok(Payload::Object(entries));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.fault("a name in quotes is expected"));
            }
            let name = self.string()?;
            self.blanks();
            if !self.take(b':') {
                return Err(self.fault("`:` is expected"));
            }
            entries.push((name, self.value(depth)?));
            self.blanks();
            if self.take(b'}') {
                return Ok(Payload::Object(entries));
            }
            if !self.take(b',') {
                return Err(self.fault("`,` or `}` is expected"));
            }
        }
    }

    fn list(&mut self, depth: u32) -> Result<Payload<'t>, PayloadError> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.take(b']') {
            return Ok(Payload::List(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.blanks();
            if self.take(b']') {
                return Ok(Payload::List(items));
            }
            if !self.take(b',') {
                return Err(self.fault("`,` or `]` is expected"));
            }
        }
    }

    fn number(&mut self) -> Result<Payload<'t>, PayloadError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') && self.digits() == 0 {
            return Err(self.fault("a digit is expected"));
        }
        if self.take(b'.') && self.digits() == 0 {
            return Err(self.fault("a digit is expected"));
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            if self.digits() == 0 {
                return Err(self.fault("a digit is expected"));
            }
        }
        Ok(Payload::Number(&self.text[start..self.at]))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self) -> Result<Cow<'t, str>, PayloadError> {
        self.at += 1;
        let start = self.at;
        let mut unescaped: Option<String> = None;
        let mut clean_from = start;
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
                Some(0..0x20) => return Err(self.fault("a control character in text must be escaped")),
                Some(_) => self.at += 1,
                None => return Err(self.fault("the text ends inside quotes")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, PayloadError> {
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
            Some(_) | None => return Err(self.fault("there is no such escape")),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// `\uXXXX`, or two of them that form one character; half a pair is refused.
    fn unicode(&mut self) -> Result<char, PayloadError> {
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
        char::from_u32(code).ok_or(PayloadError { offset: start, reason: "a lone surrogate is no character" })
    }

    fn hex(&mut self) -> Result<u32, PayloadError> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5);
        let mut code = 0;
        for digit in digits.ok_or_else(|| self.fault("four hexadecimal digits are expected"))? {
            let value = char::from(*digit).to_digit(16);
            code = code * 16 + value.ok_or_else(|| self.fault("four hexadecimal digits are expected"))?;
        }
        self.at += 5;
        Ok(code)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Both readers agree on what is JSON and on what it says.
    #[track_caller]
    fn check(text: &str) {
        match (Payload::parse(text), serde_json::from_str::<Json>(text)) {
            (Ok(found), Ok(expected)) => {
                // serde_json writes exponents its own way; compare their text as it does.
                let found: Json = serde_json::from_str(&owned(&found).to_string()).unwrap();
                assert_eq!(found, expected, "{text}");
            }
            (Err(_), Err(_)) => {}
            (found, expected) => panic!("{text:?}: {found:?} against {expected:?}"),
        }
    }

    #[test]
    fn agrees_with_the_reference_reader() {
        for text in [
            "null",
            " [ 1 , -2.50 , 1e400 , 12345678901234567890123 ] ",
            r#"{"a":{"b":[true,false]},"":0}"#,
            r#""\u0000 \u00fc \ud83d\ude00 \\ \/ \b\f\n\r\t\"""#,
            r#""\ud800""#,
            r#""\ud800\u0041""#,
            r#""\udc00""#,
            r#""\ud83d\ud83d""#,
            r#""\u12""#,
            r#""\x""#,
            "\"\u{1}\"",
            "\"ü😀\"",
            "\"",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "NaN",
            "tru",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "1 2",
            "",
            "\u{feff}1",
            "{\"a\":1,\"a\":2}",
            "[]",
            "{}",
            "\"a\\\"",
            "nullx",
        ] {
            check(text);
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert!(Payload::parse(&"[".repeat(100_000)).unwrap_err().reason.contains("too deep"));
        assert!(Payload::parse(&format!("{}{}", "[".repeat(127), "]".repeat(127))).is_ok());
    }

    #[test]
    fn plain_text_is_borrowed_and_faults_have_offsets() {
        assert!(matches!(Payload::parse("\"plain\"").unwrap(), Payload::Text(Cow::Borrowed("plain"))));
        assert_eq!(Payload::parse("{\"a\":x}").unwrap_err().offset, 5);
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_the_reference_reads_it(text in r#"[\[\]{}:,"\\ue0-9a-f.+ -]{0,24}"#) {
            check(&text);
        }

        #[test]
        fn any_string_survives(text in "\\PC{0,40}") {
            let json = serde_json::to_string(&text).unwrap();
            let read = Payload::parse(&json).unwrap();
            prop_assert_eq!(read.raw(), Some(Raw::Text(&text)));
        }
    }
}
