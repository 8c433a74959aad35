//! A strict JSON parser: duplicate keys, depth and trailing data are errors, numbers stay exact text.
//!
//! serde_json takes the last of duplicate keys silently and reserves some keys for itself; with data that moves money
//! neither may pass. Not here: streaming (json) and lines (json_lines).

use std::str::FromStr;

use serde_json::{Map, Number, Value};

use crate::connector::file::error::FileCause;

/// Why a text is not acceptable JSON, and at which byte of it.
pub(super) type ParseError = (usize, FileCause);

/// Longest number that is taken: more digits than any amount, identifier or coordinate has.
const NUMBER_BYTES: usize = 128;

/// Parses exactly one value.
pub(super) fn parse(text: &str, depth: usize) -> Result<Value, ParseError> {
    let mut parser = Parser { text, at: 0, limit: depth };
    let value = parser.value(0)?;
    parser.blank();
    if parser.at < text.len() { Err(parser.error("text after the value")) } else { Ok(value) }
}

pub(super) fn object(value: Value) -> Result<Map<String, Value>, FileCause> {
    let kind = match value {
        Value::Object(object) => return Ok(object),
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
    };
    Err(FileCause::NotAnObject(kind))
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    limit: usize,
}

impl Parser<'_> {
    fn error(&self, reason: &str) -> ParseError {
        (self.at, FileCause::Json(reason.to_owned()))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8, reason: &str) -> Result<(), ParseError> {
        if self.peek() != Some(byte) {
            return Err(self.error(reason));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Value, ParseError> {
        self.blank();
        match self.peek() {
            Some(b'{' | b'[') if depth == self.limit => Err((self.at, FileCause::TooDeep { limit: self.limit })),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string().map(Value::String),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.error("expected a value")),
            None => Err(self.error("ends early")),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, ParseError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.error("expected a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Result<Value, ParseError> {
        let mut object = Map::new();
        self.at += 1;
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(object));
        }
        loop {
            self.blank();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.error("expected a key"));
            }
            let key = self.string()?;
            if object.contains_key(&key) {
                return Err((start, FileCause::DuplicateKey(key)));
            }
            // These would be taken for a number or raw text when the value is stored and read back.
            if key.starts_with("$serde_json::private::") {
                return Err((start, FileCause::Json("reserved key".to_owned())));
            }
            self.blank();
            self.take(b':', "expected `:`")?;
            let value = self.value(depth)?;
            object.insert(key, value);
            self.blank();
            if self.peek() == Some(b',') {
                self.at += 1;
                continue;
            }
            self.take(b'}', "expected `,` or `}`")?;
            return Ok(Value::Object(object));
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, ParseError> {
        let mut items = Vec::new();
        self.at += 1;
        self.blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.blank();
            if self.peek() == Some(b',') {
                self.at += 1;
                continue;
            }
            self.take(b']', "expected `,` or `]`")?;
            return Ok(Value::Array(items));
        }
    }

    fn number(&mut self) -> Result<Value, ParseError> {
        let rest = &self.text[self.at..];
        let is_part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.bytes().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        if length > NUMBER_BYTES {
            return Err(self.error("a number of more than 128 characters"));
        }
        let number = Number::from_str(&rest[..length]).map_err(|_| self.error("not a number"))?;
        self.at += length;
        Ok(Value::Number(number))
    }

    fn string(&mut self) -> Result<String, ParseError> {
        self.at += 1;
        let mut string = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20);
            let Some(plain) = plain else {
                self.at = self.text.len();
                return Err(self.error("ends inside a string"));
            };
            string.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => {
                    let character = self.escape()?;
                    string.push(character);
                }
                Some(_) | None => return Err(self.error("control character inside a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        self.at += 1;
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            Some(_) | None => return Err(self.error("unknown escape")),
        };
        self.at += 1;
        Ok(character)
    }

    fn unicode_escape(&mut self) -> Result<char, ParseError> {
        let start = self.at;
        let first = self.code_unit()?;
        let second = if (0xD800..0xDC00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            self.at += 1;
            Some(self.code_unit()?)
        } else {
            None
        };
        let mut decoded = char::decode_utf16([Some(first), second].into_iter().flatten());
        match (decoded.next(), decoded.next()) {
            // Databases refuse NUL in text; it must not get further than here.
            (Some(Ok('\0')), _) => Err((start, FileCause::ControlCharacter { code: 0 })),
            (Some(Ok(character)), None) => Ok(character),
            (_, _) => Err((start, FileCause::Json("half a surrogate pair".to_owned()))),
        }
    }

    /// At `u`: the four hex digits after it.
    fn code_unit(&mut self) -> Result<u16, ParseError> {
        let digits = self.text.get(self.at + 1..self.at + 5).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|hex| u16::from_str_radix(hex, 16).ok());
        let unit = unit.ok_or_else(|| self.error("bad \\u escape"))?;
        self.at += 5;
        Ok(unit)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_bad(text: &str, expected: &str) {
        assert_eq!(parse(text, 64).unwrap_err().1.to_string(), expected, "{text:?}");
    }

    #[test]
    fn values_equal_the_reference_parser() {
        for text in [
            r#"{"a":[1,-0.50,1e400,12345678901234567890123],"b":{"c":null,"d":true,"e":false},"":"x"}"#,
            r#" [ ] "#,
            r#""\u00fc\ud83d\ude00\n\"\\\/""#,
            "0",
        ] {
            assert_eq!(parse(text, 64).unwrap(), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn what_would_lose_or_change_data_is_refused() {
        check_bad(r#"{"a":1,"a":2}"#, r#"key "a" appears twice in one object"#);
        check_bad(r#"{"a":1,"\u0061":2}"#, r#"key "a" appears twice in one object"#);
        check_bad(r#"{"$serde_json::private::Number":"1"}"#, "not valid JSON: reserved key");
        check_bad(r#""\ud83d""#, "not valid JSON: half a surrogate pair");
        check_bad(r#""\ud83dA""#, "not valid JSON: half a surrogate pair");
        check_bad(r#""\u0000""#, "control character U+0000 in the text");
        check_bad("{} x", "not valid JSON: text after the value");
        check_bad("{\"a\":\"b", "not valid JSON: ends inside a string");
        check_bad("01", "not valid JSON: not a number");
        check_bad("1.", "not valid JSON: not a number");
        check_bad("NaN", "not valid JSON: expected a value");
        check_bad("[1,]", "not valid JSON: expected a value");
        check_bad("\"a\tb\"", "not valid JSON: control character inside a string");
        check_bad(&"9".repeat(200), "not valid JSON: a number of more than 128 characters");
        check_bad(&"[".repeat(100_000), "nested deeper than 64 levels");
        check_bad("", "not valid JSON: ends early");
    }

    #[test]
    fn depth_counts_levels() {
        assert!(parse(&format!("{}{}", "[".repeat(64), "]".repeat(64)), 64).is_ok());
        assert!(parse(&format!("{}{}", "[".repeat(65), "]".repeat(65)), 64).is_err());
    }
}
