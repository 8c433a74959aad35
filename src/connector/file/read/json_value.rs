//! A strict JSON parser: duplicate keys, depth and trailing data are errors, numbers stay exact text.
//!
//! serde_json takes the last of duplicate keys silently and reserves some keys for itself; with data that moves money
//! neither may pass. Not here: the tokens (`model::json_text`), streaming (json) and lines (json_lines).

use std::str::FromStr;

use serde_json::{Map, Number, Value};

use crate::connector::file::error::FileCause;
use crate::model::{JsonFault, JsonText};

/// Why a text is not acceptable JSON, and at which byte of it.
pub(super) type ParseError = (usize, FileCause);

/// Longest number that is taken: more digits than any amount, identifier or coordinate has.
const NUMBER_BYTES: usize = 128;

/// Parses exactly one value.
pub(super) fn parse(text: &str, depth: usize) -> Result<Value, ParseError> {
    let mut parser = Parser { text: JsonText::new(text), limit: depth };
    let value = parser.value(0)?;
    parser.text.end().map_err(fault)?;
    Ok(value)
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

fn fault(fault: JsonFault) -> ParseError {
    (fault.offset, FileCause::Json(fault.reason.to_owned()))
}

struct Parser<'t> {
    text: JsonText<'t>,
    limit: usize,
}

impl Parser<'_> {
    fn error(&self, reason: &'static str) -> ParseError {
        fault(self.text.fault(reason))
    }

    fn value(&mut self, depth: usize) -> Result<Value, ParseError> {
        self.text.blanks();
        match self.text.peek() {
            Some(b'{' | b'[') if depth == self.limit => {
                Err((self.text.offset(), FileCause::TooDeep { limit: self.limit }))
            }
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
        self.text.word(word).map(|()| value).map_err(fault)
    }

    fn object(&mut self, depth: usize) -> Result<Value, ParseError> {
        let mut object = Map::new();
        self.text.take(b'{');
        self.text.blanks();
        if self.text.take(b'}') {
            return Ok(Value::Object(object));
        }
        loop {
            self.text.blanks();
            let start = self.text.offset();
            if self.text.peek() != Some(b'"') {
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
            self.text.blanks();
            if !self.text.take(b':') {
                return Err(self.error("expected `:`"));
            }
            let value = self.value(depth)?;
            object.insert(key, value);
            self.text.blanks();
            if self.text.take(b'}') {
                return Ok(Value::Object(object));
            }
            if !self.text.take(b',') {
                return Err(self.error("expected `,` or `}`"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, ParseError> {
        let mut items = Vec::new();
        self.text.take(b'[');
        self.text.blanks();
        if self.text.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.text.blanks();
            if self.text.take(b']') {
                return Ok(Value::Array(items));
            }
            if !self.text.take(b',') {
                return Err(self.error("expected `,` or `]`"));
            }
        }
    }

    fn number(&mut self) -> Result<Value, ParseError> {
        let start = self.text.offset();
        let literal = self.text.number().map_err(fault)?;
        if literal.len() > NUMBER_BYTES {
            return Err((start, FileCause::Json("a number of more than 128 characters".to_owned())));
        }
        // In serde_json's own spelling of exponents, so that a value equals what is read back from the store.
        Number::from_str(literal).map(Value::Number).map_err(|_| (start, FileCause::Json("not a number".to_owned())))
    }

    fn string(&mut self) -> Result<String, ParseError> {
        let start = self.text.offset();
        let string = self.text.string().map_err(fault)?;
        // Databases refuse NUL in text; it must not get further than here.
        if string.contains('\0') {
            return Err((start, FileCause::ControlCharacter { code: 0 }));
        }
        Ok(string.into_owned())
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
