//! A payload read without copying: JSON text to a tree that borrows its names, texts and number literals.
//!
//! The hot way from received bytes to a record, at a fraction of the cost of `serde_json::Value`; mappings read both alike.
//! Not here: writing JSON, anything that keeps a payload beyond its text.

use std::borrow::Cow;

use serde_json::{Map, Number, Value as Json};

use super::path::Tree;
use crate::model::{JsonFault, JsonText, Raw};

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

impl<'t> Payload<'t> {
    pub fn parse(text: &'t str) -> Result<Payload<'t>, JsonFault> {
        let mut text = JsonText::new(text);
        let payload = value(&mut text, 0)?;
        text.end()?;
        Ok(payload)
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

fn value<'t>(text: &mut JsonText<'t>, depth: u32) -> Result<Payload<'t>, JsonFault> {
    text.blanks();
    match text.peek() {
        Some(b'"') => text.string().map(Payload::Text),
        Some(b'{') if depth < MAX_DEPTH => object(text, depth + 1),
        Some(b'[') if depth < MAX_DEPTH => list(text, depth + 1),
        Some(b'{' | b'[') => Err(text.fault("nested too deep")),
        Some(b'-' | b'0'..=b'9') => text.number().map(Payload::Number),
        Some(b't') => text.word("true").map(|()| Payload::Bool(true)),
        Some(b'f') => text.word("false").map(|()| Payload::Bool(false)),
        Some(b'n') => text.word("null").map(|()| Payload::Null),
        Some(_) => Err(text.fault("expected a value")),
        None => Err(text.fault("ends early")),
    }
}

fn object<'t>(text: &mut JsonText<'t>, depth: u32) -> Result<Payload<'t>, JsonFault> {
    text.take(b'{');
    let mut entries = Vec::new();
    text.blanks();
    if text.take(b'}') {
        return Ok(Payload::Object(entries));
    }
    loop {
        text.blanks();
        if text.peek() != Some(b'"') {
            return Err(text.fault("expected a key"));
        }
        let name = text.string()?;
        text.blanks();
        if !text.take(b':') {
            return Err(text.fault("expected `:`"));
        }
        entries.push((name, value(text, depth)?));
        text.blanks();
        if text.take(b'}') {
            return Ok(Payload::Object(entries));
        }
        if !text.take(b',') {
            return Err(text.fault("expected `,` or `}`"));
        }
    }
}

fn list<'t>(text: &mut JsonText<'t>, depth: u32) -> Result<Payload<'t>, JsonFault> {
    text.take(b'[');
    let mut items = Vec::new();
    text.blanks();
    if text.take(b']') {
        return Ok(Payload::List(items));
    }
    loop {
        items.push(value(text, depth)?);
        text.blanks();
        if text.take(b']') {
            return Ok(Payload::List(items));
        }
        if !text.take(b',') {
            return Err(text.fault("expected `,` or `]`"));
        }
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
