//! XML answers turned into the same shape as JSON, refusing everything that XML can be abused for.
//!
//! Not here: writing XML (`template` texts with `escape` below), schemas, namespaces beyond dropping prefixes.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};
use thiserror::Error;

pub const MAX_DEPTH: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("byte {offset}: {reason}")]
pub struct XmlError {
    pub reason: String,
    pub offset: u64,
    pub truncated: bool,
}

/// Reads one document: elements become objects named without their prefix, attributes `@name`, text beside them `#text`,
/// elements without either plain text (empty ones null), and repeated elements a list. White space around text is layout.
pub fn parse(bytes: &[u8]) -> Result<Value, XmlError> {
    read(bytes, false)
}

/// As `parse`, but the text of an element without elements is kept to the character.
pub fn parse_exact(bytes: &[u8]) -> Result<Value, XmlError> {
    read(bytes, true)
}

fn read(bytes: &[u8], exact: bool) -> Result<Value, XmlError> {
    let text = decode(bytes)?;
    let mut reader = Reader::from_str(&text);
    let mut open: Vec<Element> = Vec::new();
    let mut root: Option<(String, Value)> = None;
    loop {
        let offset = reader.buffer_position();
        let fail = |reason: &str| XmlError { reason: reason.to_owned(), offset, truncated: false };
        let event = reader.read_event().map_err(|error| {
            // A tag that the end of the text cuts off is a cut-off answer.
            let truncated = matches!(error, quick_xml::Error::Syntax(_));
            XmlError { reason: error.to_string(), offset, truncated }
        })?;
        match event {
            Event::Start(tag) => {
                if open.len() >= MAX_DEPTH {
                    return Err(fail("nested deeper than 64 levels"));
                }
                if open.is_empty() && root.is_some() {
                    return Err(fail("a second root element"));
                }
                open.push(Element::new(&tag).map_err(|reason| fail(&reason))?);
            }
            Event::Empty(tag) => {
                if open.is_empty() && root.is_some() {
                    return Err(fail("a second root element"));
                }
                let element = Element::new(&tag).map_err(|reason| fail(&reason))?;
                close(element, exact, &mut open, &mut root);
            }
            // quick-xml has checked that the name is that of the open element.
            Event::End(_) => match open.pop() {
                Some(element) => close(element, exact, &mut open, &mut root),
                None => return Err(fail("an element is closed that was not opened")),
            },
            Event::Text(text) => append_text(&mut open, &text.xml10_content()).map_err(fail)?,
            Event::CData(text) => append_text(&mut open, &text.xml10_content()).map_err(fail)?,
            Event::GeneralRef(reference) => {
                let plain = resolve(&reference).ok_or_else(|| fail("an entity that is not predefined"))?;
                append_text(&mut open, plain.encode_utf8(&mut [0; 4])).map_err(fail)?;
            }
            Event::DocType(_) => return Err(fail("a DOCTYPE, which is never accepted")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => {
                let unclosed = open.last().map(|element| format!("the text ends inside <{}>", element.name));
                return match (unclosed, root) {
                    (None, Some((name, value))) => Ok(Value::Object(Map::from_iter([(name, value)]))),
                    (reason, _) => {
                        let reason = reason.unwrap_or_else(|| "no element at all".to_owned());
                        Err(XmlError { reason, offset, truncated: true })
                    }
                };
            }
        }
    }
}

/// Escapes text for element content and attribute values.
pub fn escape(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

fn decode(bytes: &[u8]) -> Result<String, XmlError> {
    let fail = |reason: String| XmlError { reason, offset: 0, truncated: false };
    let (encoding, body) = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, length)) => (encoding, &bytes[length..]),
        None => {
            let label = declared_encoding(bytes).unwrap_or_else(|| "utf-8".to_owned());
            let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).ok_or_else(|| {
                fail(format!("the declared encoding `{}` is unknown", super::mask::escape(&label, 40)))
            })?;
            (encoding, bytes)
        }
    };
    encoding
        .decode_without_bom_handling_and_without_replacement(body)
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| fail(format!("the text is not valid {}", encoding.name())))
}

/// The encoding named in `<?xml … encoding="…"?>`.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let head = &bytes[..bytes.len().min(200)];
    let declaration = head.strip_prefix(b"<?xml")?;
    let end = declaration.windows(2).position(|pair| pair == b"?>")?;
    let declaration = std::str::from_utf8(&declaration[..end]).ok()?;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|character| matches!(character, '"' | '\''))?;
    value[1..].split(quote).next().map(str::to_owned)
}

fn resolve(reference: &quick_xml::events::BytesRef<'_>) -> Option<char> {
    if reference.is_char_ref() {
        return reference.resolve_char_ref().ok().flatten();
    }
    match &*reference.xml10_content() {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => None,
    }
}

struct Element {
    name: String,
    fields: Map<String, Value>,
    text: String,
}

impl Element {
    fn new(tag: &BytesStart<'_>) -> Result<Self, String> {
        let mut fields = Map::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let name = local(attribute.key.as_ref());
            if attribute.key.as_ref() == "xmlns" || attribute.key.as_ref().starts_with("xmlns:") {
                continue;
            }
            let value =
                attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
            fields.insert(format!("@{name}"), Value::String(value.into_owned()));
        }
        Ok(Self { name: local(tag.name().as_ref()).to_owned(), fields, text: String::new() })
    }

    fn into_value(mut self, exact: bool) -> Value {
        if exact && self.fields.is_empty() && !self.text.is_empty() {
            return Value::String(self.text);
        }
        let text = self.text.trim();
        match (self.fields.is_empty(), text.is_empty()) {
            (true, true) => Value::Null,
            (true, false) => Value::String(text.to_owned()),
            (false, true) => Value::Object(self.fields),
            (false, false) => {
                self.fields.insert("#text".to_owned(), Value::String(text.to_owned()));
                Value::Object(self.fields)
            }
        }
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn append_text(open: &mut [Element], text: &str) -> Result<(), &'static str> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err("text outside of the root element"),
    }
    Ok(())
}

fn close(element: Element, exact: bool, open: &mut [Element], root: &mut Option<(String, Value)>) {
    let name = element.name.clone();
    let value = element.into_value(exact);
    match open.last_mut() {
        None => *root = Some((name, value)),
        Some(parent) => match parent.fields.get_mut(&name) {
            None => {
                parent.fields.insert(name, value);
            }
            // A nested list cannot come from one element, so a list here is one of repeated elements.
            Some(Value::Array(items)) => items.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn becomes_objects_and_lists() {
        let soap = r#"<?xml version="1.0" encoding="UTF-8"?>
            <soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>
            <order id="1" currency="EUR">note &amp; &#8364;<line>A</line><line><![CDATA[<B>]]></line><empty/></order>
            </soap:Body></soap:Envelope>"#;
        let expected = json!({"Envelope": {"Body": {"order": {"@id": "1", "@currency": "EUR",
            "line": ["A", "<B>"], "empty": null, "#text": "note & €"}}}});
        assert_eq!(parse(soap.as_bytes()).unwrap(), expected);
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>Gr\xf6\xdfe</a>";
        assert_eq!(parse(latin).unwrap(), json!({"a": "Größe"}));
        assert_eq!(parse(b"\xff\xfe<\0a\0/\0>\0").unwrap(), json!({"a": null}));
    }

    #[track_caller]
    fn refused(text: &[u8], needle: &str) {
        let error = parse(text).unwrap_err();
        assert!(error.reason.contains(needle), "{error}");
    }

    #[test]
    fn refuses_abuse() {
        refused(b"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "DOCTYPE");
        refused(b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "DOCTYPE");
        refused(b"<a>&b;</a>", "predefined");
        refused("<a>".repeat(1_000_000).as_bytes(), "64 levels");
        refused(b"<a><b></a>", "");
        refused(b"<a><b>", "ends inside <b>");
        refused(b"", "no element");
        refused(b"<a/><b/>", "second root");
        refused(b"<a/>text", "outside");
        refused(b"<a>\xff</a>", "valid UTF-8");
        refused(b"<?xml version='1.0' encoding='ebcdic-42'?><a/>", "unknown");
        assert!(parse(b"<a><b>1</b><b").unwrap_err().truncated);
        assert!(parse(b"<a x='1' x='2'/>").is_err());
        assert_eq!(escape("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
    }
}
