//! A row as an XML element, the inverse of the reading rules: `@name`, `#text`, arrays as repeated elements.
//!
//! A character that the encoding lacks is written as a character reference: XML has an exact spelling for it.

use serde_json::{Map, Value};

use super::spec::XmlWrite;
use crate::connector::file::encoding::{Encoder, Encoding, Unmappable};
use crate::connector::file::error::FileCause;

pub(super) fn prologue(xml: &XmlWrite, encoding: Encoding) -> Result<String, FileCause> {
    let mut text = format!("<?xml version=\"1.0\" encoding=\"{}\"?>", encoding.name().to_uppercase());
    for (index, name) in enclosing(xml).enumerate() {
        check_name(name)?;
        text.push_str(&format!("\n<{name}"));
        for (key, value) in xml.root_attributes.iter().filter(|_| index == 0) {
            check_name(key)?;
            attribute(key, value, encoding, &mut text)?;
        }
        text.push('>');
    }
    Ok(text)
}

pub(super) fn epilogue(xml: &XmlWrite) -> String {
    let names: Vec<&str> = enclosing(xml).collect();
    names.iter().rev().map(|name| format!("</{name}>")).collect()
}

pub(super) fn record(xml: &XmlWrite, encoding: Encoding, row: &Map<String, Value>) -> Result<String, FileCause> {
    let name = xml.record.rsplit('/').next().unwrap_or(&xml.record);
    let mut text = String::new();
    element(name, &Value::Object(row.clone()), encoding, 0, &mut text)?;
    Ok(text)
}

fn enclosing(xml: &XmlWrite) -> impl Iterator<Item = &str> {
    xml.record.rsplit_once('/').map(|(path, _)| path.split('/')).into_iter().flatten()
}

fn element(name: &str, value: &Value, encoding: Encoding, depth: usize, text: &mut String) -> Result<(), FileCause> {
    check_name(name)?;
    if depth == 64 {
        return Err(FileCause::TooDeep { limit: 64 });
    }
    let scalar = match value {
        Value::Array(items) => {
            return items.iter().try_for_each(|item| match item {
                Value::Array(_) => Err(FileCause::Unwritable { what: format!("a list inside the list {name:?}") }),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                    element(name, item, encoding, depth, text)
                }
            });
        }
        Value::Object(fields) => return parent(name, fields, encoding, depth, text),
        Value::Null => String::new(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(string) => string.clone(),
    };
    text.push_str(&format!("<{name}>"));
    escape(&scalar, false, encoding, text)?;
    text.push_str(&format!("</{name}>"));
    Ok(())
}

fn parent(
    name: &str,
    fields: &Map<String, Value>,
    encoding: Encoding,
    depth: usize,
    text: &mut String,
) -> Result<(), FileCause> {
    text.push_str(&format!("<{name}"));
    for (key, value) in fields {
        let Some(key) = key.strip_prefix('@') else { continue };
        check_name(key)?;
        attribute(key, &scalar(value, key)?, encoding, text)?;
    }
    text.push('>');
    for (key, value) in fields.iter().filter(|(key, _)| !key.starts_with('@')) {
        if key == "#text" {
            escape(&scalar(value, key)?, false, encoding, text)?;
        } else {
            element(key, value, encoding, depth + 1, text)?;
        }
    }
    text.push_str(&format!("</{name}>"));
    Ok(())
}

fn scalar(value: &Value, key: &str) -> Result<String, FileCause> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Null => Ok(String::new()),
        Value::Array(_) | Value::Object(_) => Err(FileCause::Unwritable { what: format!("a structure at {key:?}") }),
    }
}

fn attribute(key: &str, value: &str, encoding: Encoding, text: &mut String) -> Result<(), FileCause> {
    text.push_str(&format!(" {key}=\""));
    escape(value, true, encoding, text)?;
    text.push('"');
    Ok(())
}

fn escape(value: &str, in_attribute: bool, encoding: Encoding, text: &mut String) -> Result<(), FileCause> {
    let encoder = Encoder { encoding, unmappable: Unmappable::Fail };
    let mut buffer = [0; 4];
    for character in value.chars() {
        match character {
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '&' => text.push_str("&amp;"),
            '"' if in_attribute => text.push_str("&quot;"),
            // Readers normalise these where they stand as themselves.
            '\r' => text.push_str("&#13;"),
            '\n' if in_attribute => text.push_str("&#10;"),
            '\t' if in_attribute => text.push_str("&#9;"),
            '\t' | '\n' => text.push(character),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                return Err(FileCause::ControlCharacter { code: u32::from(character) });
            }
            other if encoder.prepare(other.encode_utf8(&mut buffer)).is_ok() => text.push(other),
            other => text.push_str(&format!("&#x{:X};", u32::from(other))),
        }
    }
    Ok(())
}

/// A subset of XML names that every reader takes; a prefix is allowed.
fn check_name(name: &str) -> Result<(), FileCause> {
    let starts = name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    let continues = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'));
    if starts && continues { Ok(()) } else { Err(FileCause::Unwritable { what: format!("the element name {name:?}") }) }
}
